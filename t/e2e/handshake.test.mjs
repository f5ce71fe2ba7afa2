// The opening handshake of RFC 6455 (4.2.1): what makes one, and what each
// fault is answered with. Autobahn leaves this out.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { bytes, raw, users } from './lib/http.mjs';
import { NO_RATE, start } from './lib/server.mjs';
import { RawWebSocket } from './lib/websocket.mjs';
import { each } from './lib/wire.mjs';

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const PATH = '/socket.io/?EIO=4&transport=websocket';

let server;
let anna;
before(async () => {
  server = await start({ workers: 1, chat: NO_RATE });
  [anna] = await users(server, 1);
});
after(() => server.stop());

// more headers of one name: node's objects have no room for them
const lines = (name, ...values) => ({ [name]: values.join(`\r\n${name}: `) });

const RIGHT = {
  'as it should be': {},
  'tokens in any case': { Upgrade: 'WEBSOCKET', Connection: 'upgrade' },
  'names in any case': { 'Sec-WebSocket-Key': null,
                         'sec-websocket-KEY': KEY },
  'tokens in lists': { Upgrade: 'h2c, websocket',
                       Connection: 'keep-alive,Upgrade' },
  'empty elements of lists': { Connection: ', ,Upgrade,' },
  'lists of several lines': {
    ...lines('Upgrade', 'h2c', 'websocket'),
    ...lines('Connection', 'keep-alive', 'Upgrade') },
  'blanks around values': { 'Sec-WebSocket-Version': '  13 ',
                            'Sec-WebSocket-Key': `  ${KEY}  ` },
  'a subprotocol that is not known': { 'Sec-WebSocket-Protocol': 'chat' },
  'an extension that is not known': { 'Sec-WebSocket-Extensions': 'x; y=1' },
  'a body of no bytes': { 'Content-Length': '0' },
  'its own origin': () => ({ Origin: server.origin,
                             Host: server.origin.slice(7) }),
};

// [status, headers, options]
const WRONG = {
  'no Upgrade': [400, { Upgrade: null }],
  'an Upgrade to something else': [400, { Upgrade: 'h2c' }],
  'a token that only begins so': [400, { Upgrade: 'websockets' }],
  'no Connection': [400, { Connection: null }],
  'a Connection without upgrade': [400, { Connection: 'keep-alive' }],
  'a token that only ends so': [400, { Connection: 'no-upgrade' }],
  'no key': [400, { 'Sec-WebSocket-Key': null }],
  'an empty key': [400, { 'Sec-WebSocket-Key': '' }],
  'two keys': [400, lines('Sec-WebSocket-Key', KEY, KEY)],
  'a key of 15 bytes': [400, {
    'Sec-WebSocket-Key': Buffer.alloc(15).toString('base64') }],
  'a key of 17 bytes': [400, {
    'Sec-WebSocket-Key': Buffer.alloc(17).toString('base64') }],
  'a key that is not padded': [400, {
    'Sec-WebSocket-Key': KEY.replace(/=/g, '') }],
  'a key with a blank': [400, { 'Sec-WebSocket-Key': KEY.replace('l', ' ') }],
  'a key in URLs\' base64': [400, { 'Sec-WebSocket-Key': KEY
    .replace('l', '_') }],
  'no version': [426, { 'Sec-WebSocket-Version': null }],
  'an empty version': [426, { 'Sec-WebSocket-Version': '' }],
  'two versions': [426, lines('Sec-WebSocket-Version', '13', '8')],
  ...Object.fromEntries(['0', '7', '8', '12', '14', '113', '013', '+13', '13.0',
                         '13, 8', '13x', '256'].map((version) =>
    [`version ${version}`, [426, { 'Sec-WebSocket-Version': version }]])),
  'another site\'s origin': [403, { Origin: 'http://evil.example' }],
  'the origin null': [403, { Origin: 'null' }],
  'two origins': [403, () => lines('Origin', server.origin,
                                   'http://evil.example')],
  'an origin and another fault': [403, { Origin: 'http://evil.example',
                                         'Sec-WebSocket-Version': '8' }],
  'a body': [400, { 'Content-Length': '1' }, { early: Buffer.from('x') }],
  'a chunked body': [400, { 'Transfer-Encoding': 'chunked' },
                     { early: Buffer.from('0\r\n\r\n') }],
  'HTTP/1.0': [400, {}, { version: '1.0' }],
  ...Object.fromEntries(['POST', 'HEAD', 'PUT', 'DELETE'].map((method) =>
    [method, [400, { 'Content-Length': '0' }, { method }]])),
};

const headersOf = (headers) => (typeof headers === 'function' ? headers()
  : headers);
const open = (headers, options) => RawWebSocket.open(anna, {
  ...options, headers: headersOf(headers) });

test('what makes a handshake: 101', () => each(Object.keys(RIGHT),
  async (what) => {
    const ws = await open(RIGHT[what]);
    assert.equal(ws.status, 101, ws.head);
    assert.match(ws.header('Upgrade'), /^websocket$/i);
    assert.match(ws.header('Connection'), /^upgrade$/i);
    for (const name of ['Sec-WebSocket-Extensions', 'Sec-WebSocket-Protocol',
                        'Content-Length', 'Transfer-Encoding']) {
      assert.equal(ws.header(name), undefined);
    }
    assert.match(await ws.text(), /^0\{/);
    await ws.close();
  }));

test('the key\'s answer', async () => {
  for (const [key, accept] of [[KEY, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
                               ['x3JJHMbDL1EzLkh9GBhXDw==',
                                'HSmrc0sMlYUkAGmm5OPpG2HaGWk=']]) {
    const ws = await open({ 'Sec-WebSocket-Key': key });
    assert.equal(ws.header('Sec-WebSocket-Accept'), accept);
    ws.destroy();
  }
});

test('faults: 400, 403, 426', () => each(Object.keys(WRONG), async (what) => {
  const [status, headers, options] = WRONG[what];
  const ws = await open(headers, options);
  assert.equal(ws.status, status, ws.head);
  assert.equal(ws.header('Sec-WebSocket-Accept'), undefined);

  // RFC 6455, 4.4; RFC 9110, 15.5.22 and 7.8
  assert.equal(ws.header('Sec-WebSocket-Version'),
               status === 426 ? '13' : undefined);
  if (status === 426) {
    assert.equal(ws.header('Upgrade'), 'websocket');
    assert.match(ws.head, /^Connection: Upgrade$/im);
  }
  ws.destroy();
}));

test('a fault is an answer like another: the next request is answered',
     async () => {
  const headers = { Cookie: anna.cookie, Upgrade: 'websocket',
                    Connection: 'keep-alive, Upgrade',
                    'Sec-WebSocket-Key': KEY };
  const reply = await raw(server,
    bytes('GET', PATH, { ...headers, 'Sec-WebSocket-Version': '8' })
    + bytes('GET', PATH, { ...headers, Origin: 'http://evil.example' })
    + bytes('GET', PATH, { ...headers, 'Sec-WebSocket-Version': '13' }),
    { until: /HTTP\/1.1 101[^]*0\{"sid/ });
  assert.deepEqual(reply.text.match(/HTTP\/1\.1 \d+/g),
                   ['HTTP/1.1 426', 'HTTP/1.1 403', 'HTTP/1.1 101']);
});
