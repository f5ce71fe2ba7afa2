// The cases of the test suites that belong to the documents of Engine.IO v4 and
// Socket.IO v5: a table of where they are tested, and here what is nowhere
// else. Their server echoes and has a namespace "custom"; ours acks, and has
// none but "/".

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assertCovered } from './lib/covered.mjs';
import { users } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, start } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, closeFrame, frame } from './lib/websocket.mjs';
import { answers, each, run, word, write } from './lib/wire.mjs';

const engine = (title) => `e2e/engine.test.mjs: ${title}`;
const here = (title) => `e2e/suites.test.mjs: ${title}`;

const ENGINE_IO = {
  'handshake, polling: successfully opens': [
    engine('the open packet, over polling')],
  'handshake, polling: invalid EIO, transport, method': [
    engine('errors 0 to 3 and 5')],
  'handshake, WebSocket: successfully opens': [engine('and over WebSocket')],
  'handshake, WebSocket: invalid EIO, transport': [
    here('a WebSocket that asks for what there is not')],
  'message, polling: one text packet, several': [
    engine('connect, POST is answered with ok, events both ways'),
    engine('several packets in one payload, events right behind CONNECT')],
  // refused, as no event has attachments
  'message, polling: text and binary packets': [here('packets over polling')],
  'message, polling: invalid packet': [engine('invalid packets: 400, and the '
    + 'session ends'), here('packets over polling')],
  'message, polling: duplicate poll': [
    engine('a second GET while one waits ends the session')],
  'message, WebSocket: text, binary, invalid packet': [
    here('packets over WebSocket')],
  'heartbeat, polling': [
    engine('over polling: ping, pong, and the end without one')],
  'heartbeat, WebSocket': [engine('over WebSocket')],
  'close, polling': [engine('the close packet ends the session, a waiting GET '
    + 'gets noop')],
  'close, WebSocket': [engine('the close packet over WebSocket ends session '
    + 'and connection at once')],
  'upgrade: successfully': [engine('probe, noop, upgrade')],
  'upgrade: HTTP requests with the sid after it': [
    engine('after the upgrade, polling is a bad request')],
  'upgrade: a WebSocket with the sid after it': [
    engine('a second WebSocket is refused and the first stays')],
};

const SOCKET_IO = {
  'connect: main namespace, with a payload': [here('CONNECT')],
  // there is none, so a custom one is an unknown one
  'connect: custom namespace, unknown namespace': [here('CONNECT')],
  'connect: invalid handshake': [here('CONNECT')],
  // not closed at once, as socket.io's own server does not
  'disconnect: main namespace': [
    engine('DISCONNECT leaves the connection for a while')],
  // cannot be, without one
  'disconnect: custom namespace': [here('packets over WebSocket')],
  'message: plain text, with an ack': [here('packets over WebSocket')],
  'message: binary attachments, with an ack': [here('packets over WebSocket')],
  'message: unknown packet type': [here('packets over WebSocket')],
  'message: invalid payload': [here('packets over WebSocket')],
  'message: invalid ack id': [here('packets over WebSocket')],
};

test('each case has its test', () => {
  assertCovered(ENGINE_IO);
  assertCovered(SOCKET_IO);
});

let server;
let anna;
let keeper;
before(async () => {
  server = await start({ workers: 2, chat: NO_RATE });
  [anna] = await users(server, 1);
  keeper = await connect(anna);
});
after(async () => {
  await closeAll(keeper);
  await server.stop();
});

const ask = '421["no.such",1,"2",{"3":[true]}]';
const placeholders = '{"_placeholder":true,"num":0},'
    + '{"_placeholder":true,"num":1}';

// Engine.IO packets of a connected socket; what is not all right is answered
// with 400 or 1002, and the session ends
const PACKETS = {
  'text': [ask, true],
  'text, any number for an ack': ['4218446744073709551616["no.such"]', true],
  'text without an ack': ['42["no.such"]', true],
  'no payload at all': ['', false],
  'not a type': ['abc', false],
  'a digit that is no type': ['7', false],
  'a type in another script': ['٤2["no.such"]', false],
  'open, by the client': ['0', true],
  'ping, by the client': ['2', false],
  'pong, unasked': ['3', true],
  'upgrade, outside of one': ['5', true],
  'noop': ['6', true],
  'binary': ['bAQIDBA==', false],
  'message without a packet': ['4', false],
  'Socket.IO: unknown type': ['4abc', false],
  'Socket.IO: 7': ['47["x"]', false],
  'Socket.IO: a second CONNECT': ['40', false],
  'Socket.IO: DISCONNECT with a payload': ['41["x"]', false],
  'Socket.IO: DISCONNECT from another namespace': ['41/custom,', false],
  'Socket.IO: an event of another namespace': ['42/custom,["no.such"]', false],
  'Socket.IO: EVENT without an array': ['42{}', false],
  'Socket.IO: EVENT without a name': ['42[]', false],
  'Socket.IO: EVENT without a payload': ['421', false],
  'Socket.IO: EVENT with an ack id that is none': ['42abc["no.such"]', false],
  'Socket.IO: EVENT with a negative ack id': ['42-1["no.such"]', false],
  'Socket.IO: a reserved name': ['42["disconnect"]', false],
  'Socket.IO: ACK that nobody asked for': ['431["x"]', true],
  'Socket.IO: ACK without an id': ['43["x"]', false],
  'Socket.IO: CONNECT_ERROR, by the client': ['44{"message":"x"}', false],
  'Socket.IO: binary event': [`452-["x",${placeholders}]`, false],
  'Socket.IO: binary event with an ack': [`452-789["x",${placeholders}]`,
                                          false],
  'Socket.IO: binary ack': [`462-789[${placeholders}]`, false],
  'Socket.IO: more attachments than a number holds': [
    `4599999999999999999999-["x",${placeholders}]`, false],
};

const acked = (text) => /^42(\d+)\["no/.exec(text)?.[1];

test('packets over WebSocket', () => run(anna,
  Object.entries(PACKETS).map(([id, [text, right]]) => [
    id, [frame(OP.text, text), frame(OP.text, '427["no.such"]'),
         closeFrame(1000)],
    right ? [...acked(text) ? [`ack ${acked(text)}`] : [], 'ack 7',
             'close 1000'] : ['close 1002']])
    .concat([['a binary frame', [frame(OP.binary, Buffer.of(1, 2, 3, 4))],
              ['close 1003']]])));

// in the middle of a payload: what is before counts, what is behind only if
// the packet is right
test('packets over polling', () => each(Object.keys(PACKETS), async (id) => {
  const [text, right] = PACKETS[id];
  const polling = await Polling.connect({ ...anna });
  const reply = await polling.request('POST', ['421["no.such"]', text,
                                               '427["no.such"]'].join('\x1e'));
  assert.equal(reply.status, right ? 200 : 400, reply.text);
  if (right) {
    await polling.next((p) => p.startsWith('437['));
    await polling.post('1');
  } else {
    assert.deepEqual(reply.json, { code: 3, message: 'Bad request' });
    assert.deepEqual((await polling.get()).json,
                     { code: 1, message: 'Session ID unknown' });
  }
}));

test('CONNECT', () => each(Object.entries({
  '40': /^1 40\{"sid":"[^"]+"\}$/,
  '40{}': /^1 40\{"sid":"[^"]+"\}$/,
  '40{"token":"123"}': /^1 40\{"sid":"[^"]+"\}$/,
  '40/,{"token":"123"}': /^1 40\{"sid":"[^"]+"\}$/,
  '40/custom,': /^1 44\/custom,\{"message":"Invalid namespace"\}$/,
  '40/custom,{"a":1}': /^1 44\/custom,\{"message":"Invalid namespace"\}$/,
  '40/random': /^1 44\/random,\{"message":"Invalid namespace"\}$/,
  '4abc': /^close 1002$/,
  '40[]': /^close 1002$/,
  '40"x"': /^close 1002$/,
  '40{': /^close 1002$/,
  '40{}{}': /^close 1002$/,
  '400': /^1 40\{"sid"/,                // an ack id that says nothing
  [ask]: /^close 1002$/,
  '41': /^close 1002$/,
}), async ([packet, want]) => {
  const ws = await RawWebSocket.open(anna, { rude: true });
  await ws.text();
  ws.send(packet);
  assert.match(word(await ws.frame(word)), want, packet);
  if (!/close/.test(want)) {
    await write(ws, [closeFrame(1000)]);
    assert.deepEqual(await answers(ws), ['close 1000']);
  }
  ws.destroy();
}));

test('a WebSocket that asks for what there is not', () => each(Object.entries({
  'transport=websocket': 5,
  'EIO=abc&transport=websocket': 5,
  'EIO=3&transport=websocket': 5,
  'EIO=4': 0,
  'EIO=4&transport=abc': 0,
  'EIO=4&transport=webtransport': 0,
  'EIO=4&transport=websocket&sid=unknown': 1,
}), async ([query, code]) => {
  const reply = await anna.get(`/socket.io/?${query}`, { headers: {
    Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } });
  assert.equal(reply.status, 400, query);
  assert.equal(reply.json.code, code, query);
}));
