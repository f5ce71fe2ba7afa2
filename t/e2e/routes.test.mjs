// The REST routes but those of accounts: codes, shapes, who may.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { seedMessages, seedRoom, seedUsers } from './lib/data.mjs';
import { assertError, assertJson, bytes, onlineIds, raw, request, uniqueName,
         user } from './lib/http.mjs';
import { NO_RATE, start, until } from './lib/server.mjs';
import { connect } from './lib/sio.mjs';

const LINKS = '{"github": "https://example.org/x", "heroku": null}';

describe('routes', () => {
  let server;
  let redis;
  let dir;
  let anna;
  let ben;
  let carl;
  before(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-e2e-'));
    fs.writeFileSync(path.join(dir, 'links.json'), LINKS);
    fs.mkdirSync(path.join(dir, 'www'));
    fs.writeFileSync(path.join(dir, 'www', 'index.html'), '<p>the client');
    fs.writeFileSync(path.join(dir, 'www', 'meander'), 'a file');
    server = await start({
      chat: `chat_links ${dir}/links.json; ${NO_RATE}`,
      location: `root ${dir}/www; try_files $uri /index.html;`,
      locations: { '/nolinks/': '' },
    });
    redis = server.redis.client;
    [anna, ben, carl] = [await user(server), await user(server),
                         await user(server)];
  });
  after(async () => {
    await server.stop();
    fs.rmSync(dir, { recursive: true });
  });

  const room = (session, user1, user2) =>
    session.post('/room', { user1, user2 });

  test('what needs a session: 403 without', async () => {
    const pair = anna.roomWith(ben);
    for (const [method, route] of [
      ['POST', '/logout'], ['GET', '/users?ids[]=1'], ['GET', '/users/online'],
      ['GET', `/rooms/${anna.id}`], ['POST', '/room'],
      ['GET', '/room/0/messages'], ['GET', `/room/${pair}/messages`],
      ['GET', '/room/nosuch/messages'], ['GET', '/stream'],
      ['GET', '/events'],
    ]) {
      for (const cookie of [undefined, `chat_session=${'A'.repeat(43)}`]) {
        const reply = await request(server, route, {
          method, cookie, body: method === 'POST' ? {} : undefined });
        assertError(reply, 403, `${method} ${route}`);
      }
    }
  });

  test('405 with Allow for other methods, HEAD where GET works', async () => {
    const gets = ['/me', '/links', '/randomname', '/users?ids[]=1',
                  '/users/online', `/rooms/${anna.id}`, '/room/0/preload',
                  '/room/0/messages'];
    for (const route of gets) {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
        const reply = await anna.request(route, { method });
        assertError(reply, 405, `${method} ${route}`);
        assert.deepEqual(reply.headers.allow.split(/, */).sort(),
                         ['GET', 'HEAD'], route);
      }
      const get = await anna.get(route);
      const head = await anna.request(route, { method: 'HEAD' });
      assert.equal(head.status, get.status, route);
      assert.equal(head.text, '');
      assert.equal(head.headers['content-type'], get.headers['content-type']);
      if (route !== '/randomname') {
        assert.equal(head.headers['content-length'],
                     get.headers['content-length'], route);
      }
    }
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const reply = await anna.request('/room', { method });
      assertError(reply, 405, `${method} /room`);
      assert.equal(reply.headers.allow, 'POST');
    }
  });

  test('everything else falls through to the location', async () => {
    for (const [uri, text] of [['/', '<p>the client'],
                               ['/index.html', '<p>the client'],
                               ['/meander', 'a file'],
                               ['/mex', '<p>the client'],
                               ['/chat/anything', '<p>the client'],
                               ['/roomy', '<p>the client']]) {
      const reply = await request(server, uri);
      assert.equal(reply.status, 200, uri);
      assert.equal(reply.text, text, uri);
    }
  });

  test('/links: the file, or {}', async () => {
    const reply = await request(server, '/links');
    assert.deepEqual(assertJson(reply, 200), JSON.parse(LINKS));
    const none = await request({ ...server, url: `${server.origin}/nolinks` },
                               '/links');
    assert.equal(none.text, '{}');
  });

  test('/randomname: a first name that is not taken', async () => {
    for (let i = 0; i < 30; i++) {
      const reply = await request(server, '/randomname');
      assert.equal(reply.status, 200);
      assert.match(reply.headers['content-type'], /^text\/plain/);
      assert.match(reply.headers['cache-control'], /no-store/);
      assert.match(reply.text, /^\p{Lu}[\p{L}\d'-]{1,31}$/u);
      assert.equal(await redis.exists(`username:${reply.text}`), 0);
      if (i < 5) await redis.set(`username:${reply.text}`, 'user:1');
    }
  });

  describe('/users', () => {
    const entry = (session, online = false) =>
      ({ id: session.id, username: session.name, online });

    test('the same for every way to write ids', async () => {
      const expected = { [anna.id]: entry(anna), [ben.id]: entry(ben) };
      for (const query of [
        `ids[]=${anna.id}&ids[]=${ben.id}`, `ids=${anna.id}&ids=${ben.id}`,
        `ids[0]=${anna.id}&ids[1]=${ben.id}`,
        `ids%5B%5D=${anna.id}&ids%5b%5d=${ben.id}`,
        `ids%5B0%5D=${anna.id}&ids%5B1%5D=${ben.id}`,
        `x=y&ids[]=${anna.id}&&ids[]=${ben.id}&ids[]=${ben.id}&z`,
        `ids[]=%3${anna.id[0]}${anna.id.slice(1)}&ids[]=${ben.id}`,
      ]) {
        assert.deepEqual(assertJson(await anna.get(`/users?${query}`), 200),
                         expected, query);
      }
    });

    test('ids that do not exist or are no decimal number are left out',
         async () => {
      for (const bad of ['999999', 'abc', '0', '-1', '1e0', '01', '+1', '1.0',
                         '', '%00', '1%00', '*', '1:rooms',
                         '99999999999999999999999']) {
        const reply = await anna.get(
          `/users?ids[]=${encodeURI(bad).replaceAll('%25', '%')
          }&ids[]=${ben.id}`);
        assert.deepEqual(assertJson(reply, 200, bad), { [ben.id]: entry(ben) });
      }
      const only = await anna.get('/users?ids[]=999999');
      assert.deepEqual(assertJson(only, 200), {});
    });

    test('none given: 404', async () => {
      for (const query of ['', '?', '?ids', '?x=1', '?idsx[]=1', '?id=1']) {
        const reply = await anna.get(`/users${query}`);
        if (query === '?ids') continue;   // an empty id, or none: both fit
        assertError(reply, 404, query);
      }
    });

    test('exactly the three fields', async () => {
      await redis.hset(`user:${carl.id}`, 'email', 'carl@example.org');
      const reply = await anna.get(`/users?ids[]=${carl.id}&ids[]=${ben.id}`);
      assert.deepEqual(assertJson(reply, 200), {
        [carl.id]: entry(carl), [ben.id]: entry(ben) });
      await redis.hdel(`user:${carl.id}`, 'email');
    });

    test('500 ids', async () => {
      const ids = Array.from({ length: 500 }, (_, i) => `ids=${i + 1}`);
      const reply = await anna.get(`/users?${ids.join('&')}`);
      const found = assertJson(reply, 200);
      assert.deepEqual(found[anna.id], entry(anna));
      assert.equal(Object.keys(found).length,
                   Number(await redis.get('total_users')));
      assertError(await anna.get(`/users?${ids.join('&')}&ids=1`), 400);
    });

    test('online follows the live sockets', async () => {
      assert.deepEqual(assertJson(await anna.get('/users/online'), 200), {});
      const client = await connect(ben);
      await until(async () => (await onlineIds(anna)).includes(ben.id),
                  'ben is online');
      assert.deepEqual((await anna.get('/users/online')).json,
                       { [ben.id]: entry(ben, true) });
      assert.deepEqual((await anna.get(`/users?ids[]=${ben.id}`)).json,
                       { [ben.id]: entry(ben, true) });
      assert.ok(await redis.sismember('online_users', ben.id));
      client.close();
      await until(async () => !(await onlineIds(anna)).length,
                  'ben is offline');
    });
  });

  test('/users/online: 1,000 at a time', async () => {
    const big = await start({ workers: 1, chat: NO_RATE, seed: async (r) => {
      await seedUsers(r, Array.from({ length: 1010 }, (_, i) => `u${i}`));
      for (let i = 1; i <= 1010; i++) await r.sadd('online_users', i);
    } });
    try {
      const session = await user(big, 'u0', 'password123');
      // users whose server is gone may be cleaned up, but not while it serves
      const found = new Set();
      let after = '';
      for (let page = 0; page < 4; page++) {
        const reply = await session.get(`/users/online${after}`);
        const ids = Object.keys(assertJson(reply, 200));
        assert.ok(ids.length <= 1000);
        ids.forEach((id) => found.add(id));
        if (page === 0) assert.equal(ids.length, 1000);
        if (ids.length === 0) break;
        after = `?after=${Math.max(...ids.map(Number))}`;
      }
      assert.equal(found.size, 1010);
    } finally {
      await big.stop();
    }
  });

  describe('/room', () => {
    test('201 with the ids in numeric order, however given', async () => {
      for (const [a, b] of [[anna.id, ben.id], [ben.id, anna.id],
                            [Number(anna.id), Number(ben.id)],
                            [ben.id, Number(anna.id)]]) {
        const reply = await room(anna, a, b);
        assert.deepEqual(assertJson(reply, 201), {
          id: anna.roomWith(ben), names: [anna, ben]
            .sort((x, y) => x.id - y.id).map((s) => s.name) });
      }
      const id = anna.roomWith(ben);
      assert.ok(await redis.sismember(`user:${anna.id}:rooms`, id));
      assert.ok(await redis.sismember(`user:${ben.id}:rooms`, id));
      assert.equal(await redis.exists(`room:${id}:name`), 0);
    });

    test('numeric order: 9:10', async () => {
      const ten = await start({ workers: 1, chat: NO_RATE,
                                seed: (r) => seedUsers(r,
        Array.from({ length: 12 }, (_, i) => `u${i + 1}`)) });
      try {
        const nine = await user(ten, 'u9', 'password123');
        const reply = await room(nine, 10, 9);
        assert.deepEqual(assertJson(reply, 201),
                         { id: '9:10', names: ['u9', 'u10'] });
      } finally {
        await ten.stop();
      }
    });

    test('only one of the two may: 403', async () => {
      assertError(await room(carl, anna.id, ben.id), 403);
      assert.equal(await redis.sismember(`user:${carl.id}:rooms`,
                                         anna.roomWith(ben)), 0);
    });

    test('equal, missing or malformed ids: 400', async () => {
      for (const body of [{}, { user1: anna.id }, { user2: anna.id },
                          { user1: anna.id, user2: anna.id },
                          { user1: anna.id, user2: Number(anna.id) },
                          { user1: anna.id, user2: 'x' },
                          { user1: anna.id, user2: '01' },
                          { user1: anna.id, user2: 1.5 },
                          { user1: anna.id, user2: -1 },
                          { user1: anna.id, user2: 0 },
                          { user1: anna.id, user2: null },
                          { user1: anna.id, user2: [ben.id] },
                          { user1: anna.id, user2: '' },
                          { user1: anna.id, user2: `${ben.id}\u0000` },
                          { user1: anna.id, user2: ` ${ben.id}` },
                          { user1: anna.id, user2: 1e30 }, [], 'x', null, 1]) {
        const reply = await anna.request('/room', {
          method: 'POST', body: JSON.stringify(body),
          headers: { 'Content-Type': 'application/json' } });
        assertError(reply, 400, JSON.stringify(body));
      }
    });

    test('an unknown user: 404', async () => {
      assertError(await room(anna, anna.id, '999999'), 404);
      assert.equal(await redis.sismember(`user:${anna.id}:rooms`,
                                         `${anna.id}:999999`), 0);
    });
  });

  describe('/rooms/:userId', () => {
    test('General first, private rooms once something was said', async () => {
      const [a, b] = [await user(server), await user(server)];
      assert.deepEqual(assertJson(await a.get(`/rooms/${a.id}`), 200),
                       [{ id: '0', names: ['General'] }]);
      await room(a, a.id, b.id);
      assert.equal((await a.get(`/rooms/${a.id}`)).json.length, 1);

      const id = a.roomWith(b);
      await seedMessages(redis, id, 1, a.id);
      const expected = { id, names: [a.name, b.name] };
      for (const session of [a, b]) {
        assert.deepEqual((await session.get(`/rooms/${session.id}`)).json,
                         [{ id: '0', names: ['General'] }, expected]);
      }
    });

    test('named rooms have one name', async () => {
      const a = await user(server);
      await redis.set('room:tea:name', 'Tea & "more"');
      await redis.sadd(`user:${a.id}:rooms`, 'tea');
      const rooms = (await a.get(`/rooms/${a.id}`)).json;
      assert.deepEqual(rooms[0], { id: '0', names: ['General'] });
      assert.deepEqual(rooms.slice(1),
                       [{ id: 'tea', names: ['Tea & "more"'] }]);
    });

    test('the own id only: 403', async () => {
      assertError(await anna.get(`/rooms/${ben.id}`), 403);
      for (const id of ['999999', 'x', '0', `0${anna.id}`, '-1']) {
        const reply = await anna.get(`/rooms/${id}`);
        assert.ok([403, 404].includes(reply.status), `${id} ${reply.status}`);
        assertError(reply, reply.status);
      }
    });

    test('odd members of the set harm nothing', async () => {
      const a = await user(server);
      await redis.sadd(`user:${a.id}:rooms`, '1:2:3', 'x y', '', '0:name',
                       `${a.id}:999999`, `${a.id}:${a.id}`, '5:4', 'a\u0000');
      const reply = await a.get(`/rooms/${a.id}`);
      assert.deepEqual(assertJson(reply, 200),
                       [{ id: '0', names: ['General'] }]);
    });
  });

  describe('/room/:id/preload', () => {
    test('General, without a session, the newest 20', async () => {
      const fresh = await start({ workers: 1, chat: NO_RATE });
      try {
        assert.deepEqual(
          assertJson(await request(fresh, '/room/0/preload'), 200),
          { id: '0', name: 'General', messages: [] });
        await seedMessages(fresh.redis.client, '0', 30);
        const body = (await request(fresh, '/room/0/preload')).json;
        assert.deepEqual(body.messages.map((m) => m.message),
                         Array.from({ length: 20 }, (_, i) => `old ${29 - i}`));
        assert.deepEqual(Object.keys(body).sort(), ['id', 'messages', 'name']);
      } finally {
        await fresh.stop();
      }
    });

    test('any other room: 404, also for its members', async () => {
      for (const id of [anna.roomWith(ben), 'tea', '1', '00', '%30%30',
                        '0:name']) {
        assertError(await anna.get(`/room/${id}/preload`), 404, id);
      }
      assert.equal((await anna.get('/room/%30/preload')).json.id, '0');
    });
  });

  describe('/room/:id/messages', () => {
    let mine;
    before(async () => {
      mine = await seedRoom(redis, anna.id, ben.id);
      await redis.del(`room:${mine}`);
      await seedMessages(redis, mine, 1100, anna.id);
    });

    const get = async (query, id = mine) =>
      assertJson(await anna.get(`/room/${id}/messages${query}`), 200, query);
    const numbers = (list) => list.map((m) => Number(m.message.slice(4)));
    const range = (from, to) => Array.from(
      { length: Math.abs(to - from) + 1 },
      (_, i) => from + (to > from ? i : -i));

    test('shape', async () => {
      const [message] = await get('?offset=0&size=1');
      assert.deepEqual(message, {
        id: '1600001099.000000', from: anna.id, date: 1600001099,
        message: 'old 1099', roomId: mine });
    });

    test('newest first, exactly size, 15 by default', async () => {
      assert.deepEqual(numbers(await get('')), range(1099, 1085));
      assert.deepEqual(numbers(await get('?offset=0&size=15')),
                       range(1099, 1085));
      assert.deepEqual(numbers(await get('?size=1')), [1099]);
      assert.deepEqual(numbers(await get('?offset=15&size=15')),
                       range(1084, 1070));
      assert.deepEqual(numbers(await get('?offset=1090&size=15')),
                       range(9, 0));
      assert.deepEqual(await get('?offset=1100&size=15'), []);
      assert.deepEqual(await get('?offset=999999999'), []);
      assert.deepEqual(await get('?size=0'), []);
    });

    test('more than 1,000 is cut to 1,000', async () => {
      for (const size of ['1000', '1001', '999999999']) {
        assert.deepEqual(numbers(await get(`?size=${size}`)),
                         range(1099, 100));
      }
    });

    test('what is no decimal number: 400', async () => {
      for (const bad of ['abc', '-1', '1e3', '', '1.5', '+1', ' 1', '0x10',
                         '1234567890', '1%00', 'NaN', '1,2', '%31x', '１']) {
        for (const name of ['offset', 'size']) {
          const reply = await anna.get(
            `/room/${mine}/messages?${name}=${encodeURI(bad)
              .replaceAll('%25', '%')}`);
          assertError(reply, 400, `${name}=${bad}`);
        }
      }
    });

    test('by position', async () => {
      assert.deepEqual(
        numbers(await get('?before=1600000100.000000&size=5')),
        range(99, 95));
      assert.deepEqual(numbers(await get('?before=1600000100&size=3')),
                       range(99, 97));
      assert.deepEqual(numbers(await get('?before=1600000100')),
                       range(99, 85));
      assert.deepEqual(numbers(await get('?after=1600000100&size=5')),
                       range(101, 105));
      assert.deepEqual(numbers(await get('?after=1600001097.5&size=5')),
                       [1098, 1099]);
      assert.deepEqual(await get('?after=1600001099&size=5'), []);
      assert.deepEqual(await get('?before=1600000000'), []);
      assert.deepEqual(await get('?before=0'), []);
      for (const bad of ['x', '', '-1', '1e9', '1.1234567', '(1', 'inf',
                         '%281', '1.', '.5']) {
        assertError(await anna.get(`/room/${mine}/messages?before=${bad}`),
                    400, `before=${bad}`);
        assertError(await anna.get(`/room/${mine}/messages?after=${bad}`),
                    400, `after=${bad}`);
      }
    });

    test('pages by position walk through all of it once', async () => {
      let all = [];
      let page = await get('?size=300');
      while (page.length) {
        all = all.concat(page);
        page = await get(`?before=${page.at(-1).id}&size=300`);
      }
      assert.deepEqual(numbers(all), range(1099, 0));
      let newer = [];
      page = await get('?after=0&size=400');
      while (page.length) {
        newer = newer.concat(page);
        page = await get(`?after=${page.at(-1).id}&size=400`);
      }
      assert.deepEqual(numbers(newer), range(0, 1099));
    });

    test('the colon percent-encoded', async () => {
      assert.equal((await get('?size=1', mine.replace(':', '%3A')))[0].roomId,
                   mine);
      assert.equal((await get('?size=1', mine.replace(':', '%3a')))[0].roomId,
                   mine);
    });

    test('who may: members; odd and unknown rooms are 404', async () => {
      assert.equal((await ben.get(`/room/${mine}/messages`)).status, 200);
      const outside = await carl.get(`/room/${mine}/messages`);
      assertError(outside, 403);
      assert.ok(!outside.text.includes('old'));
      assertError(await carl.get(`/room/${mine}/messages?offset=0&size=1`),
                  403);

      await redis.set('room:secret:name', 'Secret');
      await seedMessages(redis, 'secret', 3);
      const named = await carl.get('/room/secret/messages');
      assertError(named, 403);
      await redis.sadd(`user:${carl.id}:rooms`, 'secret');
      assert.equal((await carl.get('/room/secret/messages')).json.length, 3);

      const reversed = mine.split(':').reverse().join(':');
      for (const id of ['0:name', '01:2', '1:2:3', '1%3A2%3A3', '1:', ':1',
                        '%00', `${mine}%00`, '0%00', reversed, 'nosuch', '-1',
                        `${anna.id}:${anna.id}`, '00', 'a%20b', '..',
                        `${anna.id}:999999`, '%2e%2e', 'x'.repeat(65),
                        '1:99999999999999999999']) {
        const reply = await anna.get(`/room/${id}/messages`);
        assert.ok(!reply.text.includes('old '), id);
        // nginx itself has no NUL in a URI, and resolves what is relative
        if (id.includes('%00')) assert.equal(reply.status, 400);
        else if (!/^\.\.$|^%2e/.test(id)) assertError(reply, 404, id);
      }
    });

    test('[] where nothing was said yet', async () => {
      const [a, b] = [await user(server), await user(server)];
      await room(a, a.id, b.id);
      assert.deepEqual((await a.get(`/room/${a.roomWith(b)}/messages`)).json,
                       []);
    });
  });

  test('bodies of /room follow the rules of all bodies', async () => {
    const body = JSON.stringify({ user1: anna.id, user2: ben.id });
    const post = (text, type = 'application/json') => anna.request('/room', {
      method: 'POST', body: text,
      headers: { 'Content-Type': type } });
    assertError(await post(body, 'text/plain'), 415);
    assertError(await post(body.padEnd(65537)), 413);
    assertError(await post('{'), 400);
    assert.equal((await post(body.padEnd(65536))).status, 201);
  });

  test('paths are matched as nginx normalises them, and only whole',
       async () => {
    for (const uri of ['/me?x=1', '/./me', '/x/../me', '//me', '/%6de']) {
      const reply = await raw(server, bytes('GET', uri, {
        Cookie: anna.cookie, Connection: 'close' }));
      assert.ok(reply.text.endsWith(
        JSON.stringify({ id: anna.id, username: anna.name })), uri);
    }
    for (const uri of ['/me/', '/ME', '/users/online/', '/rooms/', '/room/',
                       '/room/0', '/room/0/messages/', '/room//messages']) {
      const reply = await anna.get(uri);
      assert.ok(reply.status === 404 || reply.text === '<p>the client',
                `${uri} ${reply.status} ${reply.text}`);
    }
  });

  test('keep-alive and pipelined requests', async () => {
    const headers = { Cookie: anna.cookie };
    const text = bytes('GET', '/me', headers)
      + bytes('GET', '/room/0/preload', headers)
      + bytes('POST', '/room', { ...headers, 'Content-Length': 2,
                                 'Content-Type': 'application/json' }, '{}')
      + bytes('GET', '/me', { ...headers, Connection: 'close' });
    const reply = await raw(server, text);
    assert.deepEqual(reply.text.match(/HTTP\/1\.1 \d+/g), [
      'HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400', 'HTTP/1.1 200']);
  });
});

describe('demo data', () => {
  test('is made once, even when workers and hosts start together', async () => {
    const server = await start({ workers: 3, hosts: 2, demoData: true,
                                 chat: NO_RATE });
    try {
      const redis = server.redis.client;
      await until(async () => (await redis.zcard('room:0')) === 5,
                  'General has five messages', 40000);
      assert.equal(await redis.get('total_users'), '4');
      const names = ['Pablo', 'Joe', 'Mary', 'Alex'];
      const sessions = [];
      for (const name of names) {
        const session = await user(server, name, 'password123');
        assert.equal(session.id, (await redis.get(`username:${name}`))
          .slice(5));
        sessions.push(session);
      }
      assert.deepEqual(sessions.map((s) => s.id).sort(), ['1', '2', '3', '4']);
      const pablo = sessions[0];
      const rooms = (await pablo.get(`/rooms/${pablo.id}`)).json;
      assert.equal(rooms.length, 4);
      assert.deepEqual(rooms[0], { id: '0', names: ['General'] });
      for (const { id } of rooms) {
        const messages = (await pablo.get(`/room/${id}/messages`)).json;
        assert.ok(messages.length >= 1, id);
        for (const message of messages) {
          assert.deepEqual(Object.keys(message).sort(),
                           ['date', 'from', 'id', 'message', 'roomId']);
          const age = Date.now() / 1000 - message.date;
          assert.ok(age > -5 && age < 1500, `${age} s old`);
        }
        assert.deepEqual(messages.map((m) => m.date),
                         messages.map((m) => m.date).sort((a, b) => b - a));
      }
      const preload = (await request(server, '/room/0/preload')).json;
      assert.equal(preload.messages.length, 5);
      assert.ok(new Set(preload.messages.map((m) => m.date)).size > 1);
    } finally {
      await server.stop();
    }
  });

  test('is left alone where there are users', async () => {
    const server = await start({ demoData: true, chat: NO_RATE,
                                 seed: (r) => seedUsers(r, ['Solo']) });
    try {
      await user(server, 'Solo', 'password123');
      assert.equal(await server.redis.client.get('total_users'), '1');
      assert.equal(await server.redis.client.exists('room:0'), 0);
    } finally {
      await server.stop();
    }
  });
});
