// Who is there: user.connected and user.disconnected on real transitions only.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';

import { EventStream, Session, WorkerAgent, onlineIds, users }
  from './lib/http.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';

let server;
before(async () => { server = await start({ workers: 2, chat: NO_RATE }); });
after(() => server.stop());

const on = (n) => {
  const pid = server.workerPids()[n];
  return { agent: new WorkerAgent(server, () => pid) };
};

// the news about one user that a client has got: ['+', '-', ...]
const news = (client, session) => client.seen
  .filter((e) => /^user\./.test(e.name) && e.data.id === session.id)
  .map((e) => (e.name === 'user.connected' ? '+' : '-'));

// a transport that is cut without a word
const cut = (client) => {
  client.socket.io.engine.transport.ws._socket.destroy();
};

test('connected and disconnected, to everybody but the own sockets',
     async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b = await connect(ben, on(1));
  assert.deepEqual(await a.waitFor('user.connected', (u) => u.id === ben.id),
                   { id: ben.id, username: ben.name, online: true });
  b.close();
  assert.deepEqual(await a.waitFor('user.disconnected',
                                   (u) => u.id === ben.id),
                   { id: ben.id, username: ben.name, online: false });
  assert.deepEqual(news(a, ben), ['+', '-']);
  assert.deepEqual(news(a, anna), []);
  assert.deepEqual(news(b, ben), []);
  await closeAll(a);
});

test('a second tab is no news, on the same worker or another', async () => {
  const [anna, ben] = await users(server, 2);
  const a1 = await connect(anna, on(0));
  const a2 = await connect(anna, on(1));
  const b1 = await connect(ben, on(0));
  await a1.waitFor('user.connected', (u) => u.id === ben.id);
  await a2.waitFor('user.connected', (u) => u.id === ben.id);
  const b2 = await connect(ben, on(0));
  const b3 = await connect(ben, { ...on(1), transports: ['polling'] });
  await sleep(300);
  assert.deepEqual(news(a1, ben), ['+']);
  b1.close();
  b2.close();
  await sleep(3600);                    // the grace is over
  assert.deepEqual(news(a1, ben), ['+'], 'one tab is left');
  assert.deepEqual(await onlineIds(anna).then((ids) => ids.includes(ben.id)),
                   true);
  b3.close();
  await a1.waitFor('user.disconnected', (u) => u.id === ben.id);
  await a2.waitFor('user.disconnected', (u) => u.id === ben.id);
  assert.deepEqual(news(a1, ben), ['+', '-']);
  assert.deepEqual(news(a2, ben), ['+', '-']);
  for (const client of [b1, b2, b3]) assert.deepEqual(news(client, ben), []);
  await closeAll(a1, a2);
});

test('a dropped transport has 3 s to come back', async () => {
  const [anna, ben, carl] = await users(server, 3);
  const a = await connect(anna);
  const b = await connect(ben, { transports: ['websocket'], ...on(0) });
  const c = await connect(carl, { transports: ['websocket'], ...on(1) });
  for (const session of [ben, carl]) {
    await a.waitFor('user.connected', (u) => u.id === session.id);
  }
  const start = Date.now();
  cut(b);
  cut(c);
  await sleep(1000);
  // carl comes back, at another worker
  const c2 = await connect(carl, on(0));
  assert.deepEqual(news(a, ben), ['+']);
  assert.ok((await onlineIds(anna)).includes(ben.id));
  await a.waitFor('user.disconnected', (u) => u.id === ben.id);
  const took = Date.now() - start;
  assert.ok(took > 2500 && took < 4500, `${took} ms`);
  assert.ok(!(await onlineIds(anna)).includes(ben.id));
  await sleep(1000);
  assert.deepEqual(news(a, carl), ['+'], 'no news of carl');
  await closeAll(a, c2);
});

test('a log-out counts at once, and closes the sockets', async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b1 = await connect(ben, on(0));
  const b2 = await connect(ben, { ...on(1), transports: ['polling'] });
  await a.waitFor('user.connected', (u) => u.id === ben.id);
  const start = Date.now();
  await ben.request('/logout', { method: 'POST' });
  await a.waitFor('user.disconnected', (u) => u.id === ben.id);
  assert.ok(Date.now() - start < 1500, `${Date.now() - start} ms`);
  await until(() => b1.reasons.length && b2.reasons.length, 'both closed');
  assert.ok(!(await onlineIds(anna)).includes(ben.id));
  await closeAll(a, b1, b2);
});

test('a log-out in one browser is no news while another has a session',
     async () => {
  const [anna, ben] = await users(server, 2);
  const other = new Session(server);
  await other.logIn(ben.name);
  const a = await connect(anna);
  const b1 = await connect(ben);
  const b2 = await connect(other);
  await a.waitFor('user.connected', (u) => u.id === ben.id);
  await ben.request('/logout', { method: 'POST' });
  await until(() => b1.reasons.length, 'closed');
  await sleep(500);
  assert.deepEqual(news(a, ben), ['+']);
  await closeAll(a, b2);
});

test('hundreds at once: all are told, in order and once', async () => {
  const [anna, ben] = await users(server, 2);
  const clients = [await connect(anna, on(0)), await connect(ben, on(1)),
                   await connect(ben, { transports: ['polling'] })];
  const sent = [];
  const pipeline = server.redis.client.pipeline();
  for (let i = 0; i < 300; i++) {
    const [type, id] = [i % 3 ? 'user.connected' : 'user.disconnected',
                        i === 150 ? anna.id : String(900000 + (i >> 1))];
    const data = { id, username: `mass-${i}`, online: i % 3 !== 0 };
    sent.push({ type, data });
    pipeline.publish('MESSAGES', JSON.stringify({
      serverId: 'another', type, data }));
  }
  await pipeline.exec();
  for (const client of clients) {
    const mass = () => client.seen.filter((e) => /^mass-/.test(e.data.username))
      .map(({ name, data }) => ({ type: name, data }));
    const wanted = sent.filter(({ data }) => data.id !== client.session.id);
    await until(() => mass().length >= wanted.length, 'all of them');
    await sleep(200);
    assert.deepEqual(mass(), wanted);
    assert.deepEqual(client.reasons, []);
  }
  await closeAll(clients);
});

test('an /events stream is a presence, /stream and REST are not', async () => {
  const [anna, ben, carl] = await users(server, 3);
  const a = await connect(anna);
  const events = await EventStream.open(ben, '/events');
  const stream = await EventStream.open(carl, '/stream');
  await a.waitFor('user.connected', (u) => u.id === ben.id);
  await carl.get('/users/online');
  events.close();
  await a.waitFor('user.disconnected', (u) => u.id === ben.id);
  assert.deepEqual(news(a, carl), []);
  stream.close();
  await closeAll(a);
});

test('a killed worker leaves no ghost, and its users come back', async () => {
  const own = await start({ workers: 2, chat: NO_RATE });
  try {
    const [anna, ben] = await users(own, 2);
    const [first, second] = own.workerPids();
    const agent = (pid) => ({ agent: new WorkerAgent(own, () => pid) });
    const a = await connect(anna, { ...agent(first),
                                    transports: ['websocket'] });
    const b = await connect(ben, { ...agent(second),
                                   transports: ['websocket'] });
    await a.waitFor('user.connected', (u) => u.id === ben.id);
    process.kill(second, 'SIGKILL');
    await until(() => b.reasons.length, 'the socket is gone');
    await a.waitFor('user.disconnected', (u) => u.id === ben.id, 10000);
    assert.ok(!(await onlineIds(anna)).includes(ben.id));
    const b2 = await connect(ben);
    await until(() => news(a, ben).length === 3, 'back');
    assert.deepEqual(news(a, ben), ['+', '-', '+']);
    assert.equal((await b2.send('0', 'back again')).ok, true);
    await a.waitForText('back again');
    await closeAll(a, b2);
  } finally {
    await own.stop({ allow: [/exited on signal 9/] });
  }
});

test('at the end of nginx nobody is left online', async () => {
  const own = await start({ workers: 2, chat: NO_RATE });
  try {
    const sessions = await users(own, 3);
    const clients = await Promise.all(sessions.map((s) => connect(s)));
    const { client: redis } = own.redis;
    await until(async () => await redis.scard('online_users') === 3, 'online');
    assert.deepEqual(await own.hosts[0].stop(), []);
    assert.equal(await redis.scard('online_users'), 0);
    await until(() => clients.every((c) => c.reasons.length), 'all are told');
  } finally {
    await own.stop();
  }
});

// the worker has been taken for dead, but says that it lives before its users
// are taken offline
test('who cleans up after a worker leaves it alone when it lives', async () => {
  const [anna] = await users(server, 1);
  const a = await connect(anna, on(0));
  const redis = server.redis.client;
  const script = fs.readFileSync(new URL(
    '../../ngx_chat_module/store/scripts/offline.lua', import.meta.url));
  const [worker] = await until(async () => {
    const ids = await redis.smembers(`chat:live:${anna.id}`);
    return ids.length && ids;
  }, 'it is known where she is');
  const offline = () => redis.eval(
    script, 5, `chat:live:${anna.id}`, 'online_users', `chat:users:${worker}`,
    `user:${anna.id}`, 'chat:workers', worker, anna.id, 'nowhere', '{', 'dead');

  assert.equal(await offline(), -1);
  assert.ok((await onlineIds(anna)).includes(anna.id));
  assert.equal(await redis.sismember(`chat:live:${anna.id}`, worker), 1);

  const lease = await redis.zscore('chat:workers', worker);
  await redis.multi().zadd('chat:workers', 1, worker)
    .eval(script, 5, `chat:live:${anna.id}`, 'online_users',
          `chat:users:${worker}`, `user:${anna.id}`, 'chat:workers', worker,
          anna.id, 'nowhere', '{', 'dead')
    .exec()
    .then((replies) => assert.deepEqual(replies.map(([, n]) => n), [0, 1]));
  assert.ok(lease);
  // whereupon the worker finds its lease over, and says again who is there
  await until(async () => (await onlineIds(anna)).includes(anna.id),
              'she is back', 10000);
  a.close();
});

test('who comes back in time, but Redis has forgotten it', async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna, on(0));
  const b = await connect(ben, on(0));
  const redis = server.redis.client;
  const [worker] = await until(async () => {
    const ids = await redis.smembers(`chat:live:${anna.id}`);
    return ids.length && ids;
  }, 'it is known where she is');

  a.socket.io.reconnection(false);
  cut(a);
  await sleep(100);
  // as another worker does that takes this one for dead
  await redis.multi().del(`chat:live:${anna.id}`).srem('online_users', anna.id)
    .srem(`chat:users:${worker}`, anna.id).zadd('chat:workers', 1, worker)
    .exec();
  await until(async () => await redis.zscore('chat:workers', worker) > 1,
              'the worker says that it lives');
  await sleep(200);
  const again = await connect(anna, on(0));
  await until(async () => (await onlineIds(ben)).includes(anna.id),
              'she is there');
  again.close();
  b.close();
});
