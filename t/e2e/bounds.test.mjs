// All that a client can make grow is bounded: a table of what it is and which
// tests see the bound, and here those that are nowhere else. They use a module
// whose bounds are smaller, where the real ones take too long to reach.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertCovered } from './lib/covered.mjs';
import { seedUsers } from './lib/data.mjs';
import { EventStream, Session, assertError, uniqueName, user, users }
  from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, frame } from './lib/websocket.mjs';
import { Workshop } from './lib/workshop.mjs';

const BOUNDS = {
  // what comes in
  'a message or packet (chat_max_payload)': [
    'e2e/websocket.test.mjs: the size: exactly maxPayload passes, one more is '
    + '1009 at its header',
    'e2e/engine.test.mjs: maxPayload: exactly that passes, one byte more is '
    + '413',
    'e2e/holes.test.mjs: a length that is only declared takes no memory'],
  'fragments': [
    'e2e/websocket.test.mjs: a hundred thousand empty fragments cost nothing',
    'e2e/holes.test.mjs: fragments of a byte take the room of a byte'],
  'what is inflated (chat_max_payload)': [
    'e2e/deflate.test.mjs: bad data, bad text, bombs'],
  'depth and elements of JSON': [
    'e2e/engine.test.mjs: limits on depth and elements, without harm to the '
    + 'worker'],
  'a message\'s text (chat_max_message)': [
    'e2e/chat.test.mjs: chat_max_message',
    'e2e/chat.test.mjs: length: 1 to chat_max_message characters, not blank'],
  'a nonce, and how long it is kept': [
    'e2e/chat.test.mjs: the nonce: sent again is the same message'],
  'the body of a request': [
    'e2e/accounts.test.mjs: bodies up to 64 KB: one byte more is 413'],
  'the headers of a request': [
    'e2e/robustness.test.mjs: oversized and odd headers',
    'e2e/holes.test.mjs: a handshake with many headers'],
  'a name': ['e2e/accounts.test.mjs: names that can\'t be registered: 400'],
  'a password': ['010-accounts.t: 9: all of a password counts'],
  'events in a time (chat_message_rate)': [
    'e2e/abuse.test.mjs: by default 30 at once; a refused one says so and can '
    + 'come again',
    'e2e/abuse.test.mjs: who goes on and on is disconnected, and told why'],
  'messages of a connection that are being stored': [
    'e2e/bounds.test.mjs: messages that Redis has not taken yet: no more are '
    + 'read'],
  'requests of a polling session': [
    'e2e/engine.test.mjs: a second GET while one waits ends the session',
    'e2e/engine.test.mjs: two POSTs at once end the session; a POST counts '
    + 'from its headers'],

  // what goes out
  'what a client doesn\'t read (chat_send_queue)': [
    'e2e/status.test.mjs: a client that reads too slowly',
    'e2e/chat.test.mjs: a reader that stops reading harms no one',
    'e2e/bounds.test.mjs: pongs that nobody reads'],
  'rooms that are resumed at once': [
    'e2e/resume.test.mjs: resumes more rooms than replays are allowed at once'],
  'a page of messages': [
    'e2e/routes.test.mjs: more than 1,000 is cut to 1,000'],
  'users that are asked for': [
    'e2e/routes.test.mjs: 500 ids',
    'e2e/routes.test.mjs: /users/online: 1,000 at a time'],

  'users and rooms that an admin asks for': [
    'e2e/admin.test.mjs: page by page, each once'],

  // who is there
  'connections of an address (chat_max_connections)': [
    'e2e/connections.test.mjs: one too many is refused on each transport, and '
    + 'none else',
    'e2e/connections.test.mjs: all workers count together; one that is killed '
    + 'leaves nothing',
    'e2e/bounds.test.mjs: a full zone of chat_max_connections: who is new is '
    + 'let in, who is counted still is'],
  'connections that have gone silent (chat_ping_timeout)': [
    'e2e/engine.test.mjs: over polling: ping, pong, and the end without one',
    'e2e/engine.test.mjs: over WebSocket',
    'e2e/connections.test.mjs: so is a polling session that is not heard of '
    + 'again'],
  'connections whose user never says CONNECT': [
    'e2e/bounds.test.mjs: who never says CONNECT is closed'],
  'upgrades that are not completed': [
    'e2e/engine.test.mjs: an upgrade that is not completed in 10 s is dropped',
    'e2e/engine.test.mjs: a second WebSocket is refused and the first stays'],
  'closing handshakes that are not completed': [
    'e2e/websocket.test.mjs: a client that answers no close is cut off'],
  'sessions of a user (chat_max_sessions, chat_session_ttl)': [
    'e2e/abuse.test.mjs: one more ends the one used least recently, on all '
    + 'workers and hosts',
    'e2e/abuse.test.mjs: many at the same moment: the limit holds, and the '
    + 'newest is in',
    'e2e/accounts.test.mjs: sessions slide with use, and end without it'],
  'sessions that a worker remembers': [
    'e2e/bounds.test.mjs: sessions that a worker remembers'],
  'accounts (chat_registration)': [
    'e2e/accounts.test.mjs: chat_registration off: unknown names are wrong '
    + 'names'],

  // work
  'tries to log in (chat_login_rate)': [
    'e2e/accounts.test.mjs: 429 with Retry-After for guessing, and no password '
    + 'is checked',
    'e2e/authority.test.mjs: and the same number of tries'],
  'addresses and names whose tries are counted': [
    'e2e/bounds.test.mjs: a full zone of chat_login_rate: the oldest are '
    + 'forgotten'],
  'passwords that wait to be hashed': [
    'e2e/bounds.test.mjs: passwords that wait'],
  'commands that Redis has not answered': [
    'e2e/bounds.test.mjs: commands that wait for Redis'],

  // what stays
  'the history of a room (chat_history_limit)': [
    'e2e/chat.test.mjs: a gap that retention has made is said'],
  'rooms that a worker remembers': [
    'e2e/bounds.test.mjs: rooms that a worker remembers'],
  'users who are muted or banned': [
    'e2e/admin.test.mjs: there is an end to how many are muted or banned'],
  'keys in Redis: all of ours end, but what names look like': [
    'e2e/bounds.test.mjs: keys of ours have an end, but for chat:name'],
};

test('each bound has its tests', () => assertCovered(BOUNDS));

const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';
const SMALLER = [
  ['auth/ngx_http_chat_clients.c', '(16 * 1024 * 1024)', '(8 * 4096)'],
  ['auth/ngx_http_chat_bucket.c', '(1024 * 1024)', '(8 * 4096)'],
  ['auth/ngx_http_chat_password.c', 'PASSWORD_QUEUE     64',
   'PASSWORD_QUEUE     4'],
  ['live/ngx_http_chat_hub.c', 'IDLE_ROOMS   10000', 'IDLE_ROOMS   10'],
  ['live/ngx_http_chat_known.c', 'KNOWN_MAX    4096', 'KNOWN_MAX    2'],
  ['live/ngx_http_chat_known.c', 'KNOWN_TIME   5000', 'KNOWN_TIME   600000'],
  ['live/ngx_http_chat_session.c', 'NGX_HTTP_CHAT_CONNECT_WAIT', '4000'],
  ['redis/ngx_http_chat_redis_op.c', 'MAX_OPS       65536',
   'MAX_OPS       200'],
];

describe('bounds that are smaller here', () => {
  let shop;
  let server;
  let anna;
  before(async () => {
    shop = await Workshop.open();
    server = await start({
      module: await shop.make(SMALLER), workers: 1,
      chat: `chat_message_rate off; chat_login_rate 2r/m;
             chat_presence_grace 0s;`,
      perAddress: 'chat_max_connections 1;', listen: 'sndbuf=4k',
      // Redis may be held for as long as a test needs
      http: 'chat_redis_read_timeout 60s;',
      server: `set_real_ip_from 127.0.0.1; real_ip_header X-Real-IP;
               location = /status { chat_status; }
               location = /who { chat_require on; empty_gif; }`,
      locations: { '/free/': `chat_max_connections off; ${NO_RATE}
                              chat_send_queue 4m; chat_presence_grace 0s;`,
                   '/slow/': `chat_max_connections off; ${NO_RATE}
                              chat_send_queue 16k;` },
    });
    anna = await user(server);
  });
  after(async () => {
    await server?.stop();
    shop?.close();
  });

  const at = (prefix, session) => Object.assign(
    new Session({ ...server, url: server.origin + prefix }, session.cookie),
    { id: session.id, name: session.name });
  const free = (session) => at('/free', session);
  const total = async () =>
    (await new Session(server).get('/status')).json.total;
  const from = (n) => ({ headers: {
    'X-Real-IP': `10.${n >> 16}.${n >> 8 & 255}.${n & 255}` } });

  test('a full zone of chat_max_connections: who is new is let in, who is '
       + 'counted still is', async () => {
    const full = /the zone of chat_max_connections is full/g;
    const said = () => [...server.errorLog().matchAll(full)].length;
    const enter = async (n) => {
      const reply = await anna.get(HANDSHAKE, from(n));
      return reply.status === 200 ? JSON.parse(reply.text.slice(1)).sid
        : reply.status;
    };
    const leave = (n, sid) => anna.post(`${HANDSHAKE}&sid=${sid}`, '1', {
      headers: { ...from(n).headers,
                 'Content-Type': 'text/plain;charset=UTF-8' } });

    // everybody is let in, and the last one was too much for the zone
    const sids = [];
    while (!said()) {
      assert.ok(sids.length < 2000);
      for (let i = 0; i < 20; i++) {
        const sid = await enter(sids.length);
        assert.equal(typeof sid, 'string');
        sids.push(sid);
      }
    }

    // an early one is counted as before, the last one never was
    const [early, next] = [sids.length - 50, sids.length - 49];
    const last = sids.length - 1;
    assert.equal(await enter(early), 429);
    for (let i = 0; i < 3; i++) {
      assert.equal(typeof await enter(last), 'string');
    }
    assert.equal(await enter(next), 429);

    // one goes who was counted: there is room for a new one, whose next is
    // one too many; it is nobody else's room
    await leave(early, sids[early]);
    assert.equal(typeof await enter(5000), 'string');
    assert.equal(await enter(5000), 429);
    assert.equal(typeof await enter(early), 'string');
    assert.equal(typeof await enter(early), 'string');

    // one goes who wasn't: that makes no room
    await leave(last, sids[last]);
    assert.equal(typeof await enter(5001), 'string');
    assert.equal(typeof await enter(5001), 'string');

    // it is said once
    assert.equal(said(), 1);
  });

  test('who never says CONNECT is closed', async () => {
    // those of above, and one on each transport
    const polling = await Polling.open(free(anna));
    const ws = await RawWebSocket.open(free(anna));
    await until(async () => {
      const { connections } = await total();
      return connections.polling === 0 && connections.websocket === 0;
    }, 'all have gone', 20000, 100);
    assert.equal((await polling.get()).status, 400);
    ws.destroy();
  });

  test('a full zone of chat_login_rate: the oldest are forgotten', async () => {
    const names = await seedUsers(server.redis.client, Array.from(
      { length: 300 }, () => uniqueName()));
    const guess = async (n) => (await new Session(server).post('/login', {
      username: names[n].name, password: 'wrong' }, from(n))).status;
    const tries = async (n) => [await guess(n), await guess(n), await guess(n)];
    assert.deepEqual(await tries(0), [404, 404, 429]);
    for (let n = 1; n < names.length; n++) {
      assert.equal(await guess(n), 404);
    }
    // the last one is known, and the first one isn't any more
    assert.deepEqual(await tries(names.length - 1), [404, 429, 429]);
    assert.deepEqual(await tries(0), [404, 404, 429]);
  });

  test('passwords that wait', async () => {
    const before = await total();
    const tries = await Promise.all(Array.from({ length: 30 }, () =>
      free(new Session(server)).post('/login', {
        username: uniqueName(), password: 'x' })));
    const busy = tries.filter(({ status }) => status === 503);
    // four wait, and two threads have one each
    assert.ok(busy.length >= 1 && busy.length <= 26, String(busy.length));
    busy.forEach((reply) => assertError(reply, 503));
    assert.ok(tries.every(({ status }) => [201, 503].includes(status)));
    const now = await total();
    assert.equal(now.password_queue, 0);
    assert.equal(now.passwords - before.passwords, 30 - busy.length);
  });

  test('rooms that a worker remembers', async () => {
    const others = await users(free(anna).server, 40);
    const ws = await connect(free(anna), { transports: ['websocket'] });
    for (const other of others) {
      assert.ok((await ws.send(anna.roomWith(other), 'hello')).ok);
    }
    const { rooms } = await total();
    assert.ok(rooms >= 2 && rooms <= 14, `${rooms} rooms`);
    // none the worse for it
    assert.ok((await ws.send(anna.roomWith(others[0]), 'again')).ok);
    assert.equal((await free(anna).get(
      `/room/${anna.roomWith(others[0])}/messages`)).json.length, 2);
    await closeAll(ws);
  });

  test('sessions that a worker remembers', async () => {
    const four = await users(free(anna).server, 4);
    const asked = async (session) => {
      const calls = async () => Number(/cmdstat_getex:calls=(\d+)/.exec(
        await server.redis.client.info('commandstats'))?.[1] ?? 0);
      const before = await calls();
      assert.equal((await new Session(server, session.cookie).get('/who'))
        .status, 200);
      return await calls() - before;
    };
    for (const session of four) await asked(session);
    const again = [];
    for (const session of four) again.push(await asked(session));
    // two are known without asking, these or others
    assert.ok(again.filter((n) => n === 0).length <= 2, again.join());
    assert.ok(again.every((n) => n <= 1), again.join());
  });

  test('pongs that nobody reads', async () => {
    const before = (await total()).slow_closes;
    const ws = await RawWebSocket.connect(at('/slow', anna));
    ws.socket.pause();
    const pings = Buffer.concat(Array.from(
      { length: 1000 }, () => frame(OP.ping, 'x'.repeat(125))));
    await until(async () => {
      if (!ws.socket.destroyed) ws.write(pings);
      return (await total()).slow_closes === before + 1;
    }, 'it is closed', 20000);
    ws.destroy();
  });

  test('messages that Redis has not taken yet: no more are read', async () => {
    const ws = await RawWebSocket.connect(free(anna));
    const before = (await total()).received_bytes;
    const text = 'x'.repeat(3000);
    let read;
    server.redis.pause();
    try {
      for (let i = 0; i < 400; i++) {
        ws.emit(i, 'message', { roomId: '0', message: text });
      }
      // until it is no more
      for (let same = 0; same < 10; ) {
        await sleep(100);
        const now = (await total()).received_bytes - before;
        same = now === read ? same + 1 : 0;
        read = now;
      }
    } finally {
      server.redis.resume();
    }
    // 64, and what one read has brought
    assert.ok(read >= 64 * 3000 && read < 200 * 3000, `${read} bytes`);
    for (let i = 0; i < 400; i++) {
      assert.match(await ws.text((t) => t.startsWith(`43${i}[`)), /"ok":true/);
    }
    ws.destroy();
  });

  test('commands that wait for Redis', async () => {
    let replies;
    const me = free(anna);
    server.redis.pause();
    try {
      const all = Array.from({ length: 400 }, () =>
        me.get('/users/online').catch((error) => ({ status: error })));
      let refused = 0;
      all.forEach((one) => one.then(({ status }) => {
        refused += status === 503;
      }));
      // refused at once, while the others wait
      await until(() => refused >= 200, 'what is too much is refused', 20000);
      replies = all;
    } finally {
      server.redis.resume();
    }
    const done = await Promise.all(replies);
    assert.ok(done.every(({ status }) => [200, 503].includes(status)));
    assert.ok(done.some(({ status }) => status === 200));
    assert.equal((await me.get('/users/online')).status, 200);
  });

  test('keys of ours have an end, but for chat:name', async () => {
    const ws = await connect(free(anna));
    const stream = await EventStream.open(free(anna), '/events');
    assert.ok((await ws.send('0', 'with a nonce', { nonce: 'n' })).ok);
    const client = server.redis.client;
    const kinds = new Set();
    for (const key of await client.keys('chat:*')) {
      const [, kind] = key.split(':');
      kinds.add(kind);
      const ttl = await client.ttl(key);
      if (kind === 'name') assert.equal(ttl, -1, key);
      else assert.ok(ttl > 0 && ttl <= 30 * 24 * 3600, `${key}: ${ttl}`);
    }
    for (const kind of ['live', 'name', 'nonce', 'session', 'sessions', 'users',
                        'workers']) {
      assert.ok(kinds.has(kind), kind);
    }
    // one for each look of a name at the most: no more than accounts
    const names = await client.keys('chat:name:*');
    const accounts = await client.keys('username:*');
    assert.ok(names.length <= 2 * accounts.length);
    stream.close();
    await closeAll(ws);
  });
});
