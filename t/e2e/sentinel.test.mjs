// Redis Sentinel: the chat finds the master, and follows it through failovers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeRedis } from './lib/fake.mjs';
import { Follower } from './lib/follow.mjs';
import { assertError, request, users } from './lib/http.mjs';
import { NO_RATE, REDIS_USER, redisLogin, releasePort, reservePort, sleep,
         start, until } from './lib/server.mjs';
import { MASTER, replicated, startWatched } from './lib/sentinel.mjs';
import { closeAll, connect } from './lib/sio.mjs';

const ALL = [['polling'], ['websocket'], ['polling', 'websocket']];

async function withWatched(options, use) {
  const server = await startWatched({ workers: 2, chat: NO_RATE, ...options });
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

// again and again with the same nonce, as a client does, until it is taken
let nonce = 0;
async function send(client, room, text) {
  const mine = `n-${nonce++}`;
  return until(async () => {
    const ack = await client.send(room, text, { nonce: mine });
    if (ack.ok) return ack;
    assert.equal(ack.retry, true, JSON.stringify(ack));
    return sleep(50);
  }, `${text} is taken`, 20000);
}

const subscribers = async (redis) =>
  (await redis.client.pubsub('NUMSUB', 'MESSAGES'))[1];

// all workers' links of both kinds are at this Redis
async function movedTo(server, redis, ms = 15000) {
  await until(async () => await subscribers(redis) >= 2, 'subscribed', ms);
  await until(async () => (await request(server, '/room/0/preload'))
    .status === 200, 'served', ms);
}

const role = async (redis) => (await redis.client.role())[0];

// the room's history, the clients and the texts that were acked say the same
async function agree(redis, room, texts, clients, streams = []) {
  const stored = (await redis.client.zrange(`room:${room}`, 0, -1))
    .map((member) => JSON.parse(member).message);
  assert.deepEqual(stored, texts);
  for (const client of clients) {
    await client.waitForText(texts.at(-1));
    assert.deepEqual(client.texts(room), texts);
    assert.deepEqual(client.reasons, [], 'live sockets stay open');
  }
  for (const stream of streams) {
    await stream.waitForText(texts.at(-1));
    assert.deepEqual(stream.texts(room), texts);
  }
}

test('kill -9 of the master', () => withWatched({}, async (server) => {
  const { master, replica } = server;
  const [anna, ben] = await users(server, 2);
  const room = anna.roomWith(ben);
  const clients = [await connect(ben),
                   ...await Promise.all(ALL.map((transports) =>
                     connect(anna, { transports })))];
  const stream = await Follower.open(anna);
  const texts = [];
  const say = async (client, text) => {
    texts.push(text);
    await send(client, room, text);
  };
  for (let i = 0; i < 20; i++) await say(clients[i % 4], `before ${i}`);
  await replicated(master);

  await master.kill9();
  for (let i = 0; i < 20; i++) await say(clients[i % 4], `after ${i}`);
  assert.equal(await role(replica), 'master');
  await movedTo(server, replica);
  await agree(replica, room, texts, clients, [stream]);

  // the old one, which believes it is a master still, is left alone
  await master.start();
  await sleep(1500);
  assert.equal(await role(master), 'master', 'it has not been told yet');
  assert.equal(await subscribers(master), 0);
  await say(clients[0], 'not to the old one');
  await agree(replica, room, texts, clients, [stream]);
  stream.close();
  await closeAll(clients);
}));

test('SENTINEL FAILOVER: an old master that stays up is left at once',
     () => withWatched({}, async (server) => {
  const { master, replica, sentinels } = server;
  const [anna, ben] = await users(server, 2);
  const room = anna.roomWith(ben);
  const clients = [await connect(ben),
                   ...await Promise.all(ALL.map((transports) =>
                     connect(anna, { transports })))];
  const stream = await Follower.open(anna);
  const texts = [];
  for (let i = 0; i < 8; i++) {
    texts.push(`before ${i}`);
    await send(clients[i % 4], room, texts.at(-1));
  }
  await replicated(master);

  assert.equal(await sentinels[1].command('SENTINEL', 'FAILOVER', MASTER),
               'OK');
  await movedTo(server, replica);
  // Sentinel waits for some seconds before it makes the old one a replica
  assert.equal(await role(master), 'master');
  await until(async () => await subscribers(master) === 0,
              'no link stays with the old one', 3000);
  assert.doesNotMatch(server.errorLog(), /nothing came for too long/,
                      'the subscriber link was told as well');
  assert.equal(await role(master), 'master');
  for (let i = 0; i < 8; i++) {
    texts.push(`after ${i}`);
    await send(clients[i % 4], room, texts.at(-1));
  }
  await agree(replica, room, texts, clients, [stream]);
  await until(async () => await role(master) === 'slave', 'it is told', 30000);
  texts.push('the last');
  await send(clients[0], room, 'the last');
  await agree(replica, room, texts, clients, [stream]);
  stream.close();
  await closeAll(clients);
}));

test('Sentinels that are down, one and then all', () => withWatched(
  {}, async (server) => {
    const { master, replica, sentinels } = server;
    const [anna] = await users(server, 1);
    const a = await connect(anna);
    await sentinels[0].kill9();
    await send(a, '0', 'without one');

    // those who have never spoken to it find the master as well
    await server.reload();
    await movedTo(server, master);
    const b = await connect(anna);
    await send(b, '0', 'new workers without one');
    await replicated(master);

    await master.kill9();
    await send(b, '0', 'failed over without one');
    await movedTo(server, replica);

    // without any, the chat stays with the one it knows
    for (const sentinel of sentinels.slice(1)) await sentinel.kill9();
    await send(b, '0', 'without any');
    await replica.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await replica.client.client('KILL', 'TYPE', 'pubsub');
    await send(b, '0', 'new links without any');
    await movedTo(server, replica);
    await b.waitForText('new links without any');
    assert.deepEqual(b.reasons, []);

    // workers that have never heard of one have nowhere to go
    await server.reload();
    await until(async () => (await request(server, '/room/0/preload'))
      .status === 503, '503', 8000);
    const started = Date.now();
    assertError(await request(server, '/room/0/preload'), 503);
    assert.ok(Date.now() - started < 1000, 'at once');
    assert.match(server.errorLog(), /chat: sentinel 127\.0\.0\.1:\d+ is of no /);
    assert.match(server.errorLog(), /no Sentinel names a master/);

    sentinels[2].start();
    await movedTo(server, replica);
    const c = await connect(anna);
    await send(c, '0', 'one is enough');
    assert.deepEqual(
      (await replica.client.zrange('room:0', 0, -1))
        .map((member) => JSON.parse(member).message),
      ['without one', 'new workers without one', 'failed over without one',
       'without any', 'new links without any', 'one is enough']);
    await closeAll(a, b, c);
  }));

test('a master that takes no writes any more is left, and taken again',
     () => withWatched({}, async (server) => {
  const { master } = server;
  const [anna] = await users(server, 1);
  const a = await connect(anna);
  await send(a, '0', 'before');
  await master.client.call('REPLICAOF', '127.0.0.1', '1');
  const ack = await a.send('0', 'refused');
  assert.equal(typeof ack.error, 'string');
  assert.equal(ack.retry, true);
  await until(() => /it was made a replica/.test(server.errorLog()), 'log');
  await until(async () => !/\bcmd=(evalsha|eval|set)\b/.test(
    await master.client.client('LIST')), 'the command links are gone');
  await sleep(500);
  assertError(await anna.get('/me'), 503);
  await master.client.call('REPLICAOF', 'NO', 'ONE');
  await send(a, '0', 'after');
  await a.waitForText('after');
  assert.deepEqual(a.texts(), ['before', 'after']);
  await closeAll(a);
}));

test('a password, of Redis and of the Sentinels', () => withWatched(
  { password: 'p-ss', workers: 1 }, async (server) => {
    const [anna] = await users(server, 1);
    const a = await connect(anna);
    await send(a, '0', 'let in');
    await replicated(server.master);
    await server.master.kill9();
    await send(a, '0', 'and again');
    await a.waitForText('and again');
    assert.ok(!server.errorLog().includes('p-ss'));
    await closeAll(a);
  }));

test('a user who may do no more than the module does', () => withWatched({
  password: 'p-ss', workers: 1,
  lines: [`user ${REDIS_USER.username} on >${REDIS_USER.password} -@all `
          + '+sentinel|master +sentinel|get-master-addr-by-name'],
  url: (ports) => `sentinel://${redisLogin}@${
    ports.map((port) => `127.0.0.1:${port}`).join()}/${MASTER}`,
}, async (server) => {
  const [anna] = await users(server, 1);
  const a = await connect(anna);
  await send(a, '0', 'let in');
  await closeAll(a);
}));

test('a Sentinel that is cut off from the others leads nobody back',
     async () => {
  // in the first place of the list, with what was right before the failover
  const fake = await FakeRedis.start((words) => {
    const [, what, name] = words;
    assert.equal(name, MASTER);
    return /^master$/i.test(what) ? ['name', MASTER, 'config-epoch', '0']
      : ['127.0.0.1', String(fake.masterPort)];
  });
  try {
    await withWatched({ url: (ports, masterPort) => {
      fake.masterPort = masterPort;
      return `sentinel://${redisLogin}@${[fake.port, ...ports]
        .map((port) => `127.0.0.1:${port}`).join()}/${MASTER}`;
    } }, async (server) => {
      const { master, replica, sentinels } = server;
      const [anna] = await users(server, 1);
      const a = await connect(anna);
      await send(a, '0', 'before');
      await replicated(master);
      await sentinels[0].command('SENTINEL', 'FAILOVER', MASTER);
      await movedTo(server, replica);
      await until(async () => await subscribers(master) === 0, 'it is left');
      // also when the others don't answer any more
      for (const sentinel of sentinels) await sentinel.kill9();
      await sleep(2000);
      assert.ok(fake.commands > 10);
      assert.equal(await subscribers(master), 0);
      await send(a, '0', 'after');
      await agree(replica, '0', ['before', 'after'], [a]);
      await closeAll(a);
    });
  } finally {
    await fake.stop();
  }
});

// no answer is of use: 503, and the log says why, once for each worker
async function useless(url, pattern) {
  const server = await start({ workers: 2, ready: false, redisUrl: () => url });
  try {
    await until(() => server.errorLog().match(pattern)?.length === 2, 'log',
                8000);
    assertError(await request(server, '/room/0/preload'), 503);
    const started = Date.now();
    assertError(await request(server, '/room/0/preload'), 503);
    assert.ok(Date.now() - started < 1000, 'at once');
    assert.equal((await request(server, '/links')).status, 200);
    await sleep(1200);
    assert.equal(server.errorLog().match(pattern).length, 2);
  } finally {
    await server.stop();
  }
}

const fault = (what, answer, why) => test(what, async () => {
  const fake = await FakeRedis.start(answer);
  try {
    await useless(`sentinel://127.0.0.1:${fake.port}/${MASTER}`, new RegExp(
      `sentinel .* is of no use for redis ${MASTER}: ${why}`, 'g'));
    assert.ok(fake.commands > 3);
  } finally {
    await fake.stop();
  }
});

const address = (...parts) => (words) =>
  (/^master$/i.test(words[1]) ? ['config-epoch', '1'] : parts);

fault('a name that the Sentinels do not know',
      (words) => (/^master$/i.test(words[1])
        ? new Error('ERR No such master with that name') : null),
      'ERR No such master with that name');
fault('a host name, which a worker could not resolve',
      address('localhost', '6379'), 'it gives a host name');
fault('an address that is too long', address('1'.repeat(1000), '6379'),
      'it gives a host name');
fault('a port that is none', address('127.0.0.1', '0'),
      'it names no address');
fault('no array', () => 'OK', 'it names no epoch');
fault('a password that is wrong',
      () => new Error('NOAUTH Authentication required.'), 'NOAUTH');
fault('no answer at all', () => undefined, "it doesn't answer");

test('new workers ask a Sentinel first: whoever comes meanwhile waits',
     async () => {
  const port = await reservePort();
  const fake = await FakeRedis.start(address('127.0.0.1', String(port)), 400);
  const server = await start({
    workers: 2, chat: NO_RATE, redisArgs: ['--port', String(port)],
    redisUrl: () =>
      `sentinel://${redisLogin}@127.0.0.1:${fake.port}/${MASTER}`,
  });
  try {
    const [anna] = await users(server, 1);
    await server.reload();
    const replies = await Promise.all(Array.from({ length: 20 }, (_, i) =>
      (i % 2 ? anna.get('/me') : anna.get('/room/0/preload'))));
    assert.deepEqual(replies.map((reply) => reply.status),
                     Array(20).fill(200));
    // that they waited, and not that the Sentinel was quicker
    await server.reload();
    const started = Date.now();
    assert.equal((await anna.get('/me')).status, 200);
    assert.ok(Date.now() - started > 100);
  } finally {
    await server.stop();
    await fake.stop();
    releasePort(port);
  }
});

test('nobody listens where the Sentinels should be', async () => {
  const port = await reservePort();
  try {
    await useless(`sentinel://127.0.0.1:${port}/x`,
                  /sentinel .* is of no use .*: Connection refused/g);
  } finally {
    releasePort(port);
  }
});
