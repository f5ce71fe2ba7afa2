// RFC 6455 on the wire: what the Autobahn test suite looks at, section by
// section. Its server echoes; ours is asked for an ack, and its answers are
// compared as a whole, in their order, up to the end of the connection.
//
// Sections and where they are covered:
//
//   1.1   text of all lengths            here, TEXT
//   1.2   binary of all lengths          here, BINARY: 1003, see below
//   2     pings and pongs                here, PINGS
//   3     reserved bits                  here, RSV
//   4     opcodes                        here, OPCODES
//   5     fragmentation                  here, FRAGMENTS
//   6     UTF-8, fail-fast               here, EMPTY, UTF8, FAST, SEQUENCES
//   7     close                          here, CLOSE
//   8     (the suite has none)
//   9     limits                         here, "large messages"
//   10    automatic fragmentation        here, FRAGMENTS
//   11    (the suite has none)
//   12/13 permessage-deflate             deflate.test.mjs
//
// What does not apply, and what there is instead:
//
//   1.2, 9.2, 9.4, 9.6, 9.8, binary data of 12
//             No binary messages here: code 1003, once they are complete.
//   1.1.1, 6.1.1, 6.1.2, 9.7.1
//             An empty message is right for RFC 6455, but no Engine.IO packet:
//             code 1002.
//   6.7.1     A NUL is right for RFC 6455, but not within a string of JSON:
//             code 1002.
//   5, 10     The server never fragments, so its fragments aren't looked at.
//   7.13      Codes from 5000 on: the suite only reports; 1002 here.
//   9.1.7 on, messages beyond chat_max_payload
//             1009 at the header, in websocket.test.mjs.
//
// The opening handshake, which Autobahn leaves out, is in handshake.test.mjs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { users } from './lib/http.mjs';
import { NO_RATE, sleep, start } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, closeFrame, frame } from './lib/websocket.mjs';
import { answers, each, run, write } from './lib/wire.mjs';

let server;
let anna;
let keeper;
let large;                              // anna, with a large chat_max_payload
before(async () => {
  server = await start({
    workers: 1, chat: `chat_max_payload 300k; ${NO_RATE}`,
    locations: { '/large/': `chat_max_payload 16m; ${NO_RATE}` } });
  [anna] = await users(server, 1);
  keeper = await connect(anna);
  large = { ...anna, server: { ...server, url: `${server.origin}/large` } };
});
after(async () => {
  await closeAll(keeper);
  await server.stop();
});

// an event of so many bytes, with any text in it, that is acked
const event = (n = 1, text = '') => Buffer.concat([
  Buffer.from(`42${n}["no.such","`), Buffer.from(text), Buffer.from('"]')]);
const sized = (length, n = 1) => event(n, 'x'.repeat(length
  - event(n).length));

const text = (data, options) => frame(OP.text, data, options);
const begin = (data) => text(data, { fin: false });
const cont = (data) => frame(OP.cont, data);
const more = (data) => frame(OP.cont, data, { fin: false });
const ping = (data, options) => frame(OP.ping, data, options);
const pong = (data, options) => frame(OP.pong, data, options);
const bye = closeFrame(1000);

// [id, frames], which are right: the client closes behind them
const right = (id, frames, ...words) => [id, [...frames, bye],
                                         [...words, 'close 1000']];
const wrong = (id, code, frames, ...words) => [id, frames,
                                               [...words, `close ${code}`]];

// the message in pieces of so many bytes
function pieces(data, size) {
  const parts = [];
  for (let at = 0; at < data.length; at += size) {
    parts.push(data.subarray(at, at + size));
  }
  return parts;
}
const fragments = (data, size) => pieces(data, size).map((part, i, all) =>
  frame(i ? OP.cont : OP.text, part, { fin: i === all.length - 1 }));

const TEXT = [
  wrong('1.1.1', 1002, [text('')]),
  ...[125, 126, 127, 128, 65535, 65536].map((length, i) =>
    right(`1.1.${i + 2}`, [text(sized(length))], 'ack 1')),
  right('1.1.8', pieces(text(sized(65536)), 997), 'ack 1'),
];

const BINARY = [0, 125, 126, 127, 128, 65535, 65536].map((length, i) =>
  wrong(`1.2.${i + 1}`, 1003, [frame(OP.binary, Buffer.alloc(length, 0xfe))]));

const BYTES = Buffer.from('00fffefdfcfb00ff', 'hex');
const LONG = Buffer.alloc(125, 0xfe);
const TEN = Array.from({ length: 10 }, (_, i) => `payload ${i}`);
const PINGS = [
  right('2.1', [ping('')], 'pong '),
  right('2.2', [ping('Hello, world!')], 'pong Hello, world!'),
  right('2.3', [ping(BYTES)], `pong ${BYTES.toString('latin1')}`),
  right('2.4, 2.6', [ping(LONG)], `pong ${LONG.toString('latin1')}`),
  wrong('2.5', 1002, [ping(Buffer.alloc(126, 0xfe))]),
  right('2.7', [pong('')]),
  right('2.8', [pong('unasked')]),
  right('2.9', [pong('unasked'), ping('asked')], 'pong asked'),
  right('2.10, 2.11', TEN.map((payload) => ping(payload)),
        ...TEN.map((payload) => `pong ${payload}`)),
];

const RSV = [
  wrong('3.1', 1002, [text(event(), { rsv: 1 })]),
  wrong('3.2 to 3.4', 1002, [text(event()), text(event(2), { rsv: 2 }),
                             ping('')], 'ack 1'),
  ...[3, 4].map((rsv) => wrong(`3.2 to 3.4, ${rsv}`, 1002,
    [text(event()), text(event(2), { rsv }), ping('')], 'ack 1')),
  wrong('3.5', 1002, [frame(OP.binary, BYTES, { rsv: 5 })]),
  wrong('3.6', 1002, [ping('Hello', { rsv: 6 })]),
  wrong('3.7', 1002, [frame(OP.close, '', { rsv: 7 })]),
];

const OPCODES = [[3, 4, 5, 6, 7], [11, 12, 13, 14, 15]].flatMap((row, i) =>
  row.flatMap((opcode, j) => [
    wrong(`4.${i + 1}.${j + 1}`, 1002,
          [frame(opcode, j % 2 ? 'payload' : '')]),
    wrong(`4.${i + 1}.${j + 1} behind a message`, 1002,
          [text(event()), frame(opcode, 'payload'), ping('')], 'ack 1'),
  ]));

const EVENT = event(1, 'fragment');
const [A, B, C, D, E] = pieces(EVENT, 5);
const F = EVENT.subarray(20);
const FRAGMENTS = [
  wrong('5.1', 1002, [ping('', { fin: false }), frame(OP.cont, '')]),
  wrong('5.2', 1002, [pong('', { fin: false }), frame(OP.cont, '')]),
  right('5.3 to 5.5', fragments(EVENT, 12), 'ack 1'),
  right('5.6 to 5.8', [begin(A), ping('between'), cont(EVENT.subarray(5))],
        'pong between', 'ack 1'),
  wrong('5.9 to 5.11', 1002, [cont('none begun'), text(event())]),
  wrong('5.12 to 5.14', 1002, [more('none begun'), text(event())]),
  wrong('5.15', 1002, [...fragments(EVENT, 12), more('none begun'),
                       text(event(2))], 'ack 1'),
  wrong('5.16', 1002, [more('none begun'), begin(A),
                       cont(EVENT.subarray(5))]),
  wrong('5.17', 1002, [cont('none begun'), begin(A),
                       cont(EVENT.subarray(5))]),
  wrong('5.18', 1002, [begin(A), text(EVENT.subarray(5))]),
  right('5.19, 5.20', [begin(A), more(B), ping('1'), more(C), more(D),
                       ping('2'), cont(F)], 'pong 1', 'pong 2', 'ack 1'),
  right('10.1.1', fragments(sized(65536), 1300), 'ack 1'),
];

const EMPTY = [
  wrong('6.1.1', 1002, [text('')]),
  wrong('6.1.2', 1002, [begin(''), more(''), cont('')]),
  right('6.1.3', [begin(''), more(EVENT), cont('')], 'ack 1'),
];

const GREEK = '\u03ba\u1f79\u03c3\u03bc\u03b5';     // kosme
const bad = (hex) => Buffer.concat([event(1, GREEK).subarray(0, -2),
                                    Buffer.from(hex, 'hex')]);
const HELLO = event(1, 'Hello-µ@ßöäüàá-UTF-8!!');
const UTF8 = [
  right('6.2.1', [text(HELLO)], 'ack 1'),
  right('6.2.2', [begin(HELLO.subarray(0, 24)), cont(HELLO.subarray(24))],
        'ack 1'),
  right('6.2.3', fragments(HELLO, 1), 'ack 1'),
  right('6.2.4', fragments(event(1, GREEK), 1), 'ack 1'),
  wrong('6.3.1', 1007, [text(Buffer.concat([bad('eda080'),
                                            Buffer.from('edited"]')]))]),
  wrong('6.3.2', 1007, fragments(Buffer.concat([
    bad('eda080'), Buffer.from('edited"]')]), 1)),
];

// the first octet that is wrong is the last that is sent
const whole = text(Buffer.concat([bad('f4908080'), Buffer.alloc(200, 0x20)]));
const FAST = [
  wrong('6.4.1', 1007, [begin(bad('')), ping('right so far'),
                        more(Buffer.from('f4908080', 'hex'))],
        'pong right so far'),
  wrong('6.4.2', 1007, [begin(bad('f4')), ping('right so far'),
                        more(Buffer.from('90', 'hex'))],
        'pong right so far'),
  wrong('6.4.3', 1007, [whole.subarray(0, whole.length - 200)]),
  wrong('6.4.4', 1007, [whole.subarray(0, whole.length - 202)]),
];

/*
 * The stress test for UTF-8 decoders by Markus Kuhn, with its numbers in the
 * suite: sequences in hexadecimal that are right, and that are not.
 */
const range = (from, to, code) => Array.from({ length: to - from },
  (_, i) => code(from + i)).join('');
const hex = (n) => n.toString(16).padStart(2, '0');
const INCOMPLETE = ['c0', 'e080', 'f08080', 'f8808080', 'fc80808080', 'df',
                    'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'];
const SEQUENCES = {
  6.5: [['68656c6c6f24776f726c64', '68656c6c6fc2a2776f726c64',
         '68656c6c6fe282ac776f726c64', '68656c6c6ff0a4ada2776f726c64',
         Buffer.from(GREEK).toString('hex')], []],
  6.6: [[2, 5, 7, 9, 11], [1, 3, 4, 6, 8, 10]].map((lengths) =>
    lengths.map((n) => Buffer.from(GREEK).toString('hex').slice(0, 2 * n))),
  6.7: [['c280', 'e0a080', 'f0908080'], []],
  6.8: [[], ['f888808080', 'fc8480808080']],
  6.9: [['7f', 'dfbf', 'efbfbf', 'f48fbfbf'], []],
  '6.10': [[], ['f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf']],
  6.11: [['ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf'], ['f4908080']],
  6.12: [[], ['80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80',
              '80bf80bf80bf', range(0x80, 0xc0, hex)]],
  6.13: [[], [[0xc0, 0xe0], [0xe0, 0xf0], [0xf0, 0xf8], [0xf8, 0xfc],
              [0xfc, 0xfe]].map(([from, to]) =>
    range(from, to, (n) => `${hex(n)}20`))],
  6.14: [[], INCOMPLETE],
  6.15: [[], [INCOMPLETE.join('')]],
  6.16: [[], ['fe', 'ff', 'fefeffff']],
  6.17: [[], ['c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af']],
  6.18: [[], ['c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf']],
  6.19: [[], ['c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080']],
  '6.20': [[], ['eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80',
                'edbfbf']],
  6.21: [[], ['eda080', 'edadbf', 'edae80', 'edafbf'].flatMap((high) =>
    ['edb080', 'edbfbf'].map((low) => high + low))],
  // U+FFFE, U+FFFF and their like in the planes above are right
  6.22: [Array.from({ length: 17 }, (_, plane) => [0xfffe, 0xffff].map((n) =>
    Buffer.from(String.fromCodePoint(plane * 0x10000 + n)).toString('hex')))
    .flat(), []],
  6.23: [['efbfb9', 'efbfba', 'efbfbb', 'efbfbc', 'efbfbd', 'efbfbe',
          'efbfbf'], []],
};

const sequences = Object.entries(SEQUENCES).flatMap(([id, [good, ill]]) => [
  ...good.map((data) => right(`${id} ${data}`,
    [text(event(1, Buffer.from(data, 'hex')))], 'ack 1')),
  ...ill.flatMap((data) => [
    wrong(`${id} ${data}`, 1007, [text(event(1, Buffer.from(data, 'hex')))]),
    // and at the end of the message, where it may only be incomplete
    wrong(`${id} ${data} at the end`, 1007, [text(bad(data))]),
  ]),
]).concat([wrong('6.7.1', 1002, [text(event(1, '\0'))])]);

const reason = (code, data) => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(OP.close, Buffer.concat([head, Buffer.from(data)]));
};
const CLOSE = [
  right('7.1.1', [text(event())], 'ack 1'),
  right('7.1.2', [bye]),
  ['7.1.3', [bye, ping('late')], ['close 1000']],
  ['7.1.4', [bye, text(event())], ['close 1000']],
  ['7.1.5', [begin(A), bye, cont(EVENT.subarray(5))], ['close 1000']],
  ['7.1.6', [text(sized(262144)), bye, ping('late')], ['ack 1', 'close 1000']],
  ['7.3.1', [frame(OP.close)], ['close']],
  wrong('7.3.2', 1002, [frame(OP.close, 'x')]),
  ['7.3.3', [closeFrame(1000)], ['close 1000']],
  ['7.3.4', [closeFrame(1000, 'Hello, world!')], ['close 1000']],
  ['7.3.5', [closeFrame(1000, '*'.repeat(123))], ['close 1000']],
  wrong('7.3.6', 1002, [closeFrame(1000, '*'.repeat(124))]),
  wrong('7.5.1', 1007, [reason(1000, bad('eda080'))]),
  wrong('7.5.1 at its end', 1007, [reason(1000, Buffer.of(0x78, 0xce))]),
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000,
      4999].map((code, i) =>
    [`7.7.${i + 1}`, [closeFrame(code)], [`close ${code}`]]),
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code, i) =>
    wrong(`7.9.${i + 1}`, 1002, [closeFrame(code)])),
  ...[1012, 1013, 1014, 1015].map((code) =>
    wrong(`7.9, ${code}`, 1002, [closeFrame(code)])),
  wrong('7.13.1', 1002, [closeFrame(5000)]),
  wrong('7.13.2', 1002, [closeFrame(65535)]),
];

for (const [name, cases] of Object.entries({
  '1.1 text': TEXT, '1.2 binary': BINARY, '2 pings': PINGS,
  '3 reserved bits': RSV, '4 opcodes': OPCODES, '5 and 10 fragments': FRAGMENTS,
  '6.1 empty': EMPTY, '6.2 and 6.3 UTF-8': UTF8, '6.4 fail-fast': FAST,
  '6.5 to 6.23 sequences': sequences, '7 close': CLOSE,
})) {
  test(name, () => run(anna, cases));
}

describe('9 large messages', () => {
  const K = 1024;
  const M = 1024 * K;

  test('9.1 and 9.2: up to 16 MB', async () => {
    for (const [i, size] of [64 * K, 256 * K, M, 4 * M, 8 * M, 16 * M]
      .entries()) {
      await run(large, [
        right(`9.1.${i + 1}`, [text(sized(size))], 'ack 1'),
        wrong(`9.2.${i + 1}`, 1003, [frame(OP.binary, Buffer.alloc(size))]),
      ], ['at once']);
    }
  });

  test('9.3: 4 MB in fragments', async () => {
    const data = sized(4 * M);
    for (const [i, size] of [64, 256, K, 4 * K, 16 * K, 64 * K, 256 * K, M,
                             4 * M].entries()) {
      await run(large, [right(`9.3.${i + 1}`, fragments(data, size),
                              'ack 1')], ['at once']);
    }
  });

  test('9.5: 1 MB in small writes', async () => {
    await each([64, 128, 256, 512, 1024, 2048], async (size) => {
      const ws = await RawWebSocket.connect(large, { rude: true });
      for (const part of pieces(Buffer.concat([text(sized(M)), bye]), size)) {
        if (!ws.socket.write(part)) {
          await new Promise((done) => ws.socket.once('drain', done));
        }
      }
      assert.deepEqual(await answers(ws), ['ack 1', 'close 1000']);
    });
  });

  test('9.7: a thousand messages each', async () => {
    await each([16, 64, 256, 1024, 4096], async (size) => {
      const ws = await RawWebSocket.connect(large, { rude: true });
      const head = (n) => `421${String(n).padStart(3, '0')}["x"`;
      const all = Array.from({ length: 1000 }, (_, n) => text(
        `${head(n)}${' '.repeat(size - head(n).length - 1)}]`));
      ws.write(Buffer.concat([...all, bye]));
      assert.deepEqual(await answers(ws), [
        ...all.map((_, n) => `ack ${1000 + n}`), 'close 1000']);
    });
  });
});

describe('splits', () => {
  const stream = Buffer.concat([
    text(event(1, GREEK)), ping('a'), begin(A), ping('b'), more(B),
    cont(EVENT.subarray(10)), text(event(2, 'x'.repeat(120))), pong(''),
    text(event(3)), closeFrame(1001, 'é')]);
  const want = ['ack 1', 'pong a', 'pong b', 'ack 1', 'ack 2', 'ack 3',
                'close 1001'];
  const boundaries = (data) => Array.from({ length: data.length - 1 },
                                          (_, i) => i + 1);

  test('a stream of frames, at every boundary', () =>
    each(boundaries(stream), async (at) => {
      const ws = await RawWebSocket.connect(anna, { rude: true });
      ws.write(stream.subarray(0, at));
      await sleep(15);
      ws.write(stream.subarray(at));
      assert.deepEqual(await answers(ws), want);
    }, (at) => `cut at ${at}`));

  // joining the namespace waits for Redis, and what is behind it with it
  const early = Buffer.concat([text('40'), stream]);
  const handshake = async (options) => {
    const ws = await RawWebSocket.open(anna, { rude: true, early, ...options });
    assert.equal(ws.status, 101);
    const [open, joined, ...rest] = await answers(ws);
    assert.match(open, /^1 0\{/);
    assert.match(joined, /^1 40\{/);
    assert.deepEqual(rest, want);
  };
  const cuts = () => boundaries(RawWebSocket.request(anna, { early }));

  test('the handshake and frames in one segment', () => handshake());

  test('the same, cut at every boundary', () => each(cuts(),
    (at) => handshake({ cuts: [at], pause: 15 }), (at) => `cut at ${at}`));

  test('and octet by octet', () => handshake({ cuts: cuts() }));
});
