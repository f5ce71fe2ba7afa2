// Where the chat is and who may come: a prefix, other origins, TLS, HTTP/2.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { PASSWORD } from './lib/data.mjs';
import { EventStream, request, setCookies, user, users } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, start } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, frame } from './lib/websocket.mjs';

describe('mounted at /chat/', () => {
  let server;
  let dir;
  before(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-e2e-'));
    fs.mkdirSync(path.join(dir, 'chat'));
    fs.writeFileSync(path.join(dir, 'chat', 'index.html'), 'the client');
    server = await start({ prefix: '/chat/', chat: NO_RATE,
                           location: `root ${dir};` });
  });
  after(async () => {
    await server.stop();
    fs.rmSync(dir, { recursive: true });
  });

  test('everything is below it, nothing beside it', async () => {
    const [anna, ben] = await users(server, 2);
    assert.equal((await anna.get('/me')).json.id, anna.id);
    const a = await connect(anna);
    const b = await connect(ben, { transports: ['websocket'] });
    await a.upgraded();
    await a.send(anna.roomWith(ben), 'below /chat/');
    await b.waitForText('below /chat/');
    const stream = await EventStream.open(anna, '/events');
    assert.equal(stream.status, 200);
    stream.close();
    assert.equal((await anna.get('/room/0/messages')).status, 200);
    assert.equal((await request(server, '/')).text, 'the client');
    const outside = { ...server, url: server.origin };
    for (const route of ['/me', '/room/0/preload',
                         '/socket.io/?EIO=4&transport=polling', '/chatme',
                         '/chat', '/chats/me']) {
      const reply = await request(outside, route, { cookie: anna.cookie });
      assert.ok([301, 404].includes(reply.status), `${route} ${reply.status}`);
    }
    await closeAll(a, b);
  });

  test('the cookie\'s Path is the location', async () => {
    const session = await user(server);
    const reply = await session.logIn(session.name);
    assert.match(setCookies(reply)[0].path, /^\/chat\/?$/);
    const out = await session.request('/logout', { method: 'POST' });
    assert.equal(setCookies(out)[0].path, setCookies(reply)[0].path);
  });
});

describe('origins', () => {
  let server;
  const foreign = 'https://evil.example';
  const friend = 'https://friend.example';
  let own;
  before(async () => {
    server = await start({ chat: NO_RATE, locations: {
      '/list/': `chat_allowed_origins ${friend} http://localhost:3000; `
                + NO_RATE,
      '/any/': `chat_allowed_origins any; ${NO_RATE}` } });
    own = server.origin;
  });
  after(() => server.stop());

  const at = (session, prefix) => ({
    ...session, server: { ...server, url: `${server.origin}${prefix}` } });
  const ws = async (session, origin) => {
    const socket = await RawWebSocket.open(session, {
      headers: { Host: `127.0.0.1:${server.port}`, Origin: origin } });
    socket.destroy();
    return socket;
  };
  const get = (session, origin, route, options = {}) => request(
    session.server, route, { cookie: session.cookie,
      ...options, headers: { Origin: origin, ...options.headers } });

  test('same: the site\'s own, or none', async () => {
    const anna = await user(server);
    assert.equal((await ws(anna, own)).status, 101);
    assert.equal((await ws(anna, null)).status, 101);
    for (const origin of [foreign, 'null', `${own}.evil.example`,
                          own.replace('http', 'https'), `${own}0`,
                          own.replace(/:\d+$/, ''), 'http://127.0.0.1',
                          `${foreign}/${own}`, '', own.toUpperCase() + '/',
                          `http://x@127.0.0.1:${server.port}`]) {
      const socket = await ws(anna, origin);
      if (origin === '') continue;
      assert.equal(socket.status, 403, origin);
    }
    for (const route of ['/socket.io/?EIO=4&transport=polling', '/events',
                         '/stream']) {
      const reply = await get(anna, foreign, route);
      assert.equal(reply.status, 403, route);
      assert.equal(reply.headers['access-control-allow-origin'], undefined);
    }
    const polling = await get(anna, foreign,
                              '/socket.io/?EIO=4&transport=polling');
    assert.deepEqual(polling.json, { code: 4, message: 'Forbidden' });
    const login = await get(anna, foreign, '/login', {
      method: 'POST', body: { username: anna.name,
                              password: PASSWORD } });
    assert.equal(login.headers['access-control-allow-origin'], undefined);
    assert.equal(login.status, 403);
    assert.equal((await get(anna, foreign, '/logout', { method: 'POST' }))
      .status, 403);
    assert.equal((await anna.get('/me')).json.id, anna.id);
    assert.equal((await get(anna, own, '/me')).json.id, anna.id);
  });

  test('a list: exactly these, with credentials', async () => {
    const anna = await user(server);
    const there = at(anna, '/list');
    for (const origin of [friend, 'http://localhost:3000']) {
      assert.equal((await ws(there, origin)).status, 101, origin);
      for (const route of ['/me', '/socket.io/?EIO=4&transport=polling',
                           '/room/0/preload']) {
        const reply = await get(there, origin, route);
        assert.equal(reply.status, 200);
        assert.equal(reply.headers['access-control-allow-origin'], origin);
        assert.equal(reply.headers['access-control-allow-credentials'],
                     'true');
        assert.match(reply.headers.vary, /origin/i);
      }
    }
    for (const origin of [foreign, 'http://friend.example', `${friend}:444`,
                          'https://a.friend.example', 'http://localhost']) {
      assert.equal((await ws(there, origin)).status, 403, origin);
      const reply = await get(there, origin, '/me');
      assert.equal(reply.headers['access-control-allow-origin'], undefined);
    }
  });

  test('any', async () => {
    const anna = await user(server);
    const there = at(anna, '/any');
    assert.equal((await ws(there, foreign)).status, 101);
    const reply = await get(there, foreign, '/me');
    assert.equal(reply.headers['access-control-allow-origin'], foreign);
  });

  test('no CORS headers without an Origin', async () => {
    const anna = await user(server);
    for (const session of [anna, at(anna, '/list')]) {
      const reply = await request(session.server, '/me', {
        cookie: anna.cookie });
      assert.equal(reply.headers['access-control-allow-origin'], undefined);
    }
  });
});

describe('TLS', () => {
  let server;
  let dir;
  before(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-e2e-'));
    const tls = { cert: path.join(dir, 'cert'), key: path.join(dir, 'key') };
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
      'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
      '/CN=127.0.0.1', '-keyout', tls.key, '-out', tls.cert],
                 { stdio: 'ignore' });
    server = await start({ tls, chat: NO_RATE });
  });
  after(async () => {
    await server.stop();
    fs.rmSync(dir, { recursive: true });
  });

  test('log-in with a Secure cookie, every transport, large messages',
       async () => {
    const [anna, ben] = await users(server, 2);
    const reply = await anna.logIn(anna.name);
    assert.equal(setCookies(reply)[0].secure, true);
    const clients = [await connect(anna),
                     await connect(ben, { transports: ['websocket'] }),
                     await connect(ben, { transports: ['polling'] })];
    await clients[0].upgraded();
    const text = 'é'.repeat(30000);
    for (let i = 0; i < 20; i++) {
      assert.equal((await clients[i % 3].send('0', `${i}${text}`)).ok, true);
    }
    for (const client of clients) {
      await client.waitForText(`19${text}`);
      assert.deepEqual(client.texts('0'),
                       Array.from({ length: 20 }, (_, i) => `${i}${text}`));
    }
    const stream = await EventStream.open(anna, '/events');
    await clients[1].send('0', 'over tls');
    await stream.waitFor((e) => e.data.message === 'over tls', 'event');
    stream.close();
    await closeAll(clients);
  });

  test('many frames in one TLS record, and right behind the handshake',
       async () => {
    const anna = await user(server);
    const ws = await RawWebSocket.open(anna, { early: Buffer.concat([
      frame(OP.text, '40'), ...Array.from({ length: 300 }, (_, i) =>
        frame(OP.text, `42${i}["no.such"]`))]) });
    await ws.text((t) => t.startsWith('40'));
    for (let i = 0; i < 300; i++) {
      await ws.text((t) => t.startsWith(`43${i}[`));
    }
    await ws.close();
  });

  test('the origin is https here', async () => {
    const anna = await user(server);
    for (const [origin, status] of [[server.origin, 101],
      [server.origin.replace('https', 'http'), 403]]) {
      const ws = await RawWebSocket.open(anna, {
        headers: { Host: `127.0.0.1:${server.port}`, Origin: origin } });
      assert.equal(ws.status, status, origin);
      ws.destroy();
    }
  });

  test('the connection is upgraded, polled and closed under TLS', async () => {
    const anna = await user(server);
    const polling = await Polling.connect(anna);
    const hanging = polling.get();
    const ws = await RawWebSocket.open(anna, { query: `&sid=${polling.sid}` });
    ws.send('2probe');
    await ws.text();
    assert.equal((await hanging).text, '6');
    ws.send('5');
    ws.emit(1, 'no.such');
    await ws.text((t) => t.startsWith('431'));
    await ws.close();
  });
});

describe('HTTP/2', () => {
  let server;
  before(async () => {
    server = await start({ chat: NO_RATE, http2: true });
  });
  after(() => server.stop());

  const call = (session, headers, body) => new Promise((resolve, reject) => {
    const stream = session.request(headers);
    let status;
    let text = '';
    let reply;
    stream.setEncoding('utf8');
    stream.on('response', (h) => { reply = h; status = h[':status']; });
    stream.on('data', (part) => { text += part; });
    stream.on('end', () => resolve({ status, text, headers: reply }));
    stream.on('error', reject);
    stream.end(body);
  });

  test('REST and polling work, a WebSocket is a bad request', async () => {
    const session = http2.connect(server.origin);
    try {
      const login = await call(session, {
        ':method': 'POST', ':path': '/login',
        'content-type': 'application/json' },
        JSON.stringify({ username: 'h2', password: 'x' }));
      assert.equal(login.status, 201);
      const cookie = login.headers['set-cookie'][0].split(';')[0];
      const get = (path) => call(session, { ':path': path, cookie });
      assert.match((await get('/me')).text, /"username":"h2"/);

      const open = await get('/socket.io/?EIO=4&transport=polling');
      const { sid } = JSON.parse(open.text.slice(1));
      const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
      const post = (body) => call(session, {
        ':method': 'POST', ':path': path, cookie,
        'content-type': 'text/plain' }, body);
      assert.equal((await post('40')).text, 'ok');
      assert.match((await get(path)).text, /40\{"sid"/);
      const hanging = get(path);
      assert.equal((await post('421["no.such"]')).text, 'ok');
      assert.match((await hanging).text, /431\[/);
      const ws = await get('/socket.io/?EIO=4&transport=websocket');
      assert.equal(ws.status, 400);
      assert.equal(JSON.parse(ws.text).code, 3);
    } finally {
      session.close();
    }
  });
});
