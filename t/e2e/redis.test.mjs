// Redis goes away, hangs, forgets its scripts, cuts links; and comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventStream, Session, WorkerAgent, assertError, request, user, users }
  from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect, dial } from './lib/sio.mjs';

async function withServer(options, use) {
  const server = await start({ workers: 2, chat: NO_RATE, ...options });
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

// all that needs Redis says 503 with JSON, at once
async function allAway(server, session) {
  const room = { user1: session.id, user2: '1' };
  for (const [method, path, body] of [
    ['GET', '/me'], ['GET', '/users/online'], ['GET', '/users?ids[]=1'],
    ['GET', `/rooms/${session.id}`], ['POST', '/room', room],
    ['GET', '/room/0/preload'], ['GET', '/room/0/messages'],
    ['POST', '/login', { username: 'x', password: 'y' }], ['POST', '/logout'],
    ['GET', '/events'], ['GET', '/stream'],
  ]) {
    const started = Date.now();
    const reply = await session.request(path, { method, body });
    const took = Date.now() - started;
    assertError(reply, 503, `${method} ${path}`);
    assert.ok(took < 1000, `${method} ${path} took ${took} ms`);
  }
  assert.equal((await request(server, '/links')).status, 200,
               'what needs no Redis works');
}

// every worker has both its links again
async function recovers(session) {
  const { server } = session;
  for (const pid of server.workerPids()) {
    const agent = new WorkerAgent(server, () => pid);
    await until(async () =>
      (await session.get('/me', { agent })).status === 200,
                `worker ${pid} is back`, 8000);
  }
  await until(async () => {
    const [, count] = await server.redis.client.pubsub('NUMSUB', 'MESSAGES');
    return count >= server.workerPids().length;
  }, 'the subscriptions are back', 8000);
}

const working = (client, text) => until(async () => {
  const ack = await client.send('0', text);
  return ack.ok ? ack : sleep(50);
}, `${text} is taken`, 10000);

test('kill -9 of Redis and a restart', () => withServer({}, async (server) => {
  const [anna, ben] = await users(server, 2);
  const { redis } = server;
  const [pid] = server.workerPids();
  const a = await connect(anna, { transports: ['websocket'] });
  // without Redis there is no relay to another worker
  const b = await connect(ben, { transports: ['polling'],
                                 agent: new WorkerAgent(server, () => pid) });
  let stream = await EventStream.open(ben, '/events');
  const room = anna.roomWith(ben);
  await a.send(room, 'before');
  await b.waitForText('before');
  await stream.waitFor((e) => e.data.message === 'before', 'stream');

  for (let round = 0; round < 2; round++) {
    const c = await connect(anna, { transports: ['websocket'] });
    await redis.kill9();
    await sleep(100);
    await allAway(server, anna);
    const started = Date.now();
    for (const client of [a, b]) {
      const ack = await client.send(room, `lost ${round}`);
      assert.equal(typeof ack.error, 'string');
      assert.equal(ack.retry, true);
      assert.equal(ack.ok, undefined);
    }
    const join = await c.emit('room.join', room, { after: '1' });
    assert.equal(typeof join.error, 'string');
    // it would miss something, and has to come again
    await until(() => !c.socket.connected, 'closed');
    assert.ok(Date.now() - started < 3000);
    await sleep(1200);
    for (const client of [a, b]) {
      assert.equal(client.socket.connected, true, 'live sockets stay open');
      assert.deepEqual(client.reasons, []);
    }
    assert.equal(stream.closed, false);

    await redis.start();
    await recovers(anna);
    assert.equal((await anna.get('/me')).json.id, anna.id);
    const ack = await working(a, `after ${round}`);
    for (const client of [a, b]) {
      const got = await client.waitForText(`after ${round}`);
      assert.equal(got.id, ack.id);
    }
    // it knows one position for all rooms, and resumes from there
    await until(() => stream.closed, 'the stream ends');
    const { id } = stream.events.findLast((e) => e.id);
    stream = await EventStream.open(ben, '/events', { 'Last-Event-ID': id });
    await stream.waitFor((e) => e.data.message === `after ${round}`, 'stream');
    await working(b, `back ${round}`);
    await a.waitForText(`back ${round}`);
    assert.ok(![...a.texts(), ...b.texts()].includes(`lost ${round}`));
    assert.ok((await until(async () => {
      const online = Object.keys((await anna.get('/users/online')).json);
      return online.includes(anna.id) && online.includes(ben.id);
    }, 'both are online again', 12000)));
  }
  const c = await connect(await user(server));
  assert.equal((await c.send('0', 'newcomer')).ok, true);
  await b.waitForText('newcomer');
  stream.close();
  await closeAll(a, b, c);
}));

test('what others wrote while the link was down comes after it, once',
     () => withServer({ hosts: 2 }, async (server) => {
  const { client: redis } = server.redis;
  const anna = await user(server.hosts[0]);
  const ben = await user(server.hosts[1]);
  const a = await connect(anna);
  const b = await connect(ben);
  const room = anna.roomWith(ben);
  const ids = [];
  const texts = [];
  for (let i = 0; i < 60; i++) {
    texts.push(`m ${i}`);
    const ack = await until(async () => {
      const reply = await b.send(room, `m ${i}`, { nonce: `gap-${i}` });
      return reply.ok ? reply : sleep(50);
    }, 'taken', 8000);
    ids.push(ack.id);
    // the subscriptions of all workers are cut, again and again
    if (i % 10 === 5) await redis.client('KILL', 'TYPE', 'pubsub');
  }
  await until(() => a.messages(room).at(-1)?.id === ids.at(-1),
              'the last one comes', 10000);
  await until(() => b.messages(room).at(-1)?.id === ids.at(-1),
              'the last one comes back', 10000);
  assert.deepEqual(a.texts(room), texts);
  assert.deepEqual(a.messages(room).map((m) => m.id), ids);
  assert.deepEqual(b.messages(room).map((m) => m.id), ids);
  await closeAll(a, b);
}));

test('CLIENT KILL of all links', () => withServer({}, async (server) => {
  const { client: redis } = server.redis;
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b = await connect(ben, { transports: ['polling'] });
  for (let round = 0; round < 5; round++) {
    const own = await redis.client('ID');
    const list = await redis.client('LIST');
    for (const [, id] of list.matchAll(/^id=(\d+)/gm)) {
      if (Number(id) !== own) await redis.client('KILL', 'ID', id);
    }
    await recovers(anna);
    await working(a, `killed ${round}`);
    await b.waitForText(`killed ${round}`);
    await working(b, `back ${round}`);
    await a.waitForText(`back ${round}`);
    await b.waitForText(`back ${round}`);
  }
  assert.deepEqual([...a.reasons, ...b.reasons], []);
  assert.equal(a.texts().length, b.texts().length);
  assert.equal(new Set(a.texts()).size, a.texts().length, 'none twice');
  await closeAll(a, b);
}));

test('SCRIPT FLUSH: NOSCRIPT is nothing that a user notices',
     () => withServer({}, async (server) => {
  const { client: redis } = server.redis;
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b = await connect(ben);
  for (let i = 0; i < 5; i++) {
    await redis.script('FLUSH');
    assert.equal((await a.send('0', `flush ${i}`)).ok, true);
    await redis.script('FLUSH');
    assert.equal((await anna.get('/room/0/messages')).json[0].message,
                 `flush ${i}`);
    await redis.script('FLUSH');
    assert.equal((await anna.get('/users/online')).status, 200);
    await redis.script('FLUSH');
    const c = await connect(await user(server));
    c.close();
  }
  await b.waitForText('flush 4');
  // many at once, all of them NOSCRIPT
  await redis.script('FLUSH');
  const acks = await Promise.all(Array.from({ length: 50 }, (_, i) =>
    a.send('0', `many ${i}`)));
  assert.ok(acks.every((ack) => ack.ok));
  await b.waitForText('many 49');
  assert.deepEqual(b.texts().slice(-50),
                   Array.from({ length: 50 }, (_, i) => `many ${i}`));
  await closeAll(a, b);
}));

test('a Redis that hangs is a timeout, not a wait',
     () => withServer({}, async (server) => {
  const anna = await user(server);
  const a = await connect(anna, { transports: ['websocket'] });
  server.redis.pause();
  const started = Date.now();
  const replies = await Promise.all([
    anna.get('/me'), anna.get('/room/0/preload'), anna.get('/users/online'),
    request(server, '/room/0/preload'),
  ]);
  for (const reply of replies) assertError(reply, 503);
  const ack = await a.send('0', 'while it hangs');
  assert.equal(typeof ack.error, 'string');
  assert.equal(ack.retry, true);
  assert.ok(Date.now() - started < 8000, `${Date.now() - started} ms`);
  assert.equal((await request(server, '/links')).status, 200);
  server.redis.resume();
  await recovers(anna);
  await working(a, 'after the pause');
  await a.waitForText('after the pause');
  assert.deepEqual(a.reasons, []);
  await closeAll(a);
}));

test('a worker that is late to come back is not taken for dead',
     () => withServer({}, async (server) => {
  const { redis } = server;
  const anna = await user(server);
  const [home, away] = server.workerPids();
  const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
  const polling = await Polling.connect(anna, at(home));
  polling.options = at(away);
  const waiting = polling.next((p) => p.includes('after'), 30000);
  waiting.catch(() => {});
  await sleep(200);
  await redis.kill9();
  // longer than a lease
  await sleep(6500);
  process.kill(home, 'SIGSTOP');
  try {
    await redis.start();
    const leases = async () => (await redis.client.zrange('chat:workers', 0, -1,
      'WITHSCORES')).filter((s, i) => i % 2 && Number(s) > Date.now());
    await until(async () => (await leases()).length === 1,
                'the other one is back');
    // what it does about those that are not
    await sleep(1000);
  } finally {
    process.kill(home, 'SIGCONT');
  }
  await recovers(anna);
  await polling.post('42["message",{"roomId":"0","message":"after","from":"'
                     + `${anna.id}"}]`);
  await waiting;
}));

// one host gives Redis up well before the other, whatever the machine's load is
test('chat_redis_read_timeout and chat_redis_connect_timeout', () => withServer(
  { workers: 1, hosts: 2, places: [
    { http: 'chat_redis_read_timeout 3s; chat_redis_connect_timeout 500ms;' },
    { http: 'chat_redis_read_timeout 7s; chat_redis_connect_timeout 4s;' },
  ] }, async (server) => {
    const { hosts, redis } = server;
    const refused = (host) => request(host, '/room/0/preload',
      { timeout: 20000 }).then((reply) => {
      assertError(reply, 503);
      return Date.now();
    });
    const oneAfterTheOther = async (why) => {
      const [first, second] = await Promise.all(hosts.map(refused));
      assert.ok(second - first > 1500, `${second - first} ms`);
      for (const host of hosts) {
        await until(() => host.errorLog().match(why)?.length === 2,
                    'both links say so');
      }
    };
    redis.pause();
    await oneAfterTheOther(/(a reply timed out|nothing came for too long)/g);
    for (const host of hosts) await host.reload();
    await oneAfterTheOther(/connecting timed out/g);
    redis.resume();
    for (const host of hosts) {
      await until(async () => (await request(host, '/room/0/preload'))
        .status === 200, 'served again');
    }
  }));

test('nginx that starts before Redis', () => withServer(
  { workers: 2 }, async (server) => {
    // a reload while Redis is away gives workers that have never seen it
    const anna = await user(server);
    await server.redis.kill9();
    await server.reload();
    assertError(await anna.get('/me'), 503);
    await server.redis.start();
    await recovers(anna);
    const a = await connect(anna);
    assert.equal((await a.send('0', 'here')).ok, true);
    await a.waitForText('here');
    await closeAll(a);
  }));

test('who connects while Redis is away is in when it is back',
     () => withServer({}, async (server) => {
  const anna = await user(server);
  await server.redis.kill9();
  await sleep(100);
  const clients = [['polling'], ['websocket'], ['polling', 'websocket']]
    .map((transports) => dial(anna, {
      transports, reconnection: true, reconnectionDelay: 100,
      reconnectionDelayMax: 500 }));
  await sleep(1500);
  for (const client of clients) assert.equal(client.socket.connected, false);
  await server.redis.start();
  await recovers(anna);
  await until(() => clients.every((c) => c.socket.connected), 'all are in',
              20000);
  assert.equal((await clients[0].send('0', 'in')).ok, true);
  for (const client of clients) await client.waitForText('in');
  await closeAll(clients);
}));

test('errors of Redis are no crash: read-only, out of memory, wrong types',
     () => withServer({}, async (server) => {
  const { client: redis } = server.redis;
  const anna = await user(server);
  const a = await connect(anna);
  await redis.config('SET', 'maxmemory', '1');
  const ack = await a.send('0', 'no room');
  assert.equal(typeof ack.error, 'string');
  assert.equal(ack.retry, true);
  const reply = await request(server, '/login', {
    method: 'POST', body: { username: 'nobody', password: 'x' } });
  assertError(reply, 503);
  await redis.config('SET', 'maxmemory', '0');
  assert.equal((await a.send('0', 'room again')).ok, true);

  await redis.set('room:broken:name', 'Broken');
  await redis.sadd(`user:${anna.id}:rooms`, 'broken');
  await redis.set('room:broken', 'a string');
  const broken = await anna.get('/room/broken/messages');
  assert.ok(broken.status >= 500, String(broken.status));
  assertError(broken, broken.status);
  const refused = await a.send('broken', 'x');
  assert.equal(typeof refused.error, 'string');
  await redis.del(`user:${anna.id}:rooms`);
  await redis.set(`user:${anna.id}:rooms`, 'x');
  const rooms = await anna.get(`/rooms/${anna.id}`);
  assert.ok([200, 500, 502, 503].includes(rooms.status));
  assert.equal((await a.send('0', 'still here')).ok, true);
  await closeAll(a);
}));

test('AUTH and SELECT', async () => {
  const server = await start({ workers: 1, ready: false,
    seed: async (redis) => {
      await redis.acl('SETUSER', 'chat', 'on', '>pa:ss/w%rd', '~*', '&*',
                      '+@all');
    },
    redisUrl: (redis) =>
      `redis+unix://chat:pa%3Ass%2Fw%25rd@${redis.socket}?db=3`,
    chat: NO_RATE });
  try {
    const anna = await until(async () => {
      const session = new Session(server);
      const reply = await session.logIn('anna', 'x');
      return reply.status === 201 && session;
    }, 'logs in');
    const a = await connect(anna);
    assert.equal((await a.send('0', 'in db 3')).ok, true);
    await a.waitForText('in db 3');
    const db = server.redis.connect({ db: 3 });
    assert.equal(await db.get('username:anna'), `user:${anna.id}`);
    assert.equal(await server.redis.client.dbsize(), 0);
    assert.ok(!server.errorLog().includes('pa:ss'), 'no password in the log');
    assert.ok(!server.errorLog().includes('pa%3Ass'));
    await closeAll(a);
  } finally {
    await server.stop();
  }
});

test('polling over two workers: the client comes back', () => withServer(
  {}, async (server) => {
    const [anna, ben] = await users(server, 2);
    const [home, away] = server.workerPids();
    const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
    // a GET that hangs at another worker is ended
    const polling = await Polling.connect(anna, at(home));
    const hanging = polling.get({ ...at(away), timeout: 15000 });
    const clients = await Promise.all(Array.from({ length: 10 }, () =>
      connect(ben, { transports: ['polling'], reconnection: true,
                     reconnectionDelay: 100, reconnectionDelayMax: 300,
                     agent: new WorkerAgent(server, () => undefined) })));
    await server.redis.kill9();
    await sleep(500);
    await server.redis.start();
    await recovers(anna);
    await hanging;
    const a = await connect(anna);
    await until(async () => {
      const text = `here ${Math.random()}`;
      assert.equal((await a.send('0', text)).ok, true);
      await sleep(300);
      return clients.every((c) => c.texts().includes(text));
    }, 'all clients get messages', 15000);
    await closeAll(a, clients);
  }));
