// What no client should send, and crowds of clients that do nothing.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { bytes, open, raw, request, users } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, frame } from './lib/websocket.mjs';

let server;
let anna;
let ben;
let pids;
before(async () => {
  server = await start({ workers: 2, chat: NO_RATE, connections: 4096 });
  [anna, ben] = await users(server, 2);
  pids = server.workerPids();
});
after(() => server.stop());

// the same workers still serve, and the chat works
async function healthy() {
  assert.deepEqual(server.workerPids(), pids, 'no worker has been replaced');
  const a = await connect(anna);
  const b = await connect(ben, { transports: ['polling'] });
  const text = crypto.randomUUID();
  assert.equal((await a.send('0', text)).ok, true);
  await b.waitForText(text);
  await closeAll(a, b);
}

// repeatable noise
let seed = 42;
const random = (n) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed % n;
};
const noise = (n) => Buffer.from(Array.from({ length: n }, () => random(256)));

test('garbage instead of HTTP', async () => {
  await Promise.all(Array.from({ length: 50 }, async (_, i) => {
    await raw(server, noise(1 + random(3000)), { timeout: 200 });
    await raw(server, `GET /${'x'.repeat(i)} HTTP/9\r\n\r\n`,
              { timeout: 200 });
  }));
  await healthy();
});

test('oversized and odd headers', async () => {
  const ok = (status) => [200, 400, 404, 414, 431, 494].includes(status);
  for (const headers of [
    { Cookie: 'x'.repeat(30000) },
    { Cookie: `${'chat_session=x; '.repeat(400)}` },
    { Cookie: `chat_session=${'A'.repeat(7000)}` },
    { Cookie: 'chat_session="; chat_session=; =; ;;;;' },
    { Origin: 'x'.repeat(7000) }, { Origin: '\x01' },
    { 'Content-Type': 'x'.repeat(7000) },
    { 'Sec-WebSocket-Extensions': 'permessage-deflate, '.repeat(300) },
    { 'Sec-WebSocket-Protocol': 'x,'.repeat(3000) },
    { 'Last-Event-ID': 'x'.repeat(7000) },
  ]) {
    for (const path of ['/me', '/socket.io/?EIO=4&transport=polling',
                        '/room/0/messages',
                        '/socket.io/?EIO=4&transport=websocket']) {
      const reply = await raw(server, bytes('GET', path, {
        ...headers, Connection: 'close' }), { timeout: 3000 });
      assert.ok(ok(reply.status) || [401, 403].includes(reply.status),
                `${path} ${JSON.stringify(headers).slice(0, 60)} `
                + reply.status);
    }
  }
  const many = Array.from({ length: 200 }, (_, i) => `X-${i}: y\r\n`).join('');
  const reply = await raw(server, 'GET /me HTTP/1.1\r\nHost: x\r\n'
    + `${many}Connection: close\r\n\r\n`, { timeout: 3000 });
  assert.ok(ok(reply.status));
  for (const path of [`/socket.io/?${'a=b&'.repeat(1500)}EIO=4`,
                      `/users?${'ids[]=1&'.repeat(900)}`,
                      `/room/${'1'.repeat(5000)}/messages`,
                      `/rooms/${'9'.repeat(5000)}`]) {
    const long = await request(server, path, { cookie: anna.cookie });
    assert.ok(long.status < 500, `${path.slice(0, 30)} ${long.status}`);
  }
  await healthy();
});

test('garbage on a WebSocket', async () => {
  await Promise.all(Array.from({ length: 60 }, async (_, i) => {
    const ws = await RawWebSocket.open(anna, i % 2 ? {}
      : { early: noise(1 + random(200)) });
    const data = i % 3 ? noise(1 + random(5000))
      : Buffer.concat(Array.from({ length: 20 }, () =>
        frame(random(16), noise(random(300)))));
    for (let at = 0; at < data.length && !ws.closed;) {
      const step = 1 + random(700);
      ws.write(data.subarray(at, at + step));
      at += step;
      await new Promise((done) => setImmediate(done));
    }
    await sleep(100);
    ws.destroy();
  }));
  await healthy();
});

test('garbage as Socket.IO packets', async () => {
  const alphabet = '0123456789-,/["{}]:aé\\u\x1e \u0000😀';
  const letters = [...alphabet];
  await Promise.all(Array.from({ length: 40 }, async (_, i) => {
    const text = Array.from({ length: 1 + random(60) }, () =>
      letters[random(letters.length)]).join('');
    if (i % 2) {
      const ws = await RawWebSocket.connect(anna).catch(() => null);
      ws?.send(`42${text}`);
      ws?.send(text);
      await sleep(50);
      ws?.destroy();
    } else {
      const polling = await Polling.connect(anna);
      await polling.request('POST', `42${text}`);
    }
  }));
  await healthy();
});

test('bodies that lie about their length, or never come', async () => {
  const polling = await Polling.connect(anna);
  const headers = { Cookie: anna.cookie, 'Content-Type': 'application/json' };
  const socket = await open(server);
  socket.write(bytes('POST', '/login', { ...headers, 'Content-Length': 500 },
                     '{"username":'));
  await sleep(100);
  socket.destroy();
  for (const length of ['-1', 'x', '1e3', '99999999999999999999', '']) {
    const reply = await raw(server, bytes('POST', '/login', {
      ...headers, 'Content-Length': length }, '{}'), { timeout: 1000,
                                                       until: /\r\n\r\n/ });
    assert.ok([400, 411, 413].includes(reply.status),
              `${length} ${reply.status}`);
  }
  const chunks = await raw(server, bytes('POST', polling.path(), {
    Cookie: anna.cookie, 'Transfer-Encoding': 'chunked' },
    'FFFFFFFFFFFFFFF\r\nx'), { timeout: 1000, until: /\r\n\r\n/ });
  assert.ok(chunks.status >= 400 || chunks.closed);
  await healthy();
});

test('handshakes byte by byte, and a slow reader of a large page',
       async () => {
  const sockets = await Promise.all(Array.from({ length: 10 }, () =>
    RawWebSocket.connect(anna, { step: 1 })));
  for (const ws of sockets) await ws.close();

  const a = await connect(anna);
  const text = 'z'.repeat(32000);
  for (let i = 0; i < 60; i++) await a.send('0', text);
  const socket = await open(server);
  socket.pause();
  socket.write(bytes('GET', '/room/0/messages?size=60', {
    Cookie: anna.cookie, Connection: 'close' }));
  await sleep(300);
  let length = 0;
  socket.on('data', (data) => { length += data.length; });
  socket.resume();
  await until(() => socket.destroyed || socket.readableEnded, 'all of it',
              10000);
  assert.ok(length > 60 * 32000, String(length));
  await closeAll(a);
  await healthy();
});

test('connections that leave in the middle of everything', async () => {
  const login = JSON.stringify({ username: 'gone', password: 'x' });
  const upgrade = { Upgrade: 'websocket', Connection: 'Upgrade',
                    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
                    'Sec-WebSocket-Version': 13 };
  const polling = await Polling.connect(anna);
  const requests = [
    bytes('POST', '/login', { 'Content-Type': 'application/json',
                              'Content-Length': login.length }, login),
    bytes('GET', '/me', { Cookie: anna.cookie }),
    bytes('GET', '/room/0/messages?size=1000', { Cookie: anna.cookie }),
    bytes('GET', '/users/online', { Cookie: anna.cookie }),
    bytes('GET', '/events', { Cookie: anna.cookie }),
    bytes('GET', '/stream', { Cookie: anna.cookie }),
    bytes('GET', '/socket.io/?EIO=4&transport=polling',
          { Cookie: anna.cookie }),
    bytes('GET', '/socket.io/?EIO=4&transport=websocket',
          { Cookie: anna.cookie, ...upgrade }),
    bytes('GET', '/socket.io/?EIO=4&transport=websocket',
          { Cookie: anna.cookie, ...upgrade })
      + frame(OP.text, '40').toString('latin1')
      + frame(OP.text, '42["message",{"roomId":"0","message":"x"}]')
        .toString('latin1'),
    bytes('GET', polling.path(), { Cookie: anna.cookie }),
    bytes('GET', `/socket.io/?EIO=4&transport=websocket&sid=${polling.sid}`,
          { Cookie: anna.cookie, ...upgrade })
      + frame(OP.text, '2probe').toString('latin1'),
  ];
  for (let round = 0; round < 6; round++) {
    await Promise.all(requests.map(async (text) => {
      const socket = await open(server);
      socket.on('error', () => {});
      socket.write(Buffer.from(text, 'latin1'));
      if (round % 3 === 1) await sleep(1 + random(20));
      if (round % 2) socket.resetAndDestroy();
      else socket.destroy();
    }));
  }
  await sleep(200);
  await healthy();
});

test('1,000 half-open connections, then a health check', async () => {
  const sockets = [];
  const texts = ['', 'G', 'GET /me HTTP/1.1\r\nHost: x\r\n',
                 bytes('POST', '/login', { 'Content-Type': 'application/json',
                                           'Content-Length': 100 }, '{'),
                 bytes('GET', '/events', { Cookie: anna.cookie })];
  for (let i = 0; i < 1000; i++) {
    const socket = await open(server);
    socket.on('error', () => {});
    socket.write(texts[i % texts.length]);
    sockets.push(socket);
  }
  const started = Date.now();
  await healthy();
  assert.ok(Date.now() - started < 5000);
  sockets.forEach((socket) => socket.destroy());
  await sleep(200);
  await healthy();
});

test('2,000 WebSockets: memory of the workers comes back', async () => {
  const rss = () => pids.reduce((sum, pid) => sum + Number(
    /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`))[1]), 0);
  const round = async () => {
    const sockets = [];
    for (let i = 0; i < 2000; i += 100) {
      sockets.push(...await Promise.all(Array.from({ length: 100 }, () =>
        RawWebSocket.open(anna, { early: frame(OP.text, '40') }))));
    }
    assert.ok(sockets.every((ws) => ws.status === 101));
    await Promise.all(sockets.map((ws) => ws.text((t) => t.startsWith('40'),
                                                  15000)));
    const high = rss();
    sockets.forEach((ws) => ws.destroy());
    await sleep(300);
    return high;
  };
  await round();
  const first = await round();
  const second = await round();
  const third = await round();
  assert.ok(third < first + 3000 || third < second + 1000,
            `${first} ${second} ${third} kB`);
  await healthy();
});
