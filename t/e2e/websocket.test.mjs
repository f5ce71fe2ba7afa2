// RFC 6455 and RFC 7692 on the wire, by hand.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';

import { bytes, raw, users } from './lib/http.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, closeFrame, frame } from './lib/websocket.mjs';

const MAX = 10000;
let server;
let anna;
let keeper;
before(async () => {
  server = await start({ workers: 1,
                         chat: `chat_max_payload ${MAX}; ${NO_RATE}` });
  [anna] = await users(server, 1);
  keeper = await connect(anna);
});
after(async () => {
  await closeAll(keeper);
  await server.stop();
});

const ask = '421["no.such"]';
const answered = (ws) => ws.text((t) => t.startsWith('431'));

// sends bytes on a fresh connection and expects the close code
async function fails(code, what, ...data) {
  const ws = await RawWebSocket.connect(anna);
  data.forEach((part) => ws.write(part));
  const got = await ws.closeCode().catch((error) => error.message);
  assert.equal(got, code, what);
}

async function passes(what, ...data) {
  const ws = await RawWebSocket.connect(anna);
  data.forEach((part) => ws.write(part));
  await answered(ws).catch((error) => {
    throw new Error(`${what}: ${error.message}`);
  });
  await ws.close();
}

describe('handshake', () => {
  test('the reply', async () => {
    const ws = await RawWebSocket.open(anna, { headers: {
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==' } });
    assert.equal(ws.status, 101);
    assert.match(ws.head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(ws.header('Upgrade'), /^websocket\s*$/i);
    assert.match(ws.header('Connection'), /^upgrade\s*$/i);
    assert.equal(ws.header('Sec-WebSocket-Accept').trim(),
                 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    assert.equal(ws.header('Sec-WebSocket-Extensions'), undefined);
    assert.equal(ws.header('Sec-WebSocket-Protocol'), undefined);
    assert.equal(ws.header('Content-Length'), undefined);
    assert.equal(ws.header('Transfer-Encoding'), undefined);
    await ws.close();
  });

  test('tokens in any case and in lists', async () => {
    for (const headers of [
      { Upgrade: 'WebSocket', Connection: 'UPGRADE' },
      { Connection: 'keep-alive, Upgrade' },
      { Connection: 'Upgrade,keep-alive' },
      { Connection: ' foo ,  upgrade  ' },
    ]) {
      const ws = await RawWebSocket.connect(anna, { headers });
      await ws.close();
    }
  });

  test('what is no WebSocket handshake', async () => {
    const cases = [
      [400, { headers: { Upgrade: null } }],
      [400, { headers: { Connection: null } }],
      [400, { headers: { Connection: 'keep-alive' } }],
      [400, { headers: { Connection: 'xupgrade' } }],
      [400, { headers: { Upgrade: 'websockets' } }],
      [400, { headers: { Upgrade: 'h2c' } }],
      [400, { headers: { 'Sec-WebSocket-Key': null } }],
      [400, { headers: { 'Sec-WebSocket-Key': '' } }],
      [400, { headers: { 'Sec-WebSocket-Key': 'short' } }],
      [400, { headers: { 'Sec-WebSocket-Key': 'A'.repeat(24) } }],
      [400, { headers: {
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==x' } }],
      [400, { headers: { 'Sec-WebSocket-Key': '*GhlIHNhbXBsZSBub25jZQ==' } }],
      [400, { method: 'POST', headers: { 'Content-Length': '0' } }],
      [400, { version: '1.0' }],
      [426, { headers: { 'Sec-WebSocket-Version': '12' } }],
      [426, { headers: { 'Sec-WebSocket-Version': '8' } }],
    ];
    for (const [status, options] of cases) {
      const ws = await RawWebSocket.open(anna, options);
      assert.equal(ws.status, status, JSON.stringify(options));
      if (status === 426) {
        assert.equal(ws.header('Sec-WebSocket-Version').trim(), '13');
      }
      ws.destroy();
    }
  });

  test('byte by byte', async () => {
    const ws = await RawWebSocket.connect(anna, { step: 1 });
    await ws.close();
  });
});

describe('frames', () => {
  test('any split of bytes', async () => {
    const data = Buffer.concat([
      frame(OP.text, '420["no.such","é漢😀"]'),
      frame(OP.text, `42["no.such","${'x'.repeat(200)}"]`),
      frame(OP.ping, 'p'), frame(OP.text, '421', { fin: false }),
      frame(OP.cont, '["no.such"]')]);
    for (const step of [1, 2, 3, 5, 7, 11]) {
      const ws = await RawWebSocket.connect(anna);
      for (let i = 0; i < data.length; i += step) {
        ws.write(data.subarray(i, i + step));
        if (step < 3) await new Promise((done) => setImmediate(done));
        else await sleep(1);
      }
      assert.match(await ws.text((t) => t.startsWith('430')), /^430/);
      assert.equal(String((await ws.frame((f) => f.opcode === OP.pong))
        .payload), 'p');
      await answered(ws);
      await ws.close();
    }
  });

  test('many frames in one read', async () => {
    const ws = await RawWebSocket.connect(anna);
    ws.write(Buffer.concat(Array.from({ length: 500 }, (_, i) =>
      frame(OP.text, `42${i}["no.such"]`))));
    for (let i = 0; i < 500; i++) {
      assert.match(await ws.text(), new RegExp(`^43${i}\\[`));
    }
    await ws.close();
  });

  test('fragments, control frames between them', async () => {
    await passes('fragments', frame(OP.text, '4', { fin: false }),
                 frame(OP.cont, '', { fin: false }),
                 frame(OP.ping, 'between'),
                 frame(OP.cont, ask.slice(1, 5), { fin: false }),
                 frame(OP.pong, 'unasked'),
                 frame(OP.cont, ask.slice(5)));
    const letters = [...ask];
    await passes('one byte each',
                 frame(OP.text, letters[0], { fin: false }),
                 ...letters.slice(1, -1)
                   .map((l) => frame(OP.cont, l, { fin: false })),
                 frame(OP.cont, letters.at(-1)));
  });

  test('pings get their payload back, in order', async () => {
    const ws = await RawWebSocket.connect(anna);
    for (const payload of ['', 'x', Buffer.alloc(125, 0xff)]) {
      ws.write(frame(OP.ping, payload));
      const pong = await ws.frame((f) => f.opcode === OP.pong);
      assert.deepEqual(pong.payload, Buffer.from(payload));
      assert.equal(pong.fin, 1);
    }
    ws.write(Buffer.concat([frame(OP.pong, 'unasked'), frame(OP.text, ask)]));
    await answered(ws);
    await ws.close();
  });

  test('violations: 1002', async () => {
    const text = (options) => frame(OP.text, ask, options);
    await fails(1002, 'unmasked', text({ mask: false }));
    for (const rsv of [1, 2, 4]) await fails(1002, `rsv ${rsv}`, text({ rsv }));
    for (const op of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
      await fails(1002, `opcode ${op}`, frame(op, 'x'));
    }
    await fails(1002, 'long ping', frame(OP.ping, 'x'.repeat(126)));
    await fails(1002, 'long close', frame(OP.close, 'x'.repeat(126)));
    await fails(1002, 'fragmented ping', frame(OP.ping, 'x', { fin: false }));
    await fails(1002, 'continuation without a start', frame(OP.cont, 'x'));
    await fails(1002, 'a new message within one',
                text({ fin: false }), text());
    await fails(1002, '16 bits for 14', text({ form: 16 }));
    await fails(1002, '64 bits for 14', text({ form: 64 }));
    await fails(1002, '64 bits for 300', frame(OP.text,
      ask.replace('such', 'such'.repeat(72)), { form: 64 }));
    const top = frame(OP.text, '', { form: 64 });
    top[2] = 0x80;
    await fails(1002, 'top bit', top);
  });

  test('the size: exactly maxPayload passes, one more is 1009 at its header',
       async () => {
    const event = (size) => `421["no.such","${'x'.repeat(size - 17)}"]`;
    assert.equal(event(MAX).length, MAX);
    await passes('exact', frame(OP.text, event(MAX)));
    await passes('exact, fragmented',
                 frame(OP.text, event(MAX).slice(0, 5000), { fin: false }),
                 frame(OP.cont, event(MAX).slice(5000)));
    const head = (length, form) =>
      frame(OP.text, '', { length, form }).subarray(0, 14);
    await fails(1009, 'one more', frame(OP.text, event(MAX + 1)));
    await fails(1009, 'only its header', head(MAX + 1, 16));
    await fails(1009, '1 GiB', head(2 ** 30, 64));
    await fails(1009, 'the sum of fragments',
                frame(OP.text, 'x'.repeat(6000), { fin: false }),
                frame(OP.cont, 'x'.repeat(4001)));
    await fails(1009, 'binary', frame(OP.binary, Buffer.alloc(MAX + 1)));
  });

  test('a hundred thousand empty fragments cost nothing', async () => {
    const ws = await RawWebSocket.connect(anna);
    ws.write(frame(OP.text, '4', { fin: false }));
    const empty = frame(OP.cont, '', { fin: false });
    for (let i = 0; i < 100; i++) {
      ws.write(Buffer.concat(Array.from({ length: 1000 }, () => empty)));
    }
    ws.write(frame(OP.cont, ask.slice(1)));
    await Promise.race([answered(ws).catch(() => {}), ws.gone(10000)]);
    ws.destroy();
    await passes('the worker is well', frame(OP.text, ask));
  });

  test('UTF-8 is checked as it comes: 1007', async () => {
    const bad = {
      'lone continuation': '80', 'overlong /': 'c0af', 'overlong 3': 'e080af',
      surrogate: 'eda080', 'too high': 'f4908080', fe: 'fe', ff: 'ff',
      truncated: 'e6bc', 'overlong 4': 'f0808080',
    };
    for (const [what, hex] of Object.entries(bad)) {
      const data = Buffer.concat([Buffer.from('421["no.such","'),
                                  Buffer.from(hex, 'hex'), Buffer.from('"]')]);
      await fails(1007, what, frame(OP.text, data));
    }
    await fails(1007, 'unfinished at the end', frame(OP.text,
      Buffer.from('34e6bc', 'hex')));
    await fails(1007, 'across fragments, before the end',
                frame(OP.text, Buffer.from('34e6', 'hex'), { fin: false }),
                frame(OP.cont, Buffer.from('41', 'hex'), { fin: false }));
    // the first bad byte, before the frame is complete
    await fails(1007, 'in an unfinished frame',
                frame(OP.text, Buffer.concat([Buffer.from('34ff', 'hex'),
                                              Buffer.alloc(5000, 0x41)]))
                  .subarray(0, 200));
    const good = Buffer.from('421["no.such","漢😀é"]');
    for (let cut = 14; cut < good.length - 2; cut++) {
      await passes(`cut at ${cut}`,
                   frame(OP.text, good.subarray(0, cut), { fin: false }),
                   frame(OP.cont, good.subarray(cut)));
    }
  });
});

describe('close', () => {
  test('the close is echoed once, then the connection ends', async () => {
    for (const [code, reason] of [[1000, ''], [1001, 'bye'], [1003, ''],
                                  [1011, 'é'], [3000, 'x'.repeat(123)],
                                  [4999, '']]) {
      const ws = await RawWebSocket.connect(anna, { rude: true });
      ws.write(Buffer.concat([closeFrame(code, reason),
                              frame(OP.text, ask)]));
      await ws.gone();
      const closes = ws.frames.filter((f) => f.opcode === OP.close);
      assert.equal(closes.length, 1, String(code));
      assert.equal(closes[0].payload.readUInt16BE(0), code);
      assert.equal(ws.error, undefined, 'no reset');
      assert.deepEqual(ws.frames.filter((f) => /431/.test(f.payload)), [],
                       'nothing is processed behind the close');
    }
    const ws = await RawWebSocket.connect(anna, { rude: true });
    ws.write(frame(OP.close));
    await ws.gone();
    assert.ok(ws.frames.some((f) => f.opcode === OP.close));
  });

  test('codes that may not be on the wire: 1002', async () => {
    for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999,
                        5000, 65535]) {
      await fails(1002, String(code), closeFrame(code));
    }
    await fails(1002, 'one byte', frame(OP.close, 'x'));
    await fails(1007, 'bad UTF-8 in the reason', frame(OP.close,
      Buffer.from('03e8ff', 'hex')));
  });

  test('the user is offline when the TCP connection just ends', async () => {
    for (const how of ['end', 'destroy', 'resetAndDestroy']) {
      const ws = await RawWebSocket.connect(anna);
      ws.socket[how]();
      await until(() => ws.closed, how);
    }
    await passes('the worker is well', frame(OP.text, ask));
  });

  test('a client that answers no close is cut off', async () => {
    const ws = await RawWebSocket.connect(anna, { rude: true });
    ws.write(frame(OP.text, ask, { mask: false }));
    await ws.frame((f) => f.opcode === OP.close);
    await until(() => ws.closed || ws.ended, 'cut off', 10000);
    ws.destroy();
  });
});

describe('permessage-deflate', () => {
  const deflate = (data) => {
    const out = zlib.deflateRawSync(data, {
      finishFlush: zlib.constants.Z_SYNC_FLUSH });
    return out.subarray(0, out.length - 4);
  };
  const inflate = (data) => zlib.inflateRawSync(
    Buffer.concat([data, Buffer.from([0, 0, 0xff, 0xff])]),
    { finishFlush: zlib.constants.Z_SYNC_FLUSH }).toString();
  const offer = (text) => RawWebSocket.open(anna, {
    headers: { 'Sec-WebSocket-Extensions': text } });

  test('an offer that can\'t be met is left out, never a 400', async () => {
    for (const text of [
      'x-webkit-deflate-frame', 'permessage-deflate; unknown',
      'permessage-deflate; client_max_window_bits=7',
      'permessage-deflate; client_max_window_bits=16',
      'permessage-deflate; client_max_window_bits=x',
      'permessage-deflate; server_max_window_bits',
      'permessage-deflate; server_no_context_takeover=1',
      'permessage-deflate; server_no_context_takeover; '
      + 'server_no_context_takeover', ';;', ', ,', '=',
      'permessage-deflate; server_max_window_bits=08',
    ]) {
      const ws = await offer(text);
      assert.equal(ws.status, 101, text);
      assert.equal(ws.header('Sec-WebSocket-Extensions'), undefined, text);
      await ws.text();
      ws.send('40');
      await ws.text();
      ws.destroy();
    }
  });

  test('where it is agreed on, messages are inflated and limits hold',
       async () => {
    const ws = await offer('x-foo, permessage-deflate; '
                           + 'client_no_context_takeover; '
                           + 'server_no_context_takeover');
    assert.equal(ws.status, 101);
    const agreed = ws.header('Sec-WebSocket-Extensions');
    const text = async (match) => {
      const { payload } = await ws.frame((f) => f.opcode === OP.text
        && match.test(f.rsv & 4 ? inflate(f.payload) : f.payload));
      return payload;
    };
    await text(/^0\{/);
    if (agreed === undefined) {
      // declined: RSV1 is then an error
      ws.write(frame(OP.text, deflate(Buffer.from('40')), { rsv: 4 }));
      assert.equal(await ws.closeCode(), 1002);
      return;
    }
    ws.write(frame(OP.text, deflate(Buffer.from('40')), { rsv: 4 }));
    await text(/^40/);
    // an uncompressed one, one in fragments, stored and empty blocks
    ws.write(frame(OP.text, '421["no.such"]'));
    await text(/^431/);
    const data = deflate(Buffer.from(`422["no.such","${'x'.repeat(500)}"]`));
    ws.write(frame(OP.text, data.subarray(0, 5), { rsv: 4, fin: false }));
    ws.write(frame(OP.ping, 'between'));
    ws.write(frame(OP.cont, data.subarray(5)));
    await text(/^432/);
    const stored = zlib.deflateRawSync(Buffer.from('423["no.such"]'), {
      level: 0, finishFlush: zlib.constants.Z_SYNC_FLUSH });
    ws.write(frame(OP.text, stored.subarray(0, -4), { rsv: 4 }));
    await text(/^433/);
    // a bomb: 1009 without its memory
    ws.write(frame(OP.text, deflate(Buffer.alloc(50e6, 0x34)), { rsv: 4 }));
    assert.equal(await ws.closeCode(), 1009);

    const broken = await offer('permessage-deflate');
    assert.equal(broken.status, 101);
    await broken.frame((f) => f.opcode === OP.text);
    if (broken.header('Sec-WebSocket-Extensions')) {
      broken.write(frame(OP.text, Buffer.from('ffffffff', 'hex'), { rsv: 4 }));
      const code = await broken.closeCode();
      assert.ok(code === 1002 || code === 1007, String(code));
    } else {
      broken.destroy();
    }
  });

  test('browsers\' and Node\'s offers work with the real client', async () => {
    const client = await connect(anna, { transports: ['websocket'],
                                         perMessageDeflate: { threshold: 0 } });
    const text = 'compress me '.repeat(500);
    assert.equal((await client.send('0', text)).ok, true);
    await client.waitForText(text);
    client.close();
  });
});

test('a plain HTTP request for the WebSocket transport is a bad request',
     async () => {
  const reply = await raw(server, bytes(
    'GET', '/socket.io/?EIO=4&transport=websocket',
    { Cookie: anna.cookie, Connection: 'close' }));
  assert.equal(reply.status, 400);
  assert.match(reply.text, /"code":3/);
});
