// What one client may take: messages, sessions, connections.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { EventStream, Session, WorkerAgent, user } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket } from './lib/websocket.mjs';

const withServer = async (options, work) => {
  const server = await start({ workers: 2, ...options });
  try {
    await work(server);
  } finally {
    await server.stop();
  }
};

// logs in as nobody's guess, and sends as a test has it
const rate = (text) => ({ chat: `chat_login_rate off; ${text}` });

// the chat of another location
const below = (server, prefix) => ({
  ...server, url: server.url.replace(/\/$/, '') + prefix });

// the acks of so many messages at once
const burst = (client, count) => Promise.all(
  Array.from({ length: count }, (_, i) => client.send('0', `m ${i}`)));

const split = (acks) => ({
  stored: acks.filter((ack) => ack.ok === true).length,
  refused: acks.filter((ack) => ack.retry === true).length,
  ack: acks.find((ack) => ack.error),
});

describe('chat_message_rate', () => {
  test('by default 30 at once; a refused one says so and can come again', () =>
    withServer(rate(''), async (server) => {
      const [anna, ben] = [await connect(await user(server)),
                           await connect(await user(server))];
      const { stored, refused, ack } = split(await burst(anna, 100));
      assert.ok(stored >= 30 && stored < 90, `${stored} of 100`);
      assert.equal(stored + refused, 100);
      assert.match(ack.error, /too many messages/);
      assert.equal(ack.retry, true);

      // what was refused is not in the history, and nobody else is held up
      assert.equal(await server.redis.client.zcard('room:0'), stored);
      assert.equal((await ben.send('0', 'from ben')).ok, true);
      assert.equal(anna.reasons.length, 0);

      await until(async () => (await anna.send('0', 'again')).ok,
                  'there is room again');
      await closeAll(anna, ben);
    }));

  test('counts the user, over sockets and workers, also after a reload', () =>
    withServer(rate('chat_message_rate 1r/m burst=10;'), async (server) => {
      const anna = await user(server);
      const clients = [];
      for (const pid of server.workerPids()) {
        clients.push(await connect(anna, {
          transports: ['websocket'],
          agent: new WorkerAgent(server, () => pid) }));
      }
      assert.deepEqual(
        split([...await burst(clients[0], 4), ...await burst(clients[1], 9)]),
        { stored: 10, refused: 3,
          ack: { error: 'You are sending too many messages, please wait a '
                 + 'moment', retry: true } });

      await server.reload();
      const again = await connect(anna);
      assert.equal((await again.send('0', 'more')).retry, true);
      await closeAll(...clients, again);
    }));

  test('another location has its own idea of it; off is without limit', () =>
    withServer({ ...rate('chat_message_rate 1r/m burst=1;'),
                 locations: { '/free/': 'chat_message_rate off;' } },
      async (server) => {
        const anna = await user(server);
        const tight = await connect(anna);
        assert.deepEqual(split(await burst(tight, 3)).stored, 1);
        const free = await connect({ cookie: anna.cookie, id: anna.id,
                                     server: below(server, '/free') });
        assert.equal(split(await burst(free, 200)).stored, 200);
        await closeAll(tight, free);
      }));

  test('events that are malformed count too', () =>
    withServer(rate('chat_message_rate 1r/m burst=5;'), async (server) => {
      const anna = await connect(await user(server));
      for (let i = 0; i < 5; i++) {
        assert.equal((await anna.emit('message', { roomId: '9:9' })).retry,
                     false);
      }
      assert.equal((await anna.send('0', 'a good one')).retry, true);
      await closeAll(anna);
    }));

  test('who goes on and on is disconnected, and told why', () =>
    withServer(rate('chat_message_rate 1r/m burst=2;'), async (server) => {
      const anna = await user(server);
      const ben = await user(server);
      const other = await RawWebSocket.connect(ben);
      const ws = await RawWebSocket.connect(anna);
      const message = { roomId: '0', message: 'x' };

      // 2 are stored, 20 refused, and the next one ends it
      for (let i = 1; i <= 23; i++) {
        ws.emit(i, 'message', message);
        const ack = await ws.text((text) => text.startsWith(`43${i}[`));
        assert.match(ack, i > 2 ? /"retry":true/ : /"ok":true/, `ack ${i}`);
      }
      const { payload } = await ws.frame((f) => f.opcode === OP.close);
      assert.equal(payload.readUInt16BE(0), 1008);
      assert.equal(payload.subarray(2).toString(), 'too many messages');
      await ws.gone();
      assert.match(server.errorLog(), /sends too many messages/);

      // over polling, when it comes back and goes on
      const polling = await Polling.connect(anna);
      await until(() => polling.emit(1, 'message', message).then(
        () => false, () => true), 'the session is gone', 10000, 200);
      assert.equal((await polling.get()).status, 400);

      other.emit(1, 'message', message);
      assert.match(await other.text((t) => t.startsWith('431[')), /"ok":true/);
      other.destroy();
    }));
});

describe('the list of a user\'s sessions', () => {
  test('lasts as long as the longest of them, whatever others set', () =>
    withServer({ ...rate('chat_session_ttl 7d;'),
                 locations: { '/short/': 'chat_session_ttl 1m;' } },
      async (server) => {
        const redis = server.redis.client;
        const anna = await user(server);
        const short = new Session(below(server, '/short'));
        await short.logIn(anna.name);
        assert.equal((await short.get('/me')).json.id, anna.id);
        assert.ok(await redis.ttl(`chat:sessions:${anna.id}`) > 6 * 86400);

        // and all are found in it
        assert.equal((await short.post('/logout', { everywhere: true })).status,
                     200);
        assert.equal((await anna.get('/me')).text, 'null');
        assert.equal(await redis.exists(`chat:sessions:${anna.id}`), 0);
      }));
});

describe('chat_max_sessions', () => {
  const logIn = async (server, name) => {
    const session = new Session(server);
    assert.equal((await session.logIn(name)).status, 200);
    return session;
  };

  const whoIsIn = async (sessions) => (await Promise.all(
    sessions.map(async (s) => (await s.get('/me')).text !== 'null')));

  test('one more ends the one used least recently, on all workers and hosts',
       () => withServer({ ...rate('chat_max_sessions 3;'), hosts: 2 },
    async (server) => {
      const redis = server.redis.client;
      const anna = await user(server);
      const list = `chat:sessions:${anna.id}`;
      const hashes = [...await redis.zrange(list, 0, -1)];
      const sessions = [anna];
      for (const host of [server, { ...server, url: server.hosts[1].url }]) {
        sessions.push(await logIn(host, anna.name));
        hashes.push(...(await redis.zrange(list, 0, -1))
          .filter((member) => !hashes.includes(member)));
      }
      const ben = await user(server);
      const clients = [];
      for (const session of sessions) clients.push(await connect(session));
      const other = await connect(ben);
      const stream = await EventStream.open(sessions[1], '/events');

      // as if they were some seconds apart
      const now = Math.floor(Date.now() / 1000);
      for (const [i, add] of [[0, 30], [1, 10], [2, 20]]) {
        await redis.zadd(list, now + 7 * 86400 - 100 + add, hashes[i]);
      }

      sessions.push(await logIn(server, anna.name));
      await until(() => clients[1].reasons.length && stream.closed,
                  'what the oldest session has open is closed');
      assert.deepEqual(await whoIsIn(sessions), [true, false, true, true]);
      assert.equal(await redis.zcard(list), 3);
      assert.equal(clients[0].reasons.length + clients[2].reasons.length, 0);

      // the list and the limit are the user's
      assert.equal(other.reasons.length, 0);
      await closeAll(...clients, other);
    }));

  test('many at the same moment: the limit holds, and the newest is in', () =>
    withServer(rate('chat_max_sessions 2;'), async (server) => {
      const anna = await user(server);
      const sessions = await Promise.all(Array.from({ length: 12 },
        () => logIn(server, anna.name)));
      const last = await logIn(server, anna.name);
      await until(async () => (await whoIsIn([anna, ...sessions]))
        .filter(Boolean).length === 1, 'all but one are out');
      assert.equal((await last.get('/me')).json.id, anna.id);
      assert.equal(await server.redis.client.zcard(`chat:sessions:${anna.id}`),
                   2);
    }));

  test('by default 32, and a new limit ends what is too many', () =>
    withServer({ ...rate(''), workers: 1, locations: {
      '/free/': 'chat_max_sessions off;' } }, async (server) => {
      const free = below(server, '/free');
      const anna = await user(server);
      const sessions = [];
      for (let i = 0; i < 40; i++) {
        sessions.push(await logIn(free, anna.name));
      }
      assert.equal((await whoIsIn(sessions)).filter(Boolean).length, 40);
      sessions.push(await logIn(server, anna.name));
      await until(async () => (await whoIsIn([anna, ...sessions]))
        .filter(Boolean).length === 32, '32 are left');
      assert.equal((await sessions.at(-1).get('/me')).json.id, anna.id);
    }));

  test('a log-in in a browser that is logged in replaces only its own', () =>
    withServer(rate('chat_max_sessions 2;'), async (server) => {
      const anna = await user(server);
      const two = await logIn(server, anna.name);
      for (let i = 0; i < 5; i++) await two.logIn(anna.name);
      assert.deepEqual(await whoIsIn([anna, two]), [true, true]);
    }));
});
