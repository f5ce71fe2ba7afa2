// Names: what a new one may be, that no two are alike, and that those which are
// there stay as they are.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { PASSWORD, seedUsers } from './lib/data.mjs';
import { Session, assertError, uniqueName } from './lib/http.mjs';
import { NO_RATE, start, until } from './lib/server.mjs';

const [NFC, NFD] = ['NFC', 'NFD'].map((form) => 'José'.normalize(form));

describe('names', () => {
  let server;
  let redis;

  before(async () => {
    server = await start({ chat: NO_RATE, hosts: 2, demoData: true,
                           http: 'chat_password_scheme bcrypt;' });
    redis = server.redis.client;
    await until(() => redis.exists('total_users'), 'the demo is there', 15000);
  });

  after(() => server.stop());

  const logIn = (username, password = PASSWORD, host = 0) =>
    new Session({ ...server, url: server.hosts[host].url })
      .logIn(username, password);

  const made = async (name) => {
    const reply = await logIn(name);
    assert.equal(reply.status, 201, `${name}: ${reply.text}`);
    return reply.json;
  };

  const taken = async (name, host) => assert.match(
    assertError(await logIn(name, PASSWORD, host), 409, name),
    /looks like one that somebody has/);

  test('the demo\'s users have theirs', async () => {
    for (const name of ['pablo', 'PABLO', 'PabIo', 'P\u0430blo', 'Pabl0',
                        'rnary', 'J\u043ee', 'alex']) {
      await taken(name);
      assert.equal(await redis.exists(`username:${name}`), 0);
    }
    const pablo = await logIn('Pablo', 'password123');
    assert.deepEqual([pablo.status, pablo.json.id], [200, '1']);
  });

  test('a new one like another is refused, and leaves nothing behind',
       async () => {
    const name = uniqueName('Gil');
    await made(name);
    const keys = (await redis.keys('user:*')).length;
    for (const other of [name.toLowerCase(), name.toUpperCase(),
                         name.replace('Gil', 'GiI'),
                         name.replace('Gil', 'Gi1'),
                         name.replace('i', '\u0456')]) {
      await taken(other);
      assert.equal(await redis.exists(`username:${other}`), 0);
    }
    assert.equal((await redis.keys('user:*')).length, keys);
    assert.equal((await logIn(name)).status, 200);
    assertError(await logIn(name, 'wrong'), 404);
  });

  test('NFD and NFC are one name, kept in NFC', async () => {
    const [composed, apart] = [NFC, NFD].map((base) =>
      `${base} ${process.pid}`);
    const { id, username } = await made(apart);
    assert.equal(username, composed);
    assert.equal(await redis.get(`username:${composed}`), `user:${id}`);
    assert.equal(await redis.exists(`username:${apart}`), 0);
    assert.equal(await redis.hget(`user:${id}`, 'username'), composed);
    for (const form of [composed, apart]) {
      const reply = await logIn(form);
      assert.deepEqual([reply.status, reply.json.id], [200, id]);
    }
  });

  test('characters that can\'t be seen', async () => {
    for (const code of [
      0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x180b, 0x180e, 0x180f,
      0x200b, 0x200c, 0x200d, 0x200e, 0x202a, 0x202e, 0x2028, 0x2060, 0x2066,
      0x206f, 0x2800, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0x1d173,
      0xe0001, 0xe0041, 0xe007f, 0xe0100, 0x00, 0x07, 0x0a, 0x7f, 0x85, 0xa0,
      0x3000, 0xe000, 0x10ffff]) {
      const name = `in${String.fromCodePoint(code)}visible`;
      const reply = await logIn(name);
      assert.match(assertError(reply, 400, code.toString(16)), /invisible/);
      assert.equal(await redis.exists(`username:${name}`), 0);
    }
    for (const name of ['a  b', ' a', 'a ', '\u0301x', 'x'.repeat(33)]) {
      assertError(await logIn(name), 400, JSON.stringify(name));
    }
    await made(`\u2764\ufe0f ${process.pid}`);
    await taken(`\u2764 ${process.pid}`);
  });

  test('/randomname keeps away from what looks taken', async () => {
    // all of its names, spelt so that only their looks tell
    const source = fs.readFileSync(new URL(
      '../../ngx_chat_module/http/ngx_http_chat_randomname.c',
      import.meta.url), 'utf8');
    const names = /names\[\] = \{(.*?)\};/s.exec(source)[1]
      .match(/(?<=")\w+(?=")/g);
    assert.ok(names.length > 100);
    const suggest = async () => (await new Session(server)
      .get('/randomname')).text;
    assert.match(await suggest(), /^[A-Z][a-z]+$/);
    const looks = names.map((name) =>
      `chat:name:${name.toLowerCase().replaceAll('m', 'rn')}`);
    await redis.mset(looks.flatMap((key) => [key, 'user:1']));
    assert.match(await suggest(), /^[A-Z][a-z]+\d+$/);
    await redis.del(looks);
  });

  test('of many at once one gets it, on two hosts', async () => {
    for (let round = 0; round < 2; round++) {
      const name = uniqueName('Lasse');
      const forms = [name, name.toLowerCase(), name.toUpperCase(),
                     name.replace('a', '\u0430')];
      const replies = await Promise.all(forms.flatMap((form) =>
        [logIn(form, PASSWORD, 0), logIn(form, PASSWORD, 1)]));
      const statuses = replies.map(({ status }) => status).sort();
      // one makes it, its twin logs in, the others are refused
      assert.deepEqual(statuses, [200, 201, 409, 409, 409, 409, 409, 409]);
      const ids = replies.filter(({ status }) => status < 300)
        .map(({ json }) => json.id);
      assert.equal(ids[0], ids[1]);
      const keys = await redis.mget(forms.map((form) => `username:${form}`));
      assert.deepEqual(keys.filter(Boolean), [`user:${ids[0]}`]);
    }
  });

  test('accounts that other servers have made log in as they are', async () => {
    const odd = [`${NFD} of old`, 'o\u200bdd one', ' spaced  out ',
                 'x'.repeat(100), 'P\u0430blo of old', 'pablo of old',
                 'caf\u0065\u0301', '\u202eback', 'a\u3164b'];
    await seedUsers(redis, odd);
    const ids = await redis.mget(odd.map((name) => `username:${name}`));
    for (let round = 0; round < 2; round++) {
      for (const [i, name] of odd.entries()) {
        const reply = await logIn(name);
        assert.equal(reply.status, 200, name);
        assert.equal(`user:${reply.json.id}`, ids[i], name);
        assert.equal(reply.json.username, name);
        assertError(await logIn(name, 'wrong'), 404, name);
      }
    }
    assert.deepEqual(await redis.mget(odd.map((n) => `username:${n}`)), ids);

    // who has both spellings logs in to each
    await seedUsers(redis, [`${NFC} of old`]);
    const both = [await logIn(odd[0]), await logIn(`${NFC} of old`)];
    assert.deepEqual(both.map(({ status }) => status), [200, 200]);
    assert.notEqual(both[0].json.id, both[1].json.id);

    // seen at a log-in, they are known
    await taken('odd one');
    await taken('P\u0430bI\u043e of old');
  });

  test('of names that never logged in here the spellings are known',
       async () => {
    const names = ['Nadia of yore', 'nadja of yore', 'NADYA OF YORE',
                   `${NFD} of yore`];
    await seedUsers(redis, names);
    await taken('nadia of yore');
    await taken('NADJA OF YORE');
    await taken('nadya of yore');
    const id = await redis.get(`username:${names[3]}`);
    assert.equal(`user:${(await logIn(names[3])).json.id}`, id);
    await taken(`${NFC} of yore`);
  });
});
