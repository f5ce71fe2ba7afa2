// Holes that other chats and protocol libraries have had, each with its tests:
// a table of where they are, and here those that are nowhere else.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { assertCovered } from './lib/covered.mjs';
import { EventStream, Session, bytes, open, raw, users } from './lib/http.mjs';
import { Polling, eventOf, noNews } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, closeFrame, frame } from './lib/websocket.mjs';
import { answers, each } from './lib/wire.mjs';

const HOLES = {
  'an open Origin, on WebSocket as on polling': [
    'e2e/mount.test.mjs: same: the site\'s own, or none',
    'e2e/handshake.test.mjs: faults: 400, 403, 426'],
  'speaking as another user': [
    'e2e/chat.test.mjs: the sender is the session\'s user, the date is the '
    + 'server\'s'],
  'reading or joining any room': [
    'e2e/authority.test.mjs: routes',
    'e2e/authority.test.mjs: events: refused, and neither stored nor told'],
  'a stream without a session, with everybody\'s private messages': [
    'e2e/authority.test.mjs: routes: 403, and nothing is done',
    'e2e/channels.test.mjs: a private room\'s events are for its two, whoever '
    + 'they are said to be from'],
  'sockets without a user': [
    'e2e/authority.test.mjs: a socket is refused, and its events close it'],
  'passwords that are not checked, or in clear': [
    'e2e/accounts.test.mjs: a wrong password: 404, and the session that is '
    + 'there stays',
    'e2e/accounts.test.mjs: Redis holds the demo\'s keys and no password or '
    + 'token'],
  'pickled sessions': [
    'e2e/holes.test.mjs: a session in Redis that is something else is none'],
  'a packet that throws where nobody catches, and ends the process': [
    'e2e/holes.test.mjs: packets that have ended other servers',
    'e2e/suites.test.mjs: packets over WebSocket',
    'e2e/suites.test.mjs: packets over polling',
    'e2e/robustness.test.mjs: garbage as Socket.IO packets'],
  'unbounded packets': [
    'e2e/websocket.test.mjs: the size: exactly maxPayload passes, one more is '
    + '1009 at its header',
    'e2e/engine.test.mjs: maxPayload: exactly that passes, one byte more is '
    + '413'],
  'unbounded attachments': [
    'e2e/holes.test.mjs: packets that have ended other servers',
    'e2e/engine.test.mjs: binary attachments end in a clean close or are '
    + 'served'],
  'unbounded fragments': [
    'e2e/websocket.test.mjs: a hundred thousand empty fragments cost nothing',
    'e2e/holes.test.mjs: fragments of a byte take the room of a byte'],
  'unbounded depth, numbers of elements': [
    'e2e/engine.test.mjs: limits on depth and elements, without harm to the '
    + 'worker'],
  'unbounded numbers of headers': [
    'e2e/robustness.test.mjs: oversized and odd headers',
    'e2e/holes.test.mjs: a handshake with many headers'],
  'bombs': ['e2e/deflate.test.mjs: bad data, bad text, bombs'],
  'a declared length that is allocated at once': [
    'e2e/holes.test.mjs: a length that is only declared takes no memory'],
  'uninitialised memory in a reply': [
    'e2e/holes.test.mjs: replies hold what belongs there, and nothing else'],
  'a session revoked while its sockets live on': [
    'e2e/authority.test.mjs: a log-out everywhere ends all that is open, on '
    + 'all workers',
    'e2e/authority.test.mjs: a log-out that the bus did not bring ends what is '
    + 'open all the same',
    'e2e/workers.test.mjs: a log-out at another worker closes what is live'],
  'a token in a log': [
    'e2e/holes.test.mjs: no log has a session\'s token or a password'],
  'the same message twice in a second kept once': [
    'e2e/chat.test.mjs: two equal messages in one second are both kept, in '
    + 'order'],
  'messages of a second sorted by text': [
    'e2e/chat.test.mjs: two equal messages in one second are both kept, in '
    + 'order',
    'e2e/bus.test.mjs: equal scores page whole and in one order'],
  'size + 1 messages for size': [
    'e2e/routes.test.mjs: newest first, exactly size, 15 by default'],
  'a registration that answers 404': [
    'e2e/accounts.test.mjs: an unknown name is registered, then logs in'],
  'a presence that a second tab falsifies': [
    'e2e/presence.test.mjs: a second tab is no news, on the same worker or '
    + 'another'],
  'a presence that a killed worker falsifies': [
    'e2e/presence.test.mjs: a killed worker leaves no ghost, and its users '
    + 'come back'],
  'a frame behind the handshake that is lost': [
    'e2e/autobahn.test.mjs: the handshake and frames in one segment'],
  'a reload that cuts every client': [
    'e2e/handover.test.mjs: 200 clients, while messages flow'],
  'a log-in that tells whether there is such a user': [
    'e2e/authority.test.mjs: the same answer, and as much work'],
};

test('each hole has its tests', () => assertCovered(HOLES));

const LIMIT = 64 * 1024 * 1024;
let server;
let anna;
let ben;
let pids;
let keeper;
before(async () => {
  server = await start({ workers: 1, chat: NO_RATE,
                         server: 'access_log access.log; '
                           + 'client_max_body_size 64m;',
                         locations: {
    '/large/': `chat_max_payload 64m; ${NO_RATE}`,
    '/deflate/': `chat_deflate on; ${NO_RATE}` } });
  [anna, ben] = await users(server, 2);
  pids = server.workerPids();
  keeper = await connect(anna);
});
after(async () => {
  await closeAll(keeper);
  await server.stop();                  // a worker that crashed is a complaint
});

const at = (prefix, session) => Object.assign(
  new Session({ ...server, url: `${server.origin}${prefix}` }, session.cookie),
  { id: session.id, name: session.name });

// kB that the workers take
const memory = () => pids.reduce((sum, pid) => sum + Number(
  /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`))[1]), 0);

test('a session in Redis that is something else is none', async () => {
  const redis = server.redis.client;
  const session = new Session(server);
  const others = await redis.zrange(`chat:sessions:${ben.id}`, 0, -1);
  await session.logIn(ben.name);
  const [hash] = (await redis.zrange(`chat:sessions:${ben.id}`, 0, -1))
    .filter((one) => !others.includes(one));
  const key = `chat:session:${hash}`;
  for (const value of [
    // Python's pickle, PHP's serialize(), and what is nearly right
    Buffer.from('80049521000000000000007d94288c02696494', 'hex'),
    'a:1:{s:2:"id";i:1;}', '', 'null', '[]', '"1"', '1', '{}', '{"id":"1"}',
    `{"id":${ben.id},"username":"x"`, '{"id":"*","username":"x"}',
    '{"id":"-1","username":"x"}', `{"id":"${ben.id}","username":5}`,
    `{"id":["${ben.id}"],"username":"x"}`, '{"__proto__":{"id":"1"}}',
    '['.repeat(100000), 'x'.repeat(1000000)]) {
    await redis.set(key, value, 'EX', 100);
    // a worker knows a session for a while: this one is nobody's yet
    const fresh = new Session(server, session.cookie);
    await redis.publish('chat:workers', `revoke ${hash}`);
    await until(async () => (await fresh.get('/me')).text === 'null',
                `nobody is in with ${String(value).slice(0, 40)}`);
    assert.equal((await fresh.get('/users/online')).status, 403);
    await assert.rejects(connect(fresh), /log in/);
  }
  await redis.del(key);
});

/*
 * What unhandled exceptions of socket.io, engine.io, their parsers and ws were
 * made of. Each is answered by an ack, a close, or not at all.
 */
const CRASHERS = [
  '42["error",{}]', '421["error"]', '42["error"]', '42["uncaughtException"]',
  '42[{"toString":"foo"}]', '42["toString",{"toString":"x"}]',
  '42["__proto__",{"__proto__":{"x":1}}]', '421["constructor"]',
  '421["hasOwnProperty"]', '42["then",{"then":1}]',
  '451-["x",{"_placeholder":true,"num":"splice"}]',
  '451-["x",{"_placeholder":true,"num":-1}]',
  '451-["x",{"_placeholder":true,"num":10}]',
  '451-["x",{"_placeholder":true}]', '450-["x"]', '45-["x"]',
  '45-1-["x"]', '451.5-["x"]', '45999999999999-["x"]', '461-1["x"]',
  '40{"sid":"x","pid":"x","offset":"x"}', '40{"toString":1}',
  '40/__proto__,', '40/constructor,{}', `40/${'x'.repeat(10000)},`,
  '431["x"]', '43["x"]', '431', '44', '44"x"', '4NaN', '4null', '4[]', '4{}',
  `42${'9'.repeat(1000)}["x"]`, '42-1["x"]', '42 1["x"]', '42["x"],', '4\0',
  '42["x",1e400]', '42["x",-0]', '42["x",' + '9'.repeat(100000) + ']',
  '2probe', '3probe', '5', '6', '0{}', '0{"sid":"x"}', 'b', 'b!!!!', 'bA', '\0',
];

test('packets that have ended other servers', async () => {
  await each(CRASHERS, async (packet) => {
    const ws = await RawWebSocket.connect(anna, { rude: true });
    ws.write(Buffer.concat([frame(OP.text, packet),
                            frame(OP.binary, Buffer.alloc(5)), closeFrame(1000)]));
    const words = await answers(ws);
    assert.match(words.at(-1), /^close 100[23]$/);
    const bare = await RawWebSocket.open(anna, { rude: true });
    bare.write(Buffer.concat([frame(OP.text, packet), closeFrame(1000)]));
    assert.match((await answers(bare)).at(-1), /^close 100[02]$/);
    const polling = await Polling.connect({ ...anna });
    const reply = await polling.request('POST', packet);
    assert.ok([200, 400].includes(reply.status), String(reply.status));
  });
  assert.deepEqual(server.workerPids(), pids);
  assert.equal((await keeper.send('0', 'still there')).ok, true);
});

test('a handshake with many headers', async () => {
  for (const count of [100, 2000]) {
    const lines = Array.from({ length: count }, (_, i) => [`X-${i}`, 'x']);
    const reply = await raw(server, bytes(
      'GET', '/socket.io/?EIO=4&transport=websocket', {
        ...Object.fromEntries(lines), Upgrade: 'websocket',
        Connection: 'Upgrade', 'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' }),
      { until: /\r\n\r\n/, timeout: 5000 });
    assert.ok(count === 100 ? reply.status === 101
      : reply.status === 400 || reply.closed, `${count}: ${reply.status}`);
  }
});

describe('memory', () => {
  const MB = 1024;                      // kB

  test('a length that is only declared takes no memory', async () => {
    const large = at('/large', anna);
    const list = [];
    const before = memory();
    for (let i = 0; i < 30; i++) {
      const ws = await RawWebSocket.connect(large);
      const opcode = i % 2 ? OP.text : OP.binary;
      ws.write(frame(opcode, '', { length: LIMIT - 1, form: 64 })
        .subarray(0, 14));
      ws.write('x');
      list.push(ws.socket);
      const socket = await open(server);
      socket.on('error', () => {});
      const polling = await Polling.connect(large);
      socket.write(bytes('POST', `/large${polling.path()}`, {
        Cookie: anna.cookie, 'Content-Length': LIMIT - 1 }, '4'));
      list.push(socket);
    }
    await sleep(200);
    const growth = memory() - before;
    list.forEach((socket) => socket.destroy());
    assert.ok(growth < 40 * MB, `${growth} kB for 60 times 64 MB`);
    assert.equal((await keeper.send('0', 'memory is left')).ok, true);
  });

  test('fragments of a byte take the room of a byte', async () => {
    const count = 100000;
    const ws = await RawWebSocket.connect(at('/large', anna));
    const one = frame(OP.cont, 'x', { fin: false });
    const before = memory();
    ws.write(frame(OP.text, '421["no.such","', { fin: false }));
    for (let i = 0; i < 100; i++) {
      ws.write(Buffer.concat(Array.from({ length: count / 100 }, () => one)));
    }
    ws.write(frame(OP.ping, 'all'));
    await ws.frame((f) => f.opcode === OP.pong, 20000);
    const growth = memory() - before;
    assert.ok(growth < 20 * MB, `${growth} kB for ${count} bytes`);
    ws.write(frame(OP.cont, '"]'));
    assert.match(await ws.text((t) => t.startsWith('431')), /error/);
    await ws.close();
  });
});

// Others' words are all over the worker's memory, and then everything that has
// a length is asked for.
test('replies hold what belongs there, and nothing else', async () => {
  const SECRET = 'SeCrEt';
  const room = anna.roomWith(ben);
  const full = async () => {
    const ws = await RawWebSocket.connect(anna);
    for (const length of [10, 60, 120, 250, 500, 1000, 4000, 30000]) {
      ws.emit(1, 'message', { roomId: room, message: SECRET.repeat(length / 6),
                              from: SECRET.repeat(20) });
      await ws.text((t) => t.startsWith('431'));
      ws.write(frame(OP.ping, SECRET.repeat(20)));
      await ws.frame((f) => f.opcode === OP.pong);
    }
    ws.send(`40${SECRET}`);
    await ws.gone();
  };
  for (let i = 0; i < 3; i++) await full();

  const seen = [];
  const eve = (await users(server, 1))[0];
  for (const session of [eve, at('/deflate', eve)]) {
    const ws = await RawWebSocket.connect(session, {
      rude: true, headers: { 'Sec-WebSocket-Extensions':
                             'permessage-deflate' } });
    seen.push(ws.head);
    for (let length = 0; length <= 125; length++) {
      const payload = Buffer.alloc(length, 0x2e);
      ws.write(frame(OP.ping, payload));
      const pong = await ws.frame((f) => f.opcode === OP.pong);
      assert.deepEqual(pong.payload, payload);
    }
    for (const id of ['', '1', '9'.repeat(16)]) {
      ws.emit(id, 'no.such');
      if (id) seen.push(await ws.text((t) => t.startsWith('43')));
    }
    ws.emit(2, 'room.join', '0', { after: '0' });
    await ws.text((t) => t.startsWith('432'));
    for (const f of ws.frames) seen.push(f.payload.toString('latin1'));
    ws.frames = [];
    ws.write(frame(OP.close));
    await ws.gone();
    assert.deepEqual(ws.frames.filter((f) => f.opcode === OP.close)
      .map((f) => f.payload.length), [0]);
  }
  for (const code of [1000, 1001, 3000]) {
    const ws = await RawWebSocket.connect(eve, { rude: true });
    ws.write(closeFrame(code, 'a reason that is not sent back'));
    await ws.gone();
    const { payload } = ws.frames.find((f) => f.opcode === OP.close);
    assert.equal(payload.readUInt16BE(0), code);
    seen.push(payload.toString('latin1'));
  }

  for (const route of ['/me', '/users/online', '/room/0/messages?size=1000',
                       `/rooms/${eve.id}`, '/randomname', '/links', '/nothing',
                       `/room/${room}/messages`, '/users?ids=1,2,3']) {
    const reply = await eve.get(route);
    seen.push(JSON.stringify(reply.rawHeaders), reply.text);
    if (reply.headers['content-length']) {
      assert.equal(Number(reply.headers['content-length']),
                   Buffer.byteLength(reply.text));
    }
  }
  for (const body of ['', '{', '{}', '{"username":"', '[]', '\0']) {
    const reply = await eve.post('/login', body, {
      headers: { 'Content-Type': 'application/json' } });
    seen.push(JSON.stringify(reply.rawHeaders), reply.text);
  }
  const polling = await Polling.connect(eve);
  seen.push((await polling.request('POST', 'x')).text, (await polling.get()).text);
  const stream = await EventStream.open(eve, '/events');
  assert.equal((await keeper.send('0', 'to the stream')).ok, true);
  await stream.waitFor((e) => e.data.message === 'to the stream', 'it');
  stream.close();
  seen.push(JSON.stringify(stream.events), stream.comments.join());

  assert.ok(seen.length > 40);
  for (const text of seen) {
    assert.doesNotMatch(text, /SeCrEt/);
    assert.doesNotMatch(text, /\0/);
  }
});

test('no log has a session\'s token or a password', async () => {
  const who = new Session(server);
  const password = 'pass-in-no-log';
  await who.logIn(`logged-${process.pid}`, password);
  await who.logIn(who.name, `${password}-wrong`);
  const client = await connect(who);
  const stream = await EventStream.open(who, '/events');
  await client.send('0', 'x');
  await who.get('/users?ids=x');
  await who.post('/login', '{', {
    headers: { 'Content-Type': 'application/json' } });
  const bad = await RawWebSocket.connect(who);
  bad.send('9');
  await bad.gone();
  stream.close();
  assert.equal((await who.post('/logout', { everywhere: true })).status, 200);
  await closeAll(client);
  const access = () => readFileSync(path.join(server.dir, 'nginx0/access.log'),
                                    'utf8');
  await until(() => access().includes('POST /logout'), 'the log is written');
  for (const text of [access(), server.errorLog()]) {
    assert.ok(text.length > 100);
    for (const secret of [who.token, password]) {
      assert.ok(!text.includes(secret), secret);
    }
  }
});
