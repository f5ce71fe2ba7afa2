// What admins see and do (chat_admins): on all workers of two hosts, and by
// nobody else.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { RedisGate } from './lib/fake.mjs';
import { EventStream, Session, WorkerAgent, assertError, assertJson, uniqueName,
         user, users } from './lib/http.mjs';
import { NO_RATE, redisLogin, sleep, start, until } from './lib/server.mjs';
import { TRANSPORTS, closeAll, connect as connectOnly } from './lib/sio.mjs';
import { seedUsers } from './lib/data.mjs';

const ADMIN = 'The "Admin" \\ of all';

let server;
let redis;
let admin;

before(async () => {
  server = await start({
    hosts: 2, workers: 2,
    http: `chat_admins Nobody '${ADMIN.replaceAll('\\', '\\\\')}';`,
    chat: NO_RATE,
    locations: {
      '/none/': `${NO_RATE} chat_admins off; chat_cookie chat_session path=/;`,
      '/remote/': `${NO_RATE} chat_user $cookie_remote;` },
  });
  redis = server.redis.client;
  await seedUsers(redis, [ADMIN]);
  admin = await user(server, ADMIN);
});
after(() => server.stop());

// the same session at the other host
const other = (session) => Object.assign(
  new Session({ ...server, ...address(1) }, session.cookie),
  { id: session.id, name: session.name });
const address = (i, of = server) => ({
  url: of.hosts[i].url, origin: of.hosts[i].origin, port: of.hosts[i].port });

const act = async (name, body, by = admin) =>
  assertJson(await by.post(`/admin/${name}`, body), 200, name);

const inLog = (pattern) => until(() => pattern.exec(server.errorLog()),
                                 `the log has ${pattern}`);

// and shows that it does not resume: then nothing is held back for a while
const connect = async (...args) => {
  const client = await connectOnly(...args);
  await client.emit('room.join', '0');
  return client;
};

const listed = async (path, key) => {
  const all = [];
  let after = '';
  do {
    // (a worker that ends, behind a reload, may not answer any more)
    const page = await until(async () => {
      const reply = assertJson(await admin.get(`${path}${after}`), 200);
      return reply.missing === 0 && reply;
    }, 'all workers answer');
    all.push(...page[key]);
    after = page.next === null ? '' : `&after=${page.next}`;
  } while (after);
  return all;
};

const online = (more = '') => listed(`/admin/users?size=100${more}`, 'users');
const entryOf = async (who) => (await online()).find((u) => u.id === who.id);

const ROUTES = { GET: ['status', 'users', 'rooms', 'restricted'],
                 POST: ['kick', 'revoke', 'mute', 'unmute', 'ban', 'unban',
                        'delete'] };
const BODY = { user: '1', seconds: 1, roomId: '0', id: '1' };

describe('who may do what', () => {
  let near;
  before(async () => {
    await seedUsers(redis, [ADMIN.toLowerCase()]);
    near = await user(server, ADMIN.toLowerCase());
  });

  for (const name of [...ROUTES.GET, ...ROUTES.POST]) {
    const reads = ROUTES.GET.includes(name);
    const call = (session, options = {}) => session.request(`/admin/${name}`, {
      method: reads ? 'GET' : 'POST', body: reads ? undefined : BODY,
      ...options });

    test(`${reads ? 'GET' : 'POST'} /admin/${name}`, async () => {
      const [one] = await users(server, 1);
      assertError(await call(new Session(server)), 403, 'no session');
      assertError(await call(new Session(server, `chat_session=${
        'x'.repeat(43)}`)), 403, 'no such session');
      assert.match(assertError(await call(one), 403, 'no admin'), /admins/);
      assertError(await call(near), 403, 'a like name');
      const none = new Session({ ...server, url: `${server.origin}/none` },
                               admin.cookie);
      assertError(await call(none), 404, 'without chat_admins');
      const method = reads ? 'POST' : 'GET';
      const wrong = await admin.request(`/admin/${name}`, {
        method, body: reads ? {} : undefined });
      assertError(wrong, 405, method);
      assert.equal(wrong.headers.allow, reads ? 'GET, HEAD' : 'POST');
      if (reads) {
        assertJson(await call(admin), 200);
        return;
      }
      for (const headers of [{ Origin: 'https://elsewhere.example' },
                             { Origin: 'null' },
                             { 'Sec-Fetch-Site': 'cross-site' }]) {
        assertError(await call(admin, { headers }), 403,
                    JSON.stringify(headers));
      }
      for (const type of ['application/x-www-form-urlencoded', 'text/plain',
                          'multipart/form-data; boundary=x']) {
        assertError(await call(admin, {
          body: JSON.stringify(BODY), headers: { 'Content-Type': type } }),
          415, type);
      }
      for (const body of [{}, { user: '01' }, { user: 'x' }, { user: -1 },
                          { user: null }, { user: ['1'] }, { roomId: '0' },
                          { roomId: '1:1', id: '1' },
                          { roomId: '0', id: 'x' }, { roomId: 0, id: 1 }]) {
        assertError(await call(admin, { body }), 400, JSON.stringify(body));
      }
      if (name === 'mute' || name === 'ban') {
        for (const seconds of [undefined, 0, -1, 1.5, '1', 1e18, true]) {
          assertError(await call(admin, { body: { user: one.id, seconds } }),
                      400, String(seconds));
        }
      }
      if (name !== 'delete') {
        assertError(await call(admin, { body: { user: '999999999',
                                                seconds: 1 } }), 404);
      }
    });
  }

  test('an admin is not one any more when the session has ended', async () => {
    const session = await user(server, ADMIN);
    assertJson(await session.get('/admin/restricted'), 200);
    await session.post('/logout');
    assertError(await session.get('/admin/restricted'), 403);
  });

  test('nobody becomes one by taking the name first', async () => {
    assertError(await new Session(server).logIn('Nobody'), 409);
    assert.equal(await redis.exists('username:Nobody'), 0);
  });

  test('nothing is done to admins', async () => {
    const tab = await connect(admin);
    for (const name of ['kick', 'revoke', 'mute', 'ban']) {
      assertError(await admin.post(`/admin/${name}`,
                                   { user: admin.id, seconds: null }), 409);
    }
    assert.equal((await tab.send('0', 'still an admin')).ok, true);
    await closeAll(tab);
  });
});

describe('who is online', () => {
  test('on all workers of all hosts, by each transport', async () => {
    const [one, two] = await users(server, 2);
    const pids = server.workerPids();
    const tabs = [];
    for (const pid of pids) {
      tabs.push(await connect(one, { transports: ['websocket'], agent:
        new WorkerAgent(server, () => pid) }));
    }
    tabs.push(await connect(other(one), { transports: ['polling'] }));
    tabs.push(await connect(two, { transports: TRANSPORTS.upgrade }));
    await tabs.at(-1).upgraded();
    const stream = await EventStream.open(other(two), '/events');
    for (const session of [admin, other(admin)]) {
      const { users: list, online: count } = await until(async () => {
        const page = assertJson(await session.get('/admin/users'), 200);
        return page.users.length >= 2 && page.missing === 0 && page;
      }, 'both are there');
      assert.equal(count, await redis.scard('online_users'));
      const first = list.find((u) => u.id === one.id);
      assert.equal(first.username, one.name);
      assert.equal(first.count, 3);
      assert.deepEqual(first.connections.map((c) => c.transport).sort(),
                       ['polling', 'websocket', 'websocket']);
      const second = list.find((u) => u.id === two.id);
      assert.deepEqual(second.connections.map((c) => c.transport).sort(),
                       ['sse', 'websocket']);
      for (const { address: from, seconds, session: tag }
        of [...first.connections, ...second.connections]) {
        assert.equal(from, '127.0.0.1');
        assert.ok(seconds >= 0 && seconds < 60);
        assert.match(tag, /^[\w-]{12}$/);
      }
    }
    stream.close();
    await closeAll(...tabs);
    await until(async () => !await entryOf(one), 'they are gone');
  });

  // a worker with too much for one answer: the next page begins behind it
  const endsEarly = async () => {
    const order = (await online()).map((u) => u.id);
    const worker = redis.duplicate();
    worker.on('message', (_, text) => {
      const [word, token, from, kind, after] = text.split(' ');
      if (word !== 'who' || kind !== 'users') return;
      redis.publish(`chat:worker:${from}`, `here ${token} ${
        after === '*' ? `1\n${order[3]} 1 eA websocket 7 192.0.2.1 abc\n`
          : '0\n'}`);
    });
    await worker.subscribe('chat:workers');
    try {
      const { users: first, next } = (await admin.get('/admin/users')).json;
      assert.deepEqual(first.map((u) => u.id), order.slice(0, 4));
      assert.deepEqual(first[3].connections.map((c) => c.address).toSorted(),
                       ['127.0.0.1', '192.0.2.1']);
      assert.equal(next, order[3]);
      assert.deepEqual((await online()).map((u) => u.id), order);
    } finally {
      worker.disconnect();
    }
  };

  test('page by page, each once', async () => {
    const all = await users(server, 9);
    const tabs = [];
    for (const [i, one] of all.entries()) {
      tabs.push(await connect(i % 2 ? one : other(one),
                              { transports: ['websocket'] }));
    }
    for (const size of [1, 2, 4, 100]) {
      const found = (await listed(`/admin/users?size=${size}`, 'users'))
        .map((u) => u.id).filter((id) => all.some((one) => one.id === id));
      assert.deepEqual(found.toSorted(), all.map((one) => one.id).toSorted(),
                       `pages of ${size}`);
    }
    await endsEarly();
    for (const query of ['size=0', 'size=101', 'size=x', 'after=*', 'after=a:b',
                         'name=%ff%zz']) {
      assertError(await admin.get(`/admin/users?${query}`), 400, query);
    }
    await closeAll(...tabs);
  });

  test('by name, also who is not there', async () => {
    const [one] = await users(server, 1);
    const find = async (name) => admin.get(
      `/admin/users?name=${encodeURIComponent(name)}`);
    const away = assertJson(await find(one.name), 200).users;
    assert.deepEqual(away, [{ id: one.id, username: one.name, count: 0,
                              connections: [] }]);
    const tab = await connect(one);
    assert.equal((await find(one.name)).json.users[0].count, 1);
    assert.deepEqual(assertJson(await find('no such name'), 200),
                     { users: [] });
    await closeAll(tab);
  });

  test('a session that moves or is handed over keeps address and age',
       async () => {
    const [one] = await users(server, 1);
    const [a, b] = server.workerPids();
    const tab = await connect(one, { agent: new WorkerAgent(server,
      (path) => (/websocket/.test(path) ? b : a)) });
    await tab.upgraded();
    const moved = (connection) => connection?.address === '127.0.0.1'
                                  && connection.transport === 'websocket';
    await until(async () => moved((await entryOf(one))?.connections[0]),
                'it has moved, and brought its address along');
    await sleep(1100);
    await server.reload();
    await until(async () => {
      const page = (await admin.get('/admin/users?size=100')).json;
      const found = page.users.find((u) => u.id === one.id)?.connections[0];
      return page.missing === 0 && moved(found) && found.seconds >= 1;
    }, 'it was handed over, with its address and age');
    assert.deepEqual(tab.reasons, []);
    await closeAll(tab);
  });

  test('a worker that does not answer is missing, and holds nobody up',
       async () => {
    const [pid] = server.hosts[1].workerPids();
    process.kill(pid, 'SIGSTOP');
    try {
      const page = assertJson(await admin.get('/admin/users'), 200);
      assert.equal(page.missing, 1);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    assert.equal((await until(async () => {
      const { json } = await admin.get('/admin/users');
      return json.missing === 0 && json;
    }, 'it is back')).missing, 0);
  });

  test('rooms, their members and messages', async () => {
    const [one] = await users(server, 1);
    const room = `room-${process.pid}`;
    await redis.set(`room:${room}:name`, 'A "named" room');
    await redis.sadd(`user:${one.id}:rooms`, room);
    const tabs = [await connect(one), await connect(other(one))];
    await tabs[0].send(room, 'a message');
    await tabs[0].send(one.roomWith(admin), 'in private');
    const rooms = await listed('/admin/rooms?size=1', 'rooms');
    assert.deepEqual(rooms.find((r) => r.id === room), {
      id: room, name: 'A "named" room', members: 2, messages: 1 });
    const general = rooms.find((r) => r.id === '0');
    assert.equal(general.messages, await redis.zcard('room:0'));
    assert.ok(general.members >= 2);
    assert.ok(!rooms.some((r) => r.id.includes(':')), 'private ones are not');
    await closeAll(...tabs);
  });

  test('figures', async () => {
    const { total, workers } = (await admin.get('/admin/status')).json;
    assert.ok(workers.length >= 2);   // old ones may be on their way out
    assert.ok(total.messages > 0);
    assert.equal(typeof total.connections.websocket, 'number');
  });
});

describe('kick, revoke', () => {
  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`kick: ${name}`, async () => {
      const [one, two] = await users(server, 2);
      const tabs = [await connect(one, { transports }),
                    await connect(other(one), { transports })];
      const stays = await connect(two, { transports });
      await stays.send('0', 'before');
      await act('kick', { user: one.id });
      await until(() => tabs.every((tab) => tab.reasons.length), 'both end');
      tabs.forEach((tab) => assert.equal(tab.reasons[0],
                                         'io server disconnect'));
      await stays.waitFor('user.disconnected', (u) => u.id === one.id);
      // and may come back
      const again = await connect(one, { transports });
      assert.equal((await again.send('0', 'back')).ok, true);
      assert.equal((await stays.send('0', 'after')).ok, true);
      await closeAll(again, stays);
    });
  }

  test('kick: an event stream', async () => {
    const [one] = await users(server, 1);
    const stream = await EventStream.open(other(one), '/events');
    await act('kick', { user: Number(one.id) });
    await until(() => stream.closed, 'it ends');
    await inLog(new RegExp(`\\[notice\\].*chat: admin "The \\\\x22Admin\\\\x22 `
      + `\\\\x5C of all" kicked "${one.name}" \\(user ${one.id}\\), client:`));
  });

  test('revoke: all sessions, and what is open with them', async () => {
    const [one] = await users(server, 1);
    const second = await user(server, one.name);
    const tabs = [await connect(one), await connect(other(second))];
    await act('revoke', { user: one.id });
    await until(() => tabs.every((tab) => tab.reasons.length), 'both end');
    for (const session of [one, second]) {
      await until(async () => (await session.get('/me')).text === 'null',
                  'out');
    }
    assert.equal(await redis.exists(`chat:sessions:${one.id}`), 0);
    assert.equal((await new Session(server).logIn(one.name)).status, 200);
    await inLog(/admin .* ended all sessions of "/);
  });

  test('a name writes no line of its own into the log', async () => {
    const name = `x\n2026/01/01 00:00:00 [notice] chat: admin "${process.pid}`;
    await seedUsers(redis, [name]);
    const one = await user(server, name);
    await act('kick', { user: one.id });
    await inLog(/kicked "x\\x0A2026\/01\/01 00:00:00 \[notice\] chat: admin \\x22/);
  });
});

describe('mute', () => {
  const MUTED = /^You have been muted by an admin/;

  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`${name}: at once, on all workers, and over again`, async () => {
      const [one, two] = await users(server, 2);
      const tabs = [await connect(one, { transports }),
                    await connect(other(one), { transports }),
                    await connect(two, { transports })];
      const [a, b, c] = tabs;
      const rooms = ['0', one.roomWith(two)];
      for (const tab of [a, b]) assert.equal((await tab.send('0', 'x')).ok, true);
      await act('mute', { user: one.id, seconds: 600 });
      // the bus may take a moment
      for (const tab of [a, b]) {
        await until(async () => (await tab.send('0', 'y')).error, 'muted');
      }
      for (const tab of [a, b]) {
        for (const room of rooms) {
          const ack = await tab.send(room, 'unheard');
          assert.match(ack.error, MUTED);
          assert.match(ack.error, /for another (600|5\d\d) s$/);
          assert.equal(ack.retry, false);
        }
      }
      // hears, and so do new connections and sessions
      await c.send('0', `to ${one.name}`);
      await a.waitForText(`to ${one.name}`);
      const later = await connect(await user(server, one.name), { transports });
      assert.match((await later.send('0', 'unheard')).error, MUTED);
      const before = await redis.zcard('room:0');
      // many at once, before anything is known of the user there
      const fresh = await connect(other(await user(server, one.name)),
                                  { transports });
      const acks = await Promise.all(Array.from({ length: 20 }, (_, i) =>
        fresh.send(rooms[i % 2], 'unheard')));
      assert.ok(acks.every((ack) => MUTED.test(ack.error)));
      assert.equal(await redis.zcard('room:0'), before);
      await act('unmute', { user: one.id });
      for (const tab of [a, b, later]) {
        await until(async () => (await tab.send('0', 'z')).ok, 'unmuted');
      }
      assert.ok(!c.texts().includes('unheard'));
      await closeAll(...tabs, later, fresh);
    });
  }

  test('for a time, and for ever', async () => {
    const [one, two] = await users(server, 2);
    const [a, b] = [await connect(one), await connect(two)];
    await act('mute', { user: one.id, seconds: 2 });
    await act('mute', { user: two.id, seconds: null });
    const list = (await admin.get('/admin/restricted')).json.restricted;
    const { seconds, ...entry } = list.find((e) => e.id === one.id);
    assert.deepEqual(entry, { id: one.id, username: one.name, kind: 'mute' });
    assert.ok(seconds > 0 && seconds <= 2);
    assert.deepEqual(list.find((e) => e.id === two.id), {
      id: two.id, username: two.name, kind: 'mute', seconds: null });
    await until(async () => (await b.send('0', 'x')).error
                            === 'You have been muted by an admin', 'muted');
    await until(async () => (await a.send('0', 'x')).ok, 'it is over');
    assert.ok(!(await admin.get('/admin/restricted')).json.restricted
      .some((e) => e.id === one.id));
    await inLog(/admin .* muted ".*" \(user \d+\) for 2 s/);
    await inLog(/admin .* muted ".*" \(user \d+\) for ever/);
    await closeAll(a, b);
  });
});

describe('ban', () => {
  const BANNED = /^You have been banned from this chat/;

  test('sessions, connections and log-ins end, until it is taken back',
       async () => {
    const [one] = await users(server, 1);
    const second = await user(server, one.name);
    const tabs = [await connect(one, { transports: ['websocket'] }),
                  await connect(other(second), { transports: ['polling'] })];
    const stream = await EventStream.open(second, '/events');
    await act('ban', { user: one.id, seconds: null });
    await until(() => stream.closed && tabs.every((tab) => tab.reasons.length),
                'all end');
    for (const session of [one, other(second)]) {
      await until(async () => (await session.get('/me')).text === 'null', 'out');
      await assert.rejects(connect(session), /log in/);
    }
    for (const host of [new Session(server), other(new Session(server))]) {
      const reply = await host.logIn(one.name);
      assert.match(assertError(reply, 403), BANNED);
      assert.equal(reply.headers['set-cookie'], undefined);
      // who doesn't know the password isn't told
      assertError(await host.logIn(one.name, 'wrong'), 404);
    }
    assert.equal(await redis.exists(`chat:sessions:${one.id}`), 0);
    await act('unban', { user: one.id });
    const again = await user(server, one.name);
    const tab = await connect(again);
    assert.equal((await tab.send('0', 'back')).ok, true);
    await inLog(/admin .* banned "[^"]*" \(user \d+\) for ever, client/);
    await inLog(/admin .* unbanned "[^"]*" \(user \d+\), client/);
    await closeAll(tab);
  });

  test('for a time', async () => {
    const [one] = await users(server, 1);
    await act('ban', { user: one.id, seconds: 1 });
    assertError(await new Session(server).logIn(one.name), 403);
    await until(async () => (await new Session(server).logIn(one.name)).status
                            === 200, 'it is over');
  });

  test('a name by chat_user', async () => {
    const name = uniqueName();
    const remote = new Session({ ...server, url: `${server.origin}/remote` },
                               `remote=${name}`);
    remote.id = (await remote.get('/me')).json.id;
    const tab = await connect(remote);
    await act('ban', { user: remote.id, seconds: null });
    await until(() => tab.reasons.length, 'it ends');
    await until(async () => (await remote.get('/me')).status === 403, 'out');
    assert.match(assertError(await remote.get('/users/online'), 403), BANNED);
    await assert.rejects(connect(remote));
    assert.equal(await redis.exists(`chat:sessions:${remote.id}`), 0);
    await act('unban', { user: remote.id });
    assert.equal((await remote.get('/me')).json.id, remote.id);
  });

  test('there is an end to how many are muted or banned', async () => {
    const [one] = await users(server, 1);
    const far = Math.floor(Date.now() / 1000) + 1000;
    const fill = redis.pipeline();
    for (let i = 0; i < 10000; i++) {
      fill.zadd('chat:restricted', far, `mute:${1000000 + i}`);
    }
    await fill.exec();
    assertError(await admin.post('/admin/mute', { user: one.id, seconds: 9 }),
                409);
    // but not to those who are there
    await redis.zadd('chat:restricted', far, `mute:${one.id}`);
    await act('mute', { user: one.id, seconds: 9 });
    const page = await admin.get('/admin/restricted?offset=9990&size=100');
    assert.ok(page.json.restricted.length >= 10);
    assert.equal((await admin.get('/admin/restricted?size=3')).json
      .restricted.length, 3);
    for (const query of ['size=0', 'size=101', 'size=', 'offset=-1', 'offset=x',
                         'offset=9999999']) {
      assertError(await admin.get(`/admin/restricted?${query}`), 400, query);
    }
    await redis.zremrangebyscore('chat:restricted', far, far);
  });
});

// Redis slow to take a command, its answer late, or the bus cut, at one of two
// hosts
describe('what happens meanwhile', () => {
  let gate;
  let slow;
  let boss;
  const atSecond = (session) => Object.assign(
    new Session({ ...slow, ...address(1, slow) }, session.cookie),
    { id: session.id, name: session.name });

  before(async () => {
    gate = await RedisGate.start();
    slow = await start({
      hosts: 2, workers: 1, ends: () => gate.stop(),
      chat: `${NO_RATE} chat_admins Boss; chat_ping_interval 300ms;`,
      places: [{ redisUrl: (one) => {
        gate.target = one.socket;
        return `redis://${redisLogin}@127.0.0.1:${gate.port}`;
      } }, {}],
      seed: (client) => seedUsers(client, ['Boss']) });
    boss = atSecond(await user(slow, 'Boss'));
  });
  after(() => slow.stop());

  const cut = async () => {
    gate.holdFrom((words) => words[0] === 'SUBSCRIBE');
    await slow.redis.client.client('KILL', 'TYPE', 'pubsub');
    await until(() => gate.held.length, 'it wants to subscribe again');
  };

  const mend = async () => {
    gate.release();
    await until(async () => (await slow.redis.client.pubsub(
      'NUMSUB', 'MESSAGES'))[1] === 2, 'both have subscribed');
  };

  // nobody passes because something was not heard
  test('a mute and a ban that the bus did not bring', async () => {
    const [one, two] = await users(slow, 2);
    const [a, b] = [await connect(one), await connect(two)];
    for (const tab of [a, b]) assert.equal((await tab.send('0', 'x')).ok, true);
    await cut();
    await act('mute', { user: one.id, seconds: 600 }, boss);
    await act('ban', { user: two.id, seconds: null }, boss);
    for (const tab of [a, b]) {
      assert.match((await tab.send('0', 'unheard')).error, /muted/);
    }
    await mend();
    await until(() => b.reasons.length, 'the banned one is out');
    assert.match((await a.send('0', 'unheard')).error, /muted/);
    await closeAll(a, b);
  });

  test('deletions that the bus did not bring: nobody is shown those',
       async () => {
    const [one, two] = await users(slow, 2);
    const room = one.roomWith(two);
    const [a, b] = [await connect(one), await connect(two)];
    await a.send(room, 'before');
    await b.waitForText('before');
    await cut();
    const acks = [];
    for (let i = 0; i < 4; i++) acks.push(await a.send(room, `n${i}`));
    for (const i of [1, 3]) {
      await act('delete', { roomId: room, id: acks[i].id }, boss);
    }
    await mend();
    await b.waitForText('n2');
    assert.equal((await a.send(room, 'after')).ok, true);
    for (const tab of [a, b]) {
      await tab.waitForText('after');
      assert.deepEqual(tab.texts(room), ['before', 'n0', 'n2', 'after']);
    }
    await closeAll(a, b);
  });

  test('a ban, while a session is being made: it is not', async () => {
    const [one] = await users(slow, 1);
    gate.holdFrom((words) => words[0] === 'SET'
                             && words[1].startsWith('chat:session:'));
    const login = new Session(slow).logIn(one.name);
    await until(() => gate.held.length, 'the session is to be written');
    await boss.post('/admin/ban', { user: one.id, seconds: null });
    gate.release();
    assertError(await login, 403);
    await until(async () => !await slow.redis.client.exists(
      `chat:sessions:${one.id}`), 'none is left');
  });

  test('a mute, while an answer of before is on its way: it is not believed',
       async () => {
    const [one] = await users(slow, 1);
    const a = await connect(one, { transports: ['websocket'] });
    gate.holdReplies();
    const first = a.send('0', 'said before');
    await until(() => gate.replies.length, 'it was asked');
    await act('mute', { user: one.id, seconds: null }, boss);
    // the worker has heard of it when it has heard of what comes next
    const b = await connect(boss, { transports: ['websocket'] });
    await b.send('0', 'a sign');
    await a.waitForText('a sign');
    gate.release();
    await first;
    assert.match((await a.send('0', 'unheard')).error, /muted/);
    await closeAll(a, b);
  });

  test('messages behind each other, while it is asked: they stay in order',
       async () => {
    const [one, two] = await users(slow, 2);
    const room = one.roomWith(two);
    const a = await connect(one, { transports: ['websocket'] });
    gate.holdFrom((words) => words.includes('chat:restricted'));
    const acks = Array.from({ length: 12 }, (_, i) =>
      a.send(i % 4 === 3 ? '0' : room, `n${i}`));
    await until(() => gate.held.length >= 12, 'all have come');
    gate.release();
    const ids = (await Promise.all(acks)).map((ack) => Number(ack.id));
    for (const inGeneral of [false, true]) {
      const some = ids.filter((_, i) => (i % 4 === 3) === inGeneral);
      assert.deepEqual(some, some.toSorted((x, y) => x - y));
    }
    await closeAll(a);
  });

  test('a message that is deleted while the history is read: it is not shown',
       async () => {
    const [one, two] = await users(slow, 2);
    const room = one.roomWith(two);
    const a = await connect(one, { transports: ['websocket'] });
    const b = await connect(atSecond(two), { transports: ['websocket'] });
    const first = await b.send(room, 'first');
    await a.waitForText('first');
    // one that nobody has heard of
    const id = (Number(first.id) + 0.000001).toFixed(6);
    await slow.redis.client.zadd(`room:${room}`, id, JSON.stringify({
      id, from: two.id, date: first.date, message: 'missed', roomId: room }));
    gate.holdReplies();
    await b.send(room, 'a hole');
    await until(() => gate.replies.length, 'the hole is read');
    await act('delete', { roomId: room, id }, boss);
    await a.waitFor('message.deleted', (m) => m.id === id);
    gate.release();
    await a.waitForText('a hole');
    await b.send(room, 'the end');
    await a.waitForText('the end');
    assert.deepEqual(a.texts(room), ['first', 'a hole', 'the end']);
    await closeAll(a, b);
  });
});

describe('delete a message', () => {
  const remove = (roomId, id, by = admin) => act('delete', { roomId, id }, by);
  const ids = async (roomId) => (await admin.get(
    `/room/${roomId}/messages?size=1000`)).json.map((m) => m.id);

  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`${name}: it vanishes for all who had it, on all workers`, async () => {
      const [one, two, eve] = await users(server, 3);
      const room = `deleted-${process.pid}-${name}`;
      for (const who of [one, two]) {
        await redis.sadd(`user:${who.id}:rooms`, room);
      }
      await redis.set(`room:${room}:name`, 'named');
      const [a, b, e] = [await connect(one, { transports }),
                         await connect(other(two), { transports }),
                         await connect(eve, { transports })];
      const stream = await EventStream.open(other(two), '/events');
      for (const roomId of ['0', room, one.roomWith(two)]) {
        const { id } = await a.send(roomId, 'one');
        const last = await a.send(roomId, 'two');
        assert.deepEqual(await remove(roomId, id), { roomId, id });
        for (const tab of [a, b]) {
          const gone = await tab.waitFor('message.deleted', (m) => m.id === id);
          assert.deepEqual(gone, { roomId, id });
        }
        const event = await stream.waitFor(
          (s) => s.event === 'message.deleted' && s.data.id === id, 'it');
        assert.deepEqual(event.data, { roomId, id });
        assert.equal(event.id, undefined);
        const members = await redis.zrange(`room:${roomId}`, 0, -1);
        assert.ok(!members.some((m) => m.includes(id)));
        assert.ok(members.some((m) => m.includes(last.id)));
        assertError(await admin.post('/admin/delete', { roomId, id }), 404);
      }
      assert.deepEqual(e.of('message.deleted').map((m) => m.roomId), ['0']);
      await inLog(/admin .* deleted message [\d.]+ of room \d+:\d+, client/);
      stream.close();
      await closeAll(a, b, e);
    });
  }

  test('who resumes is not shown it, by any way', async () => {
    const [one, two] = await users(server, 2);
    const room = one.roomWith(two);
    const a = await connect(one);
    const sent = [];
    for (let i = 0; i < 5; i++) sent.push((await a.send(room, `n${i}`)).id);
    await remove(room, sent[2]);
    await remove(room, sent[4]);
    const left = [sent[1], sent[3]];
    for (const transports of [['websocket'], ['polling']]) {
      const b = await connect(other(two), { transports });
      const ack = await b.emit('room.join', room, { after: sent[0] });
      assert.equal(ack.last, sent[3]);
      assert.deepEqual(b.messages(room).map((m) => m.id), left);
      await closeAll(b);
    }
    const stream = await EventStream.open(two, '/events',
                                          { 'Last-Event-ID': sent[0] });
    await stream.waitFor((s) => s.id === sent[3], 'the last');
    assert.deepEqual(stream.events.map((s) => s.id).filter(Boolean), left);
    stream.close();
    const get = async (query) => (await two.get(
      `/room/${room}/messages?${query}`)).json.map((m) => m.id);
    assert.deepEqual(await get(`after=${sent[0]}`), left);
    assert.deepEqual(await get('size=3'), [sent[3], sent[1], sent[0]]);
    await closeAll(a);
  });

  // what a message is behind is then another one than what was delivered last
  test('the last message: the next one is no hole, and reaches all once',
       async () => {
    const [one, two] = await users(server, 2);
    const [a, b] = [await connect(one), await connect(other(two))];
    const repairs = async () => {
      let sum = 0;
      for (const session of [admin, other(admin)]) {
        sum += (await session.get('/admin/status')).json.total.gap_repairs;
      }
      return sum;
    };
    for (const room of [one.roomWith(two), '0']) {
      const before = await repairs();
      const kept = [];
      for (let round = 0; round < 5; round++) {
        kept.push((await a.send(room, `kept ${round}`)).id);
        const gone = [];
        for (let i = 0; i < round; i++) {
          gone.push((await b.send(room, 'gone')).id);
        }
        for (const id of gone.reverse()) await remove(room, id);
      }
      kept.push((await b.send(room, 'the end')).id);
      for (const tab of [a, b]) {
        await tab.waitFor('message', (m) => m.id === kept.at(-1));
        const got = tab.messages(room).filter((m) => m.message !== 'gone')
          .filter((m) => m.id >= kept[0]).map((m) => m.id);
        assert.deepEqual(got, kept);
      }
      assert.equal(await repairs(), before, 'nothing was read again');
    }
    await closeAll(a, b);
  });

  test('the only message, and all of a room', async () => {
    const [one, two] = await users(server, 2);
    const room = one.roomWith(two);
    const [a, b] = [await connect(one), await connect(other(two))];
    for (let round = 0; round < 3; round++) {
      const { id } = await a.send(room, `round ${round}`);
      await b.waitForText(`round ${round}`);
      await remove(room, id);
      await b.waitFor('message.deleted', (m) => m.id === id);
      assert.deepEqual(await redis.exists(`room:${room}`), 0);
    }
    assert.equal(b.messages(room).length, 3);
    await closeAll(a, b);
  });

  // Redis's clock may be set back between the two
  test('a next message with a position before that of the deleted one',
       async () => {
    const [one, two] = await users(server, 2);
    const room = one.roomWith(two);
    const [a, b] = [await connect(one), await connect(other(two))];
    const first = await a.send(room, 'first');
    const late = (Number(first.id) + 1000).toFixed(6);
    const data = { id: late, from: one.id, date: first.date,
                   message: 'of tomorrow', roomId: room };
    const publish = (type, what) => redis.publish('MESSAGES', JSON.stringify({
      serverId: 'x', type, data: what }));
    await redis.zadd(`room:${room}`, late, JSON.stringify(data));
    await publish('message', { ...data, prev: first.id });
    for (const tab of [a, b]) await tab.waitForText('of tomorrow');
    assert.match(assertError(await admin.post('/admin/delete', {
      roomId: room, id: late }), 409), /clock/);
    await redis.zremrangebyscore(`room:${room}`, late, late);
    await publish('message.deleted', { roomId: room, id: late,
                                       last: first.id });
    const { id } = await a.send(room, 'of today');
    assert.ok(Number(id) < Number(late));
    for (const tab of [a, b]) {
      await tab.waitForText('of today');
      assert.deepEqual(tab.texts(room), ['first', 'of tomorrow', 'of today']);
    }
    await closeAll(a, b);
  });

  test('others\' messages, which may share a position', async () => {
    const room = 'foreign';
    const now = Math.floor(Date.now() / 1000) - 100;
    const add = (text, score = now, more = {}) => redis.zadd(
      `room:${room}`, score, JSON.stringify({ ...more, from: 1, date: score,
                                              message: text, roomId: room }));
    await add('x');
    await add('y');
    await add('z', now + 1);
    assertError(await admin.post('/admin/delete',
                                 { roomId: room, id: `${now}` }), 409);
    await add('ours', now, { id: `${now}.000000` });
    await remove(room, `${now}.000000`);
    assert.equal(await redis.zcard(`room:${room}`), 3);
    await remove(room, `${now + 1}.000000`);
    assert.deepEqual((await redis.zrange(`room:${room}`, 0, -1))
      .map((m) => JSON.parse(m).message), ['x', 'y']);
    for (const id of [`${now + 1}`, '0', '99999999999', `${now}.000001`]) {
      assertError(await admin.post('/admin/delete', { roomId: room, id }), 404);
    }
    assertError(await admin.post('/admin/delete',
                                 { roomId: 'none', id: '1' }), 404);
  });

  test('bad events on the bus change nothing', async () => {
    const [one] = await users(server, 1);
    const a = await connect(one);
    const { id } = await a.send('0', 'stays');
    for (const data of [{}, { roomId: '0' }, { roomId: '0', id },
                        { roomId: '0', id: 1, last: '' },
                        { roomId: '0:1', id, last: '' },
                        { roomId: '"', id, last: '' },
                        { roomId: '0', id: `${id}"`, last: '' }]) {
      await redis.publish('MESSAGES', JSON.stringify({
        serverId: 'x', type: 'message.deleted', data }));
    }
    await a.send('0', 'later');
    await a.waitForText('later');
    assert.deepEqual(a.of('message.deleted'), []);
    assert.ok((await ids('0')).includes(id));
    await closeAll(a);
  });
});
