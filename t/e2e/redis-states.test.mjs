// A Redis that answers, but not as usual: without its data or with older data,
// loading, read-only, full, with something else at the chat's keys. What its
// users are told, what goes on, and that all is well again afterwards.
// (redis.test.mjs has the Redis that is away.)

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { EventStream, WorkerAgent, assertError, onlineIds, request, uniqueName,
         user, users } from './lib/http.mjs';
import { Follower } from './lib/follow.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, RedisServer, sleep, start, subscribed, until, within }
  from './lib/server.mjs';
import { closeAll, connect, dial } from './lib/sio.mjs';
import { RawWebSocket } from './lib/websocket.mjs';

const ALL = [['polling'], ['websocket'], ['polling', 'websocket']];

async function withServer(options, use) {
  const server = await start({ workers: 2, chat: NO_RATE, ...options });
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

const send = (client, room, text) => until(async () => {
  const ack = await client.send(room, text, { nonce: text });
  return ack.ok ? ack : sleep(50);
}, `${text} is taken`, 10000);

// ends Redis, lets change() change what it has, and starts it again
async function restartedWith(server, change) {
  const { redis } = server;
  await redis.kill9();
  fs.rmSync(path.join(redis.dir, 'appendonlydir'), { recursive: true });
  if (change) {
    // where the workers don't find it
    const aside = new RedisServer(redis.dir, ['--unixsocket',
      path.join(redis.dir, 'aside.sock')]);
    aside.socket = path.join(redis.dir, 'aside.sock');
    await aside.start();
    await change(aside.client);
    await aside.stop();
  }
  await redis.start();
  await subscribed(server);
  // and each worker's commands are answered
  for (const pid of server.workerPids()) {
    const agent = new WorkerAgent(server, () => pid);
    await until(async () => (await request(server, '/room/0/preload',
      { agent })).status === 200, `worker ${pid} is back`);
  }
}

const quick = `${NO_RATE} chat_ping_interval 500ms; chat_ping_timeout 5s;`;

test('a restart without its data: who was logged in is told so',
     () => withServer({ chat: quick }, async (server) => {
  const [anna, ben] = await users(server, 2);
  const clients = [await connect(ben), ...await Promise.all(ALL.map(
    (transports) => connect(anna, { transports })))];
  const ws = await RawWebSocket.connect(anna);
  const polling = await Polling.connect(anna);
  const stream = await EventStream.open(anna, '/events');
  await send(clients[0], '0', 'before');
  for (const client of clients) await client.waitForText('before');

  await restartedWith(server);
  assert.equal((await anna.get('/me')).text, 'null');
  assertError(await anna.get('/users/online'), 403);

  // every live connection of theirs ends, and none is let in again
  await ws.gone(8000);
  await until(async () => (await polling.get()).status === 400,
              'the polling session is over', 8000);
  for (const client of clients) {
    await until(() => client.reasons.length, 'it is told', 8000);
    const error = within(new Promise((done) => {
      client.socket.once('connect_error', done);
    }), 5000, 'refused');
    client.socket.connect();
    assert.equal((await error).message, 'Please log in first');
  }
  await until(() => stream.closed, 'the stream ends', 16000);
  const again = await EventStream.open(anna, '/events');
  assert.equal(again.status, 403);
  await closeAll(clients);

  // and all begins anew
  const names = [uniqueName('new'), uniqueName('new')];
  const [carl, dora] = [await user(server, names[0], 'x'),
                        await user(server, names[1], 'x')];
  const c = await connect(carl);
  const d = await connect(dora, { transports: ['polling'] });
  const room = carl.roomWith(dora);
  for (let i = 0; i < 3; i++) {
    await send(c, room, `anew ${i}`);
    await send(d, '0', `general ${i}`);
  }
  await c.waitForText('general 2');
  await d.waitForText('anew 2');
  assert.deepEqual(d.texts(room), ['anew 0', 'anew 1', 'anew 2']);
  assert.deepEqual(c.texts('0'), ['general 0', 'general 1', 'general 2']);
  assert.deepEqual(await onlineIds(carl), [carl.id, dora.id].sort());
  await closeAll(c, d);
}));

// what is needed so that a session outlives the data
const keepSession = async (redis) => {
  const kept = [];
  for (const pattern of ['chat:session*', 'user:*', 'username:*',
                         'total_users']) {
    for (const key of await redis.keys(pattern)) {
      kept.push([key, await redis.dumpBuffer(key)]);
    }
  }
  return async (to) => {
    for (const [key, data] of kept) {
      await to.call('RESTORE', key, key.startsWith('chat:') ? 600000 : 0, data);
    }
  };
};

// the positions of a room, seconds from now, before and after the restart
for (const [what, before, after] of [
  ['nothing is left', 0, null],
  ['an older state', 0, -100],
  ['nothing is left, and the clock went back', 3600, null],
  ['an older state, and the clock went back', 3600, -100],
  ['an older state, and the clock went back a little', 5, 4],
]) {
  test(`history that is another after an outage: ${what}`,
       () => withServer({}, async (server) => {
    const { redis } = server;
    const [anna, ben] = await users(server, 2);
    const room = anna.roomWith(ben);
    const old = (at, text, roomId) => {
      const id = `${Math.floor(Date.now() / 1000) + at}.000000`;
      return [`room:${roomId}`, id, JSON.stringify({
        id, from: anna.id, date: Math.floor(id), message: text, roomId })];
    };
    for (const id of ['0', room]) {
      if (before) await redis.client.zadd(...old(before, 'the clock', id));
    }
    const a = await connect(anna);
    const b = await connect(ben, { transports: ['polling'] });
    // (one that comes back and says where it was is taken at its word)
    const stream = before ? null : await Follower.open(ben);
    for (const id of ['0', room]) {
      await send(a, id, `before ${id}`);
      await b.waitForText(`before ${id}`);
    }
    const restore = await keepSession(redis.client);
    await restartedWith(server, async (client) => {
      await restore(client);
      if (after === null) return;
      for (const id of ['0', room]) {
        await client.zadd(...old(after, 'from the backup', id));
      }
    });
    await sleep(1000);
    for (const id of ['0', room]) {
      for (let i = 0; i < 3; i++) await send(a, id, `after ${i} ${id}`);
      await b.waitForText(`after 2 ${id}`);
      const texts = [0, 1, 2].map((i) => `after ${i} ${id}`);
      for (const client of [a, b]) {
        assert.deepEqual(client.texts(id).filter((t) => /after/.test(t)),
                         texts);
      }
      if (!stream) continue;
      await stream.waitForText(texts[2]);
      assert.deepEqual(stream.texts(id).filter((t) => /after/.test(t)), texts);
    }
    assert.deepEqual([...a.reasons, ...b.reasons], []);
    stream?.close();
    await closeAll(a, b);
  }));
}

test('LOADING: 503 meanwhile, sockets stay, and then all is there',
     () => withServer({}, async (server) => {
  const { redis } = server;
  const [anna, ben] = await users(server, 2);
  const clients = [await connect(ben), ...await Promise.all(ALL.map(
    (transports) => connect(anna, { transports })))];
  const stream = await Follower.open(anna);
  await send(clients[0], '0', 'before');
  for (let i = 0; i < 500; i++) await redis.client.set(`filler:${i}`, i);
  await redis.client.bgrewriteaof();
  await until(async () => /aof_rewrite_in_progress:0[\s\S]*aof_base_size:\d{4}/
    .test(await redis.client.info('persistence')), 'the base is written');
  await redis.kill9();

  // ten milliseconds for each key
  redis.args = ['--key-load-delay', '10000',
                '--loading-process-events-interval-bytes', '1024'];
  const starting = redis.start();
  const raw = redis.connect({
    enableReadyCheck: false, maxRetriesPerRequest: null });
  await until(async () => (await raw.ping().catch((e) => e.message))
    .startsWith('LOADING'), 'it is loading', 5000);
  for (const session of [anna, ben]) {
    assertError(await session.get('/me'), 503);
    assertError(await session.get('/room/0/messages'), 503);
  }
  const ack = await clients[2].send('0', 'while it loads');
  assert.equal(typeof ack.error, 'string');
  assert.equal(ack.retry, true);
  assert.match(await raw.ping().catch((e) => e.message), /^LOADING/,
               'all that was while it loaded');
  await within(starting, 30000, 'it has loaded');
  await subscribed(server);
  await send(clients[1], '0', 'after');
  for (const client of clients) {
    await client.waitForText('after');
    assert.deepEqual(client.texts('0'), ['before', 'after']);
    assert.deepEqual(client.reasons, []);
  }
  await stream.waitForText('after');
  assert.deepEqual(stream.texts('0'), ['before', 'after']);
  stream.close();
  await closeAll(clients);
}));

// longer than a lease: who is online is known again afterwards, and the
// subscriptions stay, since what can be read can still be got
for (const [what, begin, end] of [
  ['OOM', (redis) => redis.config('SET', 'maxmemory', '1'),
   (redis) => redis.config('SET', 'maxmemory', '0')],
  ['READONLY', (redis) => redis.call('REPLICAOF', '127.0.0.1', '1'),
   (redis) => redis.call('REPLICAOF', 'NO', 'ONE')],
]) {
  test(`${what} for a while: refused loudly, and nothing else is lost`,
       () => withServer({}, async (server) => {
    const { client: redis } = server.redis;
    const [anna, ben] = await users(server, 2);
    const room = anna.roomWith(ben);
    const [home, away] = server.workerPids();
    const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
    const a = await connect(anna, { transports: ['websocket'], ...at(home) });
    const b = await connect(ben, { transports: ['polling'], ...at(home) });
    // whose requests are relayed
    const relayed = await Polling.connect(ben, at(home));
    relayed.options = at(away);
    const stream = await Follower.open(ben);
    await send(a, room, 'before');
    await b.waitForText('before');

    await begin(redis);
    for (const [client, id] of [[a, room], [b, room], [a, '0'], [b, '0']]) {
      const ack = await client.send(id, 'refused');
      assert.equal(typeof ack.error, 'string');
      assert.equal(ack.retry, true);
    }
    assert.equal((await a.emit('room.join', room)).ok, true);
    await sleep(9000);
    relayed.emit(1, 'no.such');
    await relayed.next((p) => p.startsWith('431'));
    assert.ok(!server.errorLog().includes('is away'), 'the links stay');
    await end(redis);

    await send(a, room, 'after');
    await send(b, '0', 'after');
    for (const client of [a, b]) {
      await client.waitForText('after');
      assert.deepEqual(client.texts(room), ['before', 'after']);
      assert.deepEqual(client.reasons, []);
    }
    await relayed.next((p) => /"after"/.test(p));
    await stream.waitForText('after');
    // what other workers took away as a dead worker's is there again
    await sleep(4000);
    assert.deepEqual(await onlineIds(anna), [anna.id, ben.id].sort());
    stream.close();
    await closeAll(a, b);
  }));
}

test('who comes while Redis takes no writes is online when it does',
     () => withServer({ workers: 1 }, async (server) => {
  const { client: redis } = server.redis;
  const [anna, ben] = await users(server, 2);
  await redis.config('SET', 'maxmemory', '1');
  const a = dial(anna, { reconnection: true, reconnectionDelay: 100 });
  await sleep(2500);
  await redis.config('SET', 'maxmemory', '0');
  await until(() => a.socket.connected, 'connected', 10000);
  await until(async () => (await onlineIds(ben)).includes(anna.id), 'online');
  await closeAll(a);
}));

test('something else at the chat\'s keys is no crash, and concerns nobody else',
     () => withServer({}, async (server) => {
  const { client: redis } = server.redis;
  const [anna, ben, carl] = await users(server, 3);
  const wrong = async (key) => {
    await redis.del(key);
    await (key.endsWith(':name') || key.startsWith('chat:nonce')
      ? redis.lpush(key, 'x') : redis.set(key, 'x'));
  };
  const a = await connect(anna);
  const b = await connect(ben, { transports: ['polling'] });
  const refused = async (client, room, more) => {
    const ack = await client.send(room, 'refused', more);
    assert.equal(typeof ack.error, 'string');
    assert.equal(ack.ok, undefined);
  };
  await send(a, '0', 'before');

  // a room's messages
  await wrong('room:0');
  await refused(a, '0');
  assertError(await anna.get('/room/0/messages'), 500);
  const room = anna.roomWith(ben);
  await send(a, room, 'elsewhere');
  await b.waitForText('elsewhere');
  await redis.del('room:0');
  await send(a, '0', 'again');
  await b.waitForText('again');

  // a nonce's key
  await wrong(`chat:nonce:0:${anna.id}:mine`);
  await refused(a, '0', { nonce: 'mine' });
  assert.equal((await a.send('0', 'another', { nonce: 'other' })).ok, true);

  // a user's rooms: they don't get in, and are told to come again
  await wrong(`user:${carl.id}:rooms`);
  const c = dial(carl, { transports: ['websocket'], reconnection: true,
                         reconnectionDelay: 100 });
  await sleep(1000);
  assert.equal(c.socket.connected, false);
  await redis.del(`user:${carl.id}:rooms`);
  await until(() => c.socket.connected, 'and do when they are there', 10000);

  // who is where: the chat goes on without that
  for (const key of ['chat:workers', 'online_users',
                     `chat:live:${ben.id}`]) {
    await wrong(key);
  }
  await sleep(7000);
  await send(a, '0', 'nobody is online');
  await b.waitForText('nobody is online');
  const d = await connect(await user(server));
  await send(d, '0', 'somebody new');
  await a.waitForText('somebody new');
  assert.deepEqual([...a.reasons, ...b.reasons, ...d.reasons], []);
  await redis.del('chat:workers', 'online_users', `chat:live:${ben.id}`);
  await until(async () => {
    const online = await onlineIds(anna);
    return [anna, ben, carl, d.session].every((who) =>
      online.includes(who.id));
  }, 'all are online again', 10000);
  const lines = server.errorLog().split('\n').filter((line) =>
    /WRONGTYPE/.test(line));
  assert.ok(lines.length > 0, 'the log says why');
  assert.ok(lines.length < 100, `${lines.length} lines`);
  await closeAll(a, b, c, d);
}));
