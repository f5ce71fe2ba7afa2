// Who the users are is what nginx says (chat_user), and what nginx is told of
// them (variables). The name is a cookie's value here, so that all of the
// helpers send it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { EventStream, Session, openOn, bytes, raw, request, uniqueName,
         user }
  from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { TRANSPORTS, closeAll, connect, dial } from './lib/sio.mjs';

let server;
let redis;
let log;

before(async () => {
  server = await start({
    workers: 2, chat: `${NO_RATE} chat_user $cookie_remote;`,
    locations: { '/own/': `${NO_RATE} chat_user off; chat_cookie own path=/;` },
    http: `log_format who '$uri|$status|$chat_user|$chat_user_id|'
                          '$chat_session|$chat_transport';`,
    server: `access_log access.log who;
      location /guarded/ {
        chat_require on; chat_user $cookie_remote; empty_gif;
      }`,
  });
  redis = server.redis.client;
  log = path.join(server.hosts[0].options.dir, 'access.log');
});
after(() => server.stop());

const outside = (name = uniqueName()) => {
  const session = new Session(server, name && `remote=${name}`);
  session.name = name;
  return session;
};

// the same, whose id is known
const known = async (name) => {
  const session = outside(name);
  session.id = (await session.get('/me')).json.id;
  return session;
};

const lines = () => fs.readFileSync(log, 'utf8').split('\n').filter(Boolean)
  .map((line) => {
    const [uri, status, name, id, session, transport] = line.split('|');
    return { uri, status, name, id, session, transport };
  });

const inLog = (match, what) => until(() => lines().find(match), what);

describe('chat_user', () => {
  for (const [name, transports] of Object.entries(TRANSPORTS)) {
    test(`${name}: somebody new, whom nothing has asked for before`,
         async () => {
      const anna = outside();
      const ben = await known();
      const b = await connect(ben);
      const a = await connect(anna, { transports });
      anna.id = (await anna.get('/me')).json.id;
      const text = `hello of ${anna.name}`;
      assert.equal((await a.send('0', text)).ok, true);
      const message = await b.waitForText(text);
      assert.equal(message.from, anna.id);
      await b.waitFor('user.connected', (u) => u.username === anna.name);
      assert.equal((await a.send(anna.roomWith(ben), `${text}!`)).ok, true);
      await b.waitForText(`${text}!`);
      await closeAll(a, b);
    });
  }

  test('clients are told that there is no log-in', async () => {
    for (const session of [outside(), outside('')]) {
      const reply = await session.get('/me');
      assert.equal(reply.status, 200);
      assert.equal(reply.headers['chat-login'], 'off');
    }
    const own = await request(server, '/own/me');
    assert.equal(own.status, 200);
    assert.equal(own.headers['chat-login'], undefined);
  });

  test('an event stream of somebody new', async () => {
    const stream = await EventStream.open(outside(), '/events');
    assert.equal(stream.status, 200);
    const ben = await connect(await known());
    await ben.send('0', 'for the stream');
    await stream.waitFor((e) => e.data.message === 'for the stream', 'message');
    stream.close();
    await closeAll(ben);
  });

  test('many at once make one user', async () => {
    const name = uniqueName('many');
    const before = Number(await redis.get('total_users'));
    const replies = await Promise.all(
      Array.from({ length: 24 }, () => outside(name).get('/me')));
    const ids = new Set(replies.map((reply) => reply.json.id));
    assert.equal(ids.size, 1);
    const [id] = ids;
    assert.equal(await redis.get(`username:${name}`), `user:${id}`);
    assert.deepEqual(await redis.hgetall(`user:${id}`), { username: name });
    // what lost the race is gone
    const last = Number(await redis.get('total_users'));
    for (let other = before + 1; other <= last; other++) {
      assert.equal(await redis.exists(`user:${other}`),
                   String(other) === id ? 1 : 0);
    }
  });

  test('nobody: the socket is refused', async () => {
    const client = dial(outside(''), { transports: ['websocket'] });
    const error = await new Promise((done) =>
      client.socket.once('connect_error', done));
    assert.equal(error.message, 'Please log in first');
    client.close();
  });

  test('a polling session is its user\'s alone', async () => {
    const anna = await known();
    const polling = await Polling.connect(anna);
    for (const other of [await known(), outside('')]) {
      const theirs = new Polling(other);
      theirs.sid = polling.sid;
      for (const reply of [await theirs.get(), await theirs.request('POST', '1')]) {
        assert.equal(reply.status, 400);
        assert.equal(reply.json.code, 1);
      }
    }
    await polling.post('420["room.join","0"]');
    assert.match(await polling.next((p) => p.startsWith('430')), /"ok":true/);
    await polling.post('1');
  });

  test('a log-out ends the user\'s connections, everywhere, and no other\'s',
       async () => {
    const [anna, ben] = [await known(), await known()];
    const tabs = [];
    for (let i = 0; i < 4; i++) tabs.push(await connect(anna));
    const other = await connect(ben);
    assert.equal((await anna.post('/logout')).status, 200);
    await until(() => tabs.every((tab) => tab.reasons.length), 'all end');
    assert.equal((await other.send('0', 'still here')).ok, true);
    // nginx lets her in as before
    const again = await connect(anna, { transports: ['websocket'] });
    assert.equal((await again.send('0', 'and again')).ok, true);
    assert.equal((await anna.get('/me')).json.id, anna.id);
    await closeAll(again, other);
  });

  test('a session that Redis has lost is made anew', async () => {
    const anna = await known();
    const [hash] = await redis.zrange(`chat:sessions:${anna.id}`, 0, -1);
    assert.equal(await redis.del(`chat:session:${hash}`), 1);
    const client = await connect(anna, { transports: ['websocket'] });
    assert.equal((await client.send('0', 'anew')).ok, true);
    assert.equal(await redis.exists(`chat:session:${hash}`), 1);
    await closeAll(client);
  });

  test('one name, one user, also where the chat has its own log-in',
       async () => {
    const anna = await known();
    const own = new Session({ ...server, url: `${server.origin}/own` });
    for (const password of ['x', '']) {
      const reply = await own.logIn(anna.name, password);
      assert.ok([400, 404].includes(reply.status));
    }
    const ben = await user({ ...server, url: `${server.origin}/own`,
                             redis: server.redis });
    assert.equal((await outside(ben.name).get('/me')).json.id, ben.id);
  });

  test('a client that goes away while Redis is asked', async () => {
    const [pid] = server.workerPids();
    server.redis.pause();
    for (const uri of ['/socket.io/?EIO=4&transport=polling', '/me',
                       '/guarded/']) {
      for (let i = 0; i < 5; i++) {
        const socket = await openOn(server, pid);
        await raw(server, bytes('GET', uri,
                                { Cookie: `remote=${uniqueName()}` }),
                  { socket, timeout: 30 });
      }
    }
    await sleep(200);
    server.redis.resume();
    const client = await until(() => connect(outside()).catch(() => undefined),
                               'all is well', 15000);
    assert.equal((await client.send('0', 'well')).ok, true);
    await closeAll(client);
    assert.ok(server.workerPids().includes(pid));
  });

  test('a reload keeps the connections', async () => {
    const anna = await known();
    const client = await connect(anna, { transports: ['websocket'] });
    await server.reload();
    const other = await connect(await known());
    await other.send('0', 'behind the reload');
    await client.waitForText('behind the reload');
    assert.equal((await client.send('0', 'me too')).ok, true);
    assert.deepEqual(client.reasons, []);
    await closeAll(client, other);
  });
});

describe('variables in the access log', () => {
  test('routes and live requests', async () => {
    const anna = await known();
    await anna.get('/users/online');
    const line = await inLog((l) => l.uri === '/users/online'
                                    && l.name === anna.name, 'the line');
    assert.equal(line.id, anna.id);
    assert.match(line.session, /^[\w-]{12}$/);
    assert.equal(line.transport, '-');
    const [hash] = await redis.zrange(`chat:sessions:${anna.id}`, 0, -1);
    assert.ok(hash.startsWith(line.session));

    const client = await connect(anna, { transports: ['websocket'] });
    const socket = await inLog((l) => l.transport === 'websocket'
                                      && l.name === anna.name, 'websocket');
    assert.equal(socket.status, '101');
    assert.equal(socket.id, anna.id);
    await closeAll(client);

    const polling = await Polling.connect(anna);
    await polling.post('1');
    await inLog((l) => l.transport === 'polling' && l.name === anna.name
                       && l.session === line.session, 'polling');
    const stream = await EventStream.open(anna, '/events');
    stream.close();
    await inLog((l) => l.transport === 'sse' && l.name === anna.name, 'sse');
  });

  test('the chat\'s own log-in and its polling', async () => {
    const ben = await user({ ...server, url: `${server.origin}/own` });
    await inLog((l) => l.uri === '/own/login' && l.name === ben.name
                       && l.id === ben.id, 'log-in');
    const polling = await Polling.connect(ben);
    await polling.post('421["room.join","0"]');
    await polling.next((p) => p.startsWith('431'));
    await inLog((l) => l.uri === '/own/socket.io/' && l.name === ben.name,
                'polling');
    await polling.post('1');
    await inLog((l) => l.name === '-' && l.session === '-', 'nobody');
  });
});
