// Accounts: registration, log-in, sessions and their cookies, log-out.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { PASSWORD } from './lib/data.mjs';
import { Session, assertError, assertJson, bytes, raw, request, setCookies,
         uniqueName, user } from './lib/http.mjs';
import { connect } from './lib/sio.mjs';
import { NO_RATE, start, until } from './lib/server.mjs';


const cookieHeader = (reply) =>
    setCookies(reply).map((c) => `${c.name}=${c.value}`).join('; ');

// everything that Redis holds, as one text
async function dump(redis) {
  const all = [];
  for (const key of await redis.keys('*')) {
    const type = await redis.type(key);
    const value = type === 'string' ? await redis.get(key)
      : type === 'hash' ? await redis.hgetall(key)
        : type === 'set' ? await redis.smembers(key)
          : type === 'zset' ? await redis.zrange(key, 0, -1)
            : await redis.lrange(key, 0, -1);
    all.push(`${key} ${JSON.stringify(value)}`);
  }
  return all.join('\n');
}

describe('accounts', () => {
  let server;
  let redis;
  before(async () => {
    server = await start({
      chat: NO_RATE,
      locations: {
        '/closed/': `chat_registration off; ${NO_RATE}`,
        '/bcrypt/': `chat_password_scheme bcrypt; ${NO_RATE}`,
        '/strict/': `chat_cookie sid secure=on samesite=strict; ${NO_RATE}`,
        '/none/': `chat_cookie other secure=on samesite=none; ${NO_RATE}`,
        '/bare/': `chat_cookie bare secure=off samesite=lax; ${NO_RATE}`,
      },
    });
    redis = server.redis.client;
  });
  after(() => server.stop());

  const at = (prefix) => ({ ...server, url: `${server.origin}${prefix}` });
  const logIn = (body, options = {}) => request(
    server, '/login', { method: 'POST', body, ...options });

  test('an unknown name is registered, then logs in', async () => {
    const username = uniqueName('anna');
    const made = await logIn({ username, password: 'one two three' });
    const account = assertJson(made, 201);
    assert.deepEqual(Object.keys(account).sort(), ['id', 'username']);
    assert.equal(typeof account.id, 'string');
    assert.match(account.id, /^[1-9]\d*$/);
    assert.equal(account.username, username);

    const again = await logIn({ username, password: 'one two three' });
    assert.deepEqual(assertJson(again, 200), account);
  });

  test('Redis holds the demo\'s keys and no password or token', async () => {
    const session = new Session(server);
    const name = uniqueName('keys');
    await session.logIn(name, 'a-password-to-look-for');
    assert.equal(await redis.get(`username:${name}`), `user:${session.id}`);
    const hash = await redis.hgetall(`user:${session.id}`);
    assert.deepEqual(Object.keys(hash).sort(), ['password', 'username']);
    assert.equal(hash.username, name);
    assert.match(hash.password, /^\$argon2id\$v=19\$/);
    assert.deepEqual(await redis.smembers(`user:${session.id}:rooms`), ['0']);
    assert.equal(await redis.get('room:0:name'), 'General');
    assert.ok(Number(await redis.get('total_users')) >= Number(session.id));

    const everything = await dump(redis);
    assert.ok(!everything.includes('a-password-to-look-for'));
    assert.ok(!everything.includes(session.token));
    assert.ok(!everything.includes(
      Buffer.from(session.token, 'base64url').toString('hex')));
    for (const key of await redis.keys('chat:*')) {
      // what a name looks like is kept as long as the name
      assert.equal(await redis.pttl(key) > 0, !key.startsWith('chat:name:'),
                   `${key} has a TTL`);
    }
  });

  test('the cookie: name, value, HttpOnly, Path, SameSite', async () => {
    const reply = await logIn({ username: uniqueName(), password: 'x' });
    const cookies = setCookies(reply);
    assert.equal(cookies.length, 1);
    const [cookie] = cookies;
    assert.equal(cookie.name, 'chat_session');
    assert.match(cookie.value, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(cookie.httponly, true);
    assert.equal(cookie.path, '/');
    assert.match(cookie.samesite, /^lax$/i);
    assert.equal(cookie.secure, undefined, 'plain HTTP');
    assert.equal(cookie.domain, undefined);
  });

  test('chat_cookie: name, secure, samesite; Path is the location',
       async () => {
    const cases = [['/strict', 'sid', true, /^strict$/i],
                   ['/none', 'other', true, /^none$/i],
                   ['/bare', 'bare', undefined, /^lax$/i]];
    for (const [prefix, name, secure, samesite] of cases) {
      const reply = await request(at(prefix), '/login', {
        method: 'POST', body: { username: uniqueName(), password: 'x' } });
      assert.equal(reply.status, 201, prefix);
      const [cookie] = setCookies(reply);
      assert.equal(cookie.name, name);
      assert.equal(cookie.secure, secure, prefix);
      assert.match(cookie.samesite, samesite);
      assert.match(cookie.path, new RegExp(`^${prefix}/?$`));
    }
  });

  test('visitors get no cookie', async () => {
    for (const path of ['/me', '/links', '/randomname', '/room/0/preload',
                        '/users/online']) {
      const reply = await request(server, path);
      assert.equal(reply.headers['set-cookie'], undefined, path);
    }
    const wrong = await logIn('{', {
      headers: { 'Content-Type': 'application/json' } });
    assert.equal(wrong.headers['set-cookie'], undefined);
  });

  test('/me', async () => {
    assert.equal(assertJson(await request(server, '/me'), 200), null);
    const session = await user(server);
    assert.deepEqual(assertJson(await session.get('/me'), 200),
                     { id: session.id, username: session.name });
    for (const cookie of ['chat_session=', 'chat_session=x',
                          `chat_session=${'A'.repeat(43)}`,
                          `chat_session=${session.token}x`,
                          `chat_session=${session.token.slice(1)}`,
                          `chat_sessio=${session.token}`,
                          `Chat_Session=${session.token}`]) {
      assert.equal((await request(server, '/me', { cookie })).text, 'null',
                   cookie);
    }
    const among = await request(server, '/me', {
      cookie: `a=b; ${session.cookie}; chat_sessions=x` });
    assert.equal(among.json.id, session.id);
  });

  test('a wrong password: 404, and the session that is there stays',
       async () => {
    const session = await user(server);
    const reply = await session.post('/login', {
      username: session.name, password: 'wrong' });
    assert.equal(assertError(reply, 404), 'Invalid username or password');
    assert.equal(reply.headers['set-cookie'], undefined);
    assert.equal((await session.get('/me')).json.id, session.id);
  });

  test('chat_registration off: unknown names are wrong names', async () => {
    const username = uniqueName('nobody');
    const reply = await request(at('/closed'), '/login', {
      method: 'POST', body: { username, password: 'x' } });
    assert.equal(assertError(reply, 404), 'Invalid username or password');
    assert.equal(await redis.exists(`username:${username}`), 0);
    const known = await user(server);
    const again = await request(at('/closed'), '/login', {
      method: 'POST',
      body: { username: known.name, password: PASSWORD } });
    assert.equal(again.json.id, known.id);
  });

  test('malformed bodies: 400', async () => {
    const username = uniqueName();
    const deep = (n) => '['.repeat(n) + ']'.repeat(n);
    const bodies = [
      '', '{', 'null', '[]', '"x"', '17', 'true', '{}', '{"username":"x"}',
      '{"password":"x"}', '{"username":"","password":"x"}',
      '{"username":"  ","password":"x"}',
      `{"username":"${username}","password":""}`,
      '{"username":1,"password":"x"}', '{"username":["x"],"password":"x"}',
      `{"username":"${username}","password":null}`,
      `{"username":"${username}","password":{}}`,
      `{"username":"${username}","password":12345678}`,
      `{"username":"${username}","password":"x"} x`,
      `{"username":"${username}","password":"x",}`,
      `{'username':'${username}','password':'x'}`,
      `{"username":"${username}\n","password":"x"}`,
      Buffer.from('7b22757365726e616d65223a22fffe222c2270617373776f7264223a'
                  + '2278227d', 'hex'),
      `{"username":"${username}","password":"x","more":${deep(60)}}`,
      deep(20000),
      `{"username":"${username}","password":"x","more":[${
        '0,'.repeat(20000)}0]}`,
    ];
    for (const body of bodies) {
      const reply = await logIn(body, {
        headers: { 'Content-Type': 'application/json' } });
      assertError(reply, 400, String(body).slice(0, 60));
    }
    assert.equal(await redis.exists(`username:${username}`), 0);
  });

  test('names that can\'t be registered: 400', async () => {
    for (const username of ['a\u0000b', 'a\nb', 'a\u0007', '\u200bx', 'x\u202e',
                            'x\u2066', '\ufeffx', 'a\u0085b', ' ',
                            '\u00a0', '\ud800x', 'x'.repeat(33),
                            '\u3000x', 'x ']) {
      const reply = await logIn({ username, password: 'x' });
      assertError(reply, 400, JSON.stringify(username));
    }
  });

  test('names are taken as they are: other scripts, HTML, emoji, 32 long',
       async () => {
    for (const base of ['Ærøskøbing ', '漢字 ', '<b>x</b> ', 'e😀 ', '"\'\\ ',
                        ':0:{x}* ']) {
      const name = (base + uniqueName('')).slice(0, 30);
      const session = await user(server, name);
      assert.equal(session.name, name);
      assert.equal((await session.get('/me')).json.username, name);
      const again = await logIn({ username: name,
                                  password: PASSWORD });
      assert.equal(again.json.id, session.id);
    }
    const long = uniqueName('x'.repeat(20)).padEnd(31, 'y') + '😀';
    assert.equal((await user(server, long)).name, long);
  });

  test('passwords: the whole of them counts', async () => {
    for (const [right, wrong] of [['a\u0000b', 'a\u0000c'],
                                  ['x'.repeat(100), 'x'.repeat(99) + 'y'],
                                  ['пароль 🔑', 'пароль 🔐'], [' x ', 'x'],
                                  ['é', 'e\u0301']]) {
      const username = uniqueName();
      const made = await logIn({ username, password: right });
      assert.equal(made.status, 201, JSON.stringify(right));
      assertError(await logIn({ username, password: wrong }), 404);
      assert.equal((await logIn({ username, password: right })).status, 200);
    }
  });

  test('bcrypt: stored as $2b$, verified everywhere, at most 72 bytes',
       async () => {
    const username = uniqueName('bc');
    const made = await request(at('/bcrypt'), '/login', {
      method: 'POST', body: { username, password: 'pä'.repeat(24) } });
    const { id } = assertJson(made, 201);
    assert.match(await redis.hget(`user:${id}`, 'password'),
                 /^\$2b\$\d\d\$[./A-Za-z0-9]{53}$/);
    const again = await logIn({ username, password: 'pä'.repeat(24) });
    assert.equal(again.status, 200);
    assertError(await logIn({ username, password: 'pä'.repeat(23) }), 404);

    const long = uniqueName('bc');
    assertError(await request(at('/bcrypt'), '/login', {
      method: 'POST', body: { username: long, password: 'x'.repeat(73) } }),
                400);
    assert.equal(await redis.exists(`username:${long}`), 0);
    // an argon2id user logs in where new passwords are bcrypt
    const other = await user(server, uniqueName());
    const there = await request(at('/bcrypt'), '/login', {
      method: 'POST',
      body: { username: other.name, password: PASSWORD } });
    assert.equal(there.json.id, other.id);
  });

  test('content types: JSON with parameters passes, others are 415',
       async () => {
    const username = uniqueName();
    const body = JSON.stringify({ username, password: 'x' });
    for (const type of ['text/plain', 'application/x-www-form-urlencoded',
                        'application/jsonx', 'text/json', 'multipart/form-data',
                        'x-application/json', '']) {
      const reply = await logIn(body, { headers: { 'Content-Type': type } });
      assertError(reply, 415, type);
    }
    assertError(await logIn(body), 415, 'none');
    assert.equal(await redis.exists(`username:${username}`), 0);
    for (const type of ['application/json;charset=UTF-8',
                        'application/json ; charset="utf-8"',
                        'Application/JSON']) {
      const reply = await logIn(body, { headers: { 'Content-Type': type } });
      assert.ok([200, 201].includes(reply.status), `${type} ${reply.status}`);
    }
  });

  test('bodies up to 64 KB: one byte more is 413', async () => {
    const username = uniqueName();
    const body = (size) => {
      const head = `{"username":"${username}","password":"x"`;
      return `${head}${' '.repeat(size - head.length - 1)}}`;
    };
    const headers = { 'Content-Type': 'application/json' };
    assert.equal((await logIn(body(65536), { headers })).status, 201);
    assertError(await logIn(body(65537), { headers }), 413);
    // the length alone decides, before the body has come
    const early = await raw(server, bytes('POST', '/login', {
      'Content-Type': 'application/json', 'Content-Length': 1e9 }),
                            { until: /\r\n\r\n.*\}/s, timeout: 5000 });
    assert.equal(early.status, 413);
  });

  test('chunked bodies, also over 64 KB', async () => {
    const headers = { 'Content-Type': 'application/json',
                      'Transfer-Encoding': 'chunked' };
    const username = uniqueName();
    const reply = await logIn({ username, password: 'x' }, { headers });
    assert.equal(reply.status, 201);
    const big = await logIn('{"username":"x","password":"'
                            + 'x'.repeat(70000) + '"}', { headers });
    assertError(big, 413);
  });

  test('a request that comes byte by byte', async () => {
    const body = JSON.stringify({ username: uniqueName(), password: 'x' });
    const reply = await raw(server, bytes('POST', '/login', {
      'Content-Type': 'application/json', 'Content-Length': body.length,
      Connection: 'close' }, body), { step: 1 });
    assert.equal(reply.status, 201);
    assert.match(reply.text, /\{"id":"\d+","username":/);
  });

  test('log-in rotates: the old session ends, its sockets too', async () => {
    const session = await user(server);
    const old = { cookie: session.cookie };
    const client = await connect(session);
    const reply = await session.logIn(session.name);
    assert.equal(reply.status, 200);
    assert.notEqual(session.cookie, old.cookie);
    assert.equal((await request(server, '/me', old)).text, 'null');
    assert.equal((await session.get('/me')).json.id, session.id);
    await until(() => client.reasons.length, 'the old socket is closed');
    client.close();
  });

  test('log-in as somebody else ends the old session as well', async () => {
    const session = await user(server);
    const old = session.cookie;
    const other = await user(server);
    await session.logIn(other.name);
    assert.equal((await request(server, '/me', { cookie: old })).text, 'null');
    assert.equal((await other.get('/me')).json.id, other.id,
                 'the other browser stays logged in');
  });

  test('an id that the browser brought along never becomes a session',
       async () => {
    const chosen = `chat_session=${'Z'.repeat(43)}`;
    const reply = await logIn({ username: uniqueName(), password: 'x' },
                              { cookie: chosen });
    assert.equal(reply.status, 201);
    assert.notEqual(cookieHeader(reply), chosen);
    assert.equal((await request(server, '/me', { cookie: chosen })).text,
                 'null');
  });

  test('log-out', async () => {
    const session = await user(server);
    const second = new Session(server);
    await second.logIn(session.name);
    const client = await connect(session);
    const other = await connect(second);
    const reply = await session.request('/logout', { method: 'POST' });
    assert.equal(assertJson(reply, 200), null);
    const [cookie] = setCookies(reply);
    assert.equal(cookie.name, 'chat_session');
    assert.equal(cookie.value, '');
    assert.equal(cookie.path, '/');
    assert.ok(cookie['max-age'] === '0'
              || Date.parse(cookie.expires) < Date.now(), cookie.line);
    assert.equal((await session.get('/me')).text, 'null');
    assertError(await session.get('/users/online'), 403);
    await until(() => client.reasons.length, 'its socket is closed');
    assert.equal((await second.get('/me')).json.id, session.id);
    assert.equal(other.reasons.length, 0, 'the other session\'s socket lives');
    client.close();
    other.close();
  });

  test('log-out deletes the session from Redis', async () => {
    const quiet = await start({ chat: NO_RATE, workers: 1 });
    try {
      const keys = async () => (await quiet.redis.client.keys('chat:*sess*'))
        .length;
      const before = await keys();
      const session = await user(quiet);
      assert.ok(await keys() > before, 'a session key under chat:');
      await session.request('/logout', { method: 'POST' });
      await until(async () => await keys() === before, 'the key is gone');
    } finally {
      await quiet.stop();
    }
  });

  test('log-out everywhere', async () => {
    const one = await user(server);
    const two = new Session(server);
    await two.logIn(one.name);
    const stranger = await user(server);
    const clients = [await connect(one), await connect(two)];
    const others = await connect(stranger);
    assert.equal((await one.post('/logout', { everywhere: true })).status, 200);
    assert.equal((await one.get('/me')).text, 'null');
    assert.equal((await two.get('/me')).text, 'null');
    await until(() => clients.every((c) => c.reasons.length),
                'all sockets of the user are closed');
    assert.equal(others.reasons.length, 0);
    assert.equal((await stranger.get('/me')).json.id, stranger.id);
    clients.forEach((c) => c.close());
    others.close();
  });

  test('log-out without a session, and with odd bodies', async () => {
    assertError(await request(server, '/logout', { method: 'POST' }), 403);
    const session = await user(server);
    assertError(await session.post('/logout', '{"everywhere":'
      , { headers: { 'Content-Type': 'application/json' } }), 400);
    assert.equal((await session.get('/me')).json.id, session.id);
    assert.equal((await session.post('/logout', {})).status, 200);
    assert.equal((await session.get('/me')).text, 'null');
  });

  test('two registrations of one name at the same moment: one account',
       async () => {
    for (let round = 0; round < 2; round++) {
      const username = uniqueName('race');
      const body = { username, password: 'same' };
      const replies = await Promise.all(
        Array.from({ length: 4 }, () => logIn(body)));
      assert.deepEqual(replies.map((r) => r.status).sort(),
                       [200, 200, 200, 201]);
      const ids = new Set(replies.map((r) => r.json.id));
      assert.equal(ids.size, 1);
      const [id] = ids;
      assert.equal(await redis.get(`username:${username}`), `user:${id}`);
      let made = 0;
      for (const key of await redis.keys('user:*')) {
        if (/^user:\d+$/.test(key)) {
          made += await redis.hget(key, 'username') === username;
        }
      }
      assert.equal(made, 1, 'no second user is left behind');
    }
    const username = uniqueName('race');
    const replies = await Promise.all(['a', 'b'].map(
      (password) => logIn({ username, password })));
    assert.deepEqual(replies.map((r) => r.status).sort(), [201, 404]);
  });

  test('sessions slide with use, and end without it', async () => {
    const short = await start({ chat: `chat_session_ttl 100s; ${NO_RATE}`,
                                workers: 1 });
    try {
      const { client } = short.redis;
      const session = await user(short);
      const keys = await client.keys('chat:session:*');
      assert.equal(keys.length, 1);
      assert.ok(await client.ttl(keys[0]) > 95);
      await client.expire(keys[0], 10);
      assert.equal((await session.get('/me')).json.id, session.id);
      assert.ok(await client.ttl(keys[0]) > 95);
      await client.pexpire(keys[0], 1);
      // a worker knows a session that it has just looked up for five seconds
      await until(async () => (await session.get('/me')).text === 'null',
                  'the session has ended', 10000);
      assertError(await session.get('/users/online'), 403);
    } finally {
      await short.stop();
    }
  });

  test('405 with Allow, HEAD', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      for (const path of ['/login', '/logout']) {
        const reply = await request(server, path, { method });
        assertError(reply, 405, `${method} ${path}`);
        assert.equal(reply.headers.allow, 'POST');
      }
    }
    const head = await request(server, '/me', { method: 'HEAD' });
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assert.equal(head.headers['content-length'], '4');
  });
});

describe('too many tries', () => {
  let server;
  before(async () => { server = await start(); });
  after(() => server.stop());

  test('429 with Retry-After for guessing, and no password is checked',
       async () => {
    const known = await user(server);
    const replies = [];
    for (let i = 0; i < 60 && replies.at(-1)?.status !== 429; i++) {
      replies.push(await request(server, '/login', {
        method: 'POST', body: { username: known.name, password: `no ${i}` } }));
    }
    assertError(replies.at(-1), 429);
    assert.match(replies.at(-1).headers['retry-after'], /^[1-9]\d*$/);
    assert.equal(replies.length, 11, 'chat_login_rate is 10r/m by default');
    const right = await request(server, '/login', {
      method: 'POST', body: { username: known.name, password: PASSWORD } });
    assertError(right, 429, 'also with the right password now');
    assert.ok((await user(server)).id, 'others are not concerned');
    assert.equal((await known.get('/me')).json.id, known.id,
                 'who is logged in is not touched');
  });
});
