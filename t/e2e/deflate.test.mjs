// permessage-deflate (RFC 7692), by hand and with ws; with the sections 12 and
// 13 of the Autobahn suite (see autobahn.test.mjs for the others).

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';

import { users } from './lib/http.mjs';
import { NO_RATE, start } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, frame } from './lib/websocket.mjs';
import { each } from './lib/wire.mjs';

const MAX = 10000;
let server;
let anna;
let keeper;
before(async () => {
  server = await start({ workers: 2,
    chat: `chat_deflate on; chat_max_payload ${MAX}; ${NO_RATE}`,
    locations: { '/large/': `chat_deflate on; chat_max_payload 1m;
      chat_max_message 200000; chat_send_queue 16m; ${NO_RATE}` } });
  [anna] = await users(server, 1);
  keeper = await connect(anna);
});
after(async () => {
  await closeAll(keeper);
  await server.stop();
});

const DEFLATE = 'permessage-deflate';
const offer = (value) => ({ headers: { 'Sec-WebSocket-Extensions': value } });
const pack = (text) => zlib.deflateRawSync(text,
  { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
const unpack = (data) => zlib.inflateRawSync(
  Buffer.concat([data, Buffer.from([0, 0, 255, 255])]),
  { finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString();
const packed = (text) => frame(OP.text, pack(text), { rsv: 4 });
const read = (f) => (f.rsv & 4 ? unpack(f.payload) : f.payload.toString());

const ask = '421["no.such"]';
const answered = (ws) => ws.text((t) => t.startsWith('431'));

async function fails(code, what, ...data) {
  const ws = await RawWebSocket.connect(anna, offer(DEFLATE));
  data.forEach((part) => ws.write(part));
  const got = await ws.closeCode().catch((error) => error.message);
  assert.equal(got, code, what);
}

async function passes(what, ...data) {
  const ws = await RawWebSocket.connect(anna, offer(DEFLATE));
  data.forEach((part) => ws.write(part));
  await answered(ws).catch((error) => {
    throw new Error(`${what}: ${error.message}`);
  });
  await ws.close();
}

test('negotiation', async () => {
  const both = `${DEFLATE}; server_no_context_takeover; `
      + 'client_no_context_takeover';
  for (const [value, reply] of [
    [null, undefined],
    [DEFLATE, both],
    [`${DEFLATE}; client_max_window_bits`, both],
    [`${DEFLATE}; server_max_window_bits="9"`,
     `${both}; server_max_window_bits=9`],
    [`${DEFLATE}; server_max_window_bits=8`, undefined],
    [`${DEFLATE}; server_max_window_bits=8, ${DEFLATE}`, both],
    [`${DEFLATE}; x, other`, undefined],
    [`${DEFLATE}; "`, undefined],
  ]) {
    const ws = await RawWebSocket.open(anna, offer(value));
    assert.equal(ws.status, 101, value);
    assert.equal(ws.header('Sec-WebSocket-Extensions')?.trim(), reply, value);
    ws.destroy();
  }
});

describe('what comes in', () => {
  test('messages in all forms', async () => {
    const data = pack(ask);
    await passes('plain', frame(OP.text, ask));
    await passes('compressed', packed(ask));
    await passes('twice', packed('421["x"]'), packed('421["y"]'));
    await passes('final block', frame(OP.text, Buffer.concat([
      zlib.deflateRawSync(ask), Buffer.from([0])]), { rsv: 4 }));
    await passes('stored', frame(OP.text, Buffer.concat([
      Buffer.from([0, ask.length, 0, 255 - ask.length, 255]),
      Buffer.from(ask), Buffer.from([0])]), { rsv: 4 }));
    await passes('fragments with a ping',
                 frame(OP.text, data.subarray(0, 3), { rsv: 4, fin: false }),
                 frame(OP.ping, 'x'),
                 frame(OP.cont, data.subarray(3, 5), { fin: false }),
                 frame(OP.cont, '', { fin: false }),
                 frame(OP.cont, data.subarray(5)));
    await passes('as long as may be', packed(ask.replace('"]',
      `","${'a'.repeat(MAX - ask.length - 3)}"]`)));
  });

  test('two connections in turns', async () => {
    const list = await Promise.all([1, 2].map(() =>
      RawWebSocket.connect(anna, offer(DEFLATE))));
    const data = pack(ask);
    for (let i = 0; i < data.length; i++) {
      list.forEach((ws) => ws.write(frame(i ? OP.cont : OP.text,
        data.subarray(i, i + 1),
        { rsv: i ? 0 : 4, fin: i === data.length - 1 })));
    }
    await Promise.all(list.map(answered));
    await Promise.all(list.map((ws) => ws.close()));
  });

  test('RSV bits', async () => {
    await fails(1002, 'ping', frame(OP.ping, '', { rsv: 4 }));
    await fails(1002, 'close', frame(OP.close, '', { rsv: 4 }));
    await fails(1002, 'RSV2', frame(OP.text, pack(ask), { rsv: 6 }));
    await fails(1002, 'continuation',
                frame(OP.text, pack(ask), { rsv: 4, fin: false }),
                frame(OP.cont, '', { rsv: 4 }));
    const ws = await RawWebSocket.connect(anna);
    ws.write(packed(ask));
    assert.equal(await ws.closeCode(), 1002);
  });

  test('bad data, bad text, bombs', async () => {
    await fails(1007, 'no deflate', frame(OP.text, '\xff\xff', { rsv: 4 }));
    await fails(1007, 'cut', frame(OP.text, pack(ask).subarray(0, 5),
                                   { rsv: 4 }));
    await fails(1007, 'no UTF-8', packed(Buffer.from([0x34, 0xff])));
    await fails(1003, 'binary', frame(OP.binary, pack(ask), { rsv: 4 }));
    await fails(1009, 'one too many', packed('4'.repeat(MAX + 1)));
    await fails(1009, 'bomb', packed(Buffer.alloc(8000000, '4')));
  });
});

describe('what goes out', () => {
  test('receivers of all kinds get the same', async () => {
    const all = await Promise.all([null, DEFLATE,
      `${DEFLATE}; server_max_window_bits=9`, DEFLATE].map((value) =>
      RawWebSocket.connect(anna, offer(value))));
    const sio = await connect(anna, { perMessageDeflate: { threshold: 0 } });
    for (const [name, length] of [['short', 1], ['middle', 300],
                                  ['long', 3000]]) {
      const text = `${name} ${'ab c'.repeat(length / 4)}`;
      const body = JSON.stringify({ roomId: '0', message: text,
                                    from: anna.id, date: 1 });
      sio.socket.emit('message', JSON.parse(body));
      const got = await Promise.all(all.map((ws) => ws.frame((f) =>
        f.opcode === OP.text && read(f).includes(`${name} `))));
      const texts = got.map(read);
      assert.ok(texts.every((t) => t === texts[0]), name);
      assert.equal(got[0].rsv, 0);
      assert.equal(got[1].rsv, name === 'short' ? got[3].rsv : 4, name);
      assert.equal(got[2].rsv, name === 'long' ? 0 : got[1].rsv, name);
      assert.deepEqual(got[1].payload, got[3].payload);
    }
    await closeAll(sio);
    await Promise.all(all.map((ws) => ws.close()));
  });

  test('socket.io: polling, then an upgrade with deflate', async () => {
    for (const transports of [['websocket'], ['polling', 'websocket']]) {
      for (let i = 0; i < 6; i++) {
        const sio = await connect(anna, { transports,
          perMessageDeflate: { threshold: 0 } });
        if (transports.length > 1
            && sio.socket.io.engine.transport.name !== 'websocket') {
          await new Promise((done) =>
            sio.socket.io.engine.once('upgrade', done));
        }
        await sio.socket.timeout(5000).emitWithAck('no.such', 'a'.repeat(2000));
        assert.match(sio.socket.io.engine.transport.ws.extensions, /deflate/);
        await closeAll(sio);
      }
    }
  });
});

describe('Autobahn', () => {
  // lengths, and the size of fragments
  const SIZES = [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072]
    .map((length) => [length, length]).concat(
      [8192, 16384, 32768, 65536, 131072].map((length) => [length, 256]),
      [[131072, 1024], [131072, 4096], [131072, 32768]]);
  const COUNT = 2;                      // messages; in the suite a thousand
  const larger = (session) => ({
    ...session, server: { ...server, url: `${server.origin}/large` } });

  // what the suite's files are like; its pictures and its PDF are binary
  const words = 'Ihr naht euch wieder, schwankende Gestalten früh sich einst'
    .split(' ');
  let seed = 1;
  const random = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % n;
  };
  const word = () => words[random(words.length)];
  const DATA = {
    '12.1 JSON': () => `{"${word()}":[${random(1e6)},"${word()}"]},`,
    '12, with little to compress': () =>
      String.fromCodePoint(0x4e00 + random(20000)),
  };

  function make(line, length) {
    const lines = [];
    for (let left = length; left > 0; left -= Buffer.byteLength(lines.at(-1))) {
      lines.push(line());
    }
    return lines.join('');
  }

  // compressed messages one by one, and each comes back as it was
  async function echoes(options, [length, size], line, window = 15) {
    // a room that nobody else is in just now
    const [who] = await users(server, 1);
    const roomId = who.roomWith(anna);
    const ws = await RawWebSocket.connect(larger(who), options);
    for (let n = 0; n < COUNT; n++) {
      const id = `${n} of ${length}`;
      const message = `${id} ${make(line, length)}`;
      const data = pack(`42["message",${JSON.stringify({ roomId, message })}]`);
      for (let at = 0; at < data.length; at += size) {
        ws.write(frame(at ? OP.cont : OP.text, data.subarray(at, at + size), {
          rsv: at ? 0 : 4, fin: at + size >= data.length }));
      }
      const echo = await ws.frame((f) => {
        f.text ??= f.rsv & 4 ? zlib.inflateRawSync(
          Buffer.concat([f.payload, Buffer.from([0, 0, 255, 255])]),
          { finishFlush: zlib.constants.Z_SYNC_FLUSH, windowBits: window,
            chunkSize: 64 })            // so that it needs its window
          .toString() : f.payload.toString();
        return f.text.startsWith('42["message"') && f.text.includes(`"${id} `);
      }, 20000);
      assert.equal(JSON.parse(echo.text.slice(2))[1].message, message);
      if (length > 128 && window === 15) assert.equal(echo.rsv, 4);
      assert.equal(echo.fin, 1);
    }
    await ws.close();
  }

  for (const [name, line] of Object.entries(DATA)) {
    test(name, () => each(SIZES, (size) => echoes(offer(DEFLATE), size, line)));
  }

  // what the client offers, and how many bits the server may use then
  const none = 'server_no_context_takeover; client_no_context_takeover';
  const bits = (n) => `; server_max_window_bits=${n}`;
  const taken = 'server_no_context_takeover';
  const OFFERS = {
    13.1: [DEFLATE, 15, ''],
    13.2: [`${DEFLATE}; ${taken}`, 15, ''],
    13.3: [`${DEFLATE}${bits(9)}`, 9, bits(9)],
    13.4: [`${DEFLATE}${bits(15)}`, 15, bits(15)],
    13.5: [`${DEFLATE}; ${taken}${bits(9)}`, 9, bits(9)],
    13.6: [`${DEFLATE}; ${taken}${bits(15)}`, 15, bits(15)],
    13.7: [`${DEFLATE}; ${taken}${bits(9)}, ${DEFLATE}; ${taken}, ${DEFLATE}`,
           9, bits(9)],
    // and with what browsers say
    '13.1, as browsers': [`${DEFLATE}; client_max_window_bits`, 15, ''],
    '13.7, refused ones first': [`${DEFLATE}${bits(8)}, ${DEFLATE}; x=1, ${
      DEFLATE}${bits(12)}`, 12, bits(12)],
  };

  test('13 offers', () => each(Object.keys(OFFERS), async (id) => {
    const [value, window, parameters] = OFFERS[id];
    const ws = await RawWebSocket.open(larger(anna), offer(value));
    assert.equal(ws.header('Sec-WebSocket-Extensions'),
                 `${DEFLATE}; ${none}${parameters}`);
    ws.destroy();
    for (const size of [[64, 64], [8192, 256]]) {
      await echoes(offer(value), size, DATA['12.1 JSON'], window);
    }
  }));
});
