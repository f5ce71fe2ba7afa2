// Others on the same Redis: the demo's data as it lies there, and envelopes of
// other servers on MESSAGES.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { PASSWORD, seedMessages, seedRoom, seedUsers } from './lib/data.mjs';
import { EventStream, Session, assertError, user, users } from './lib/http.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';

describe('data of the demo\'s servers', () => {
  let server;
  let redis;
  let pablo;
  let joe;
  const start_ = 1600000000;
  before(async () => {
    server = await start({ chat: NO_RATE, seed: async (r) => {
      await seedUsers(r, ['Pablo', 'Joe', 'Mary', 'Alex']);
      // what Python's bcrypt and Node's bcrypt write
      await r.hset('user:3', 'password',
        '$2b$10$DDjI4PySpBE6PWDYEtMK4OlxsJXMGnnu2N3/viXL9JDpwHtEKXFsK');
      await seedMessages(r, '0', 5, 1);
    } });
    redis = server.redis.client;
    pablo = await user(server, 'Pablo', PASSWORD);
    joe = await user(server, 'Joe', PASSWORD);
  });
  after(() => server.stop());

  test('users log in with their bcrypt hashes, and only with the password',
       async () => {
    assert.equal(pablo.id, '1');
    assert.equal((await user(server, 'Mary', PASSWORD)).id, '3');
    for (const password of ['password124', 'password12', '', 'Password123',
                            'password123 ']) {
      const reply = await new Session(server).logIn('Joe', password);
      assert.ok([400, 404].includes(reply.status), password);
    }
    const hash = await redis.hget('user:2', 'password');
    for (const kind of ['$2a$', '$2y$']) {
      await redis.hset('user:4', 'password', hash.replace('$2b$', kind));
      assert.equal((await new Session(server).logIn('Alex', PASSWORD)).status,
                   200, kind);
    }
  });

  test('hashes that are none let nobody in, and break nothing', async () => {
    for (const hash of ['', 'password123', '*', '$2b$', '$2b$10$short',
                        '$argon2id$', '$argon2id$v=19$m=4294967295,t=1,p=1$'
                        + 'AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAA',
                        '$1$abc$x', 'x'.repeat(5000), '$2b$99$'.padEnd(60, 'a'),
                        '$2b$31$'.padEnd(60, 'a')]) {
      await redis.hset('user:4', 'password', hash);
      const started = Date.now();
      const reply = await new Session(server).logIn('Alex', 'password123');
      assertError(reply, 404, hash.slice(0, 20));
      assert.ok(Date.now() - started < 5000, hash.slice(0, 20));
    }
    await redis.hdel('user:4', 'password');
    assertError(await new Session(server).logIn('Alex', 'x'), 404);
    await redis.set('username:Ghost', 'user:4444');
    assertError(await new Session(server).logIn('Ghost', 'x'), 404);
    await redis.set('username:Odd', 'nonsense');
    const odd = await new Session(server).logIn('Odd', 'x');
    assert.ok(odd.status >= 400, String(odd.status));
  });

  test('messages: integer scores, numbers, floats, capitals, no JSON',
       async () => {
    const room = await seedRoom(redis, '1', '2');
    const members = [
      [start_, '{"from": "1", "date": 1600000000, "message": "string from", '
        + '"roomId": "1:2"}'],
      [start_ + 1, '{"from": 2, "date": 1600000001, "message": "number from", '
        + '"roomId": "1:2"}'],
      [start_ + 2, '{"from":"1","date":1600000002.75,"message":"float date",'
        + '"roomId":"1:2"}'],
      [start_ + 3, '{"From":"2","Date":1600000003,"Message":"capitals",'
        + '"RoomId":"1:2"}'],
      [start_ + 4, 'no JSON'], [start_ + 4, ''], [start_ + 4, '{}'],
      [start_ + 4, '[]'], [start_ + 4, 'null'], [start_ + 4, '"x"'],
      [start_ + 4, '{"from":"1"'], [start_ + 4, Buffer.from('ff00fe', 'hex')],
      [start_ + 5, '{"message":"other order","roomId":"1:2","date":1600000005,'
        + '"from":"1","extra":{"a":[1]}}'],
      [start_ + 6, '{"from":1,"date":1600000006,"message":"\\u003cb\\u003e '
        + '\\ud83d \\u0000 &lt;","roomId":"1:2"}'],
      [start_ + 7, '{"from":"1","date":"1600000007","message":"string date",'
        + '"roomId":"1:2"}'],
    ];
    for (const [score, member] of members) {
      await redis.zadd(`room:${room}`, score, member);
    }
    const list = (await joe.get(`/room/${room}/messages?size=100`)).json
      .reverse();
    const expected = [[0, '1', 'string from'], [1, '2', 'number from'],
                      [2, '1', 'float date'], [3, '2', 'capitals'],
                      [5, '1', 'other order'], [6, '1', '<b> \ud83d \0 &lt;'],
                      [7, '1', 'string date']]
      .map(([n, from, message]) => ({
        id: `${start_ + n}.000000`, from, date: start_ + n, message,
        roomId: room }));
    assert.deepEqual(list.filter((m) => m.message !== 'string date'
                                 && m.message !== 'float date'),
                     expected.filter((m) => m.message !== 'string date'
                                     && m.message !== 'float date'));
    const float = list.find((m) => m.message === 'float date');
    assert.equal(Math.floor(float.date), start_ + 2);
    assert.equal(float.from, '1');
    // what is skipped doesn't shorten a page
    assert.equal((await joe.get(`/room/${room}/messages?size=5`)).json.length,
                 5);
    // a new message comes behind the old ones
    const a = await connect(pablo);
    const ack = await a.send(room, 'new');
    assert.ok(Number(ack.id) > start_ + 7);
    const [newest] = (await joe.get(`/room/${room}/messages?size=1`)).json;
    assert.equal(newest.message, 'new');
    await closeAll(a);
  });

  test('equal scores page whole and in one order', async () => {
    const room = await seedRoom(redis, '1', '3');
    for (let i = 0; i < 40; i++) {
      await redis.zadd(`room:${room}`, start_, JSON.stringify({
        from: '1', date: start_, message: `same ${i}`, roomId: room }));
    }
    const all = (await pablo.get(`/room/${room}/messages?size=100`)).json;
    assert.equal(all.length, 40);
    const pages = [];
    for (let offset = 0; offset < 40; offset += 7) {
      pages.push(...(await pablo.get(
        `/room/${room}/messages?offset=${offset}&size=7`)).json);
    }
    assert.deepEqual(pages, all);
  });

  test('a score in the future stays below what comes after it', async () => {
    const room = await seedRoom(redis, '1', '4');
    const future = Math.floor(Date.now() / 1000) + 3600;
    await redis.zadd(`room:${room}`, future, JSON.stringify({
      from: '4', date: future, message: 'clock ahead', roomId: room }));
    const a = await connect(pablo);
    const ack = await a.send(room, 'later all the same');
    assert.ok(Number(ack.id) > future);
    const list = (await pablo.get(`/room/${room}/messages`)).json;
    assert.deepEqual(list.map((m) => m.message),
                     ['later all the same', 'clock ahead']);
    await closeAll(a);
  });

  test('General and the private rooms of the demo', async () => {
    const preload = (await joe.get('/room/0/preload')).json;
    assert.deepEqual(preload.messages.map((m) => [m.from, m.message]),
                     [4, 3, 2, 1, 0].map((i) => ['1', `old ${i}`]));
    const rooms = (await pablo.get('/rooms/1')).json;
    assert.deepEqual(rooms[0], { id: '0', names: ['General'] });
    assert.deepEqual(rooms.find((r) => r.id === '1:2'),
                     { id: '1:2', names: ['Pablo', 'Joe'] });
  });
});

describe('envelopes of other servers', () => {
  let server;
  let redis;
  let anna;
  let ben;
  let carl;
  let a;
  let b;
  let c;
  let streamOfCarl;
  before(async () => {
    server = await start({ workers: 2, chat: NO_RATE });
    redis = server.redis.client;
    [anna, ben, carl] = await users(server, 3);
    a = await connect(anna, { transports: ['websocket'] });
    b = await connect(ben, { transports: ['polling'] });
    c = await connect(carl, { transports: ['websocket'] });
    streamOfCarl = await EventStream.open(carl, '/events');
    await seedRoom(redis, anna.id, ben.id);
  });
  after(async () => {
    streamOfCarl.close();
    await closeAll(a, b, c);
    await server.stop();
  });

  let count = 0;
  const publish = (envelope) => redis.publish('MESSAGES',
    typeof envelope === 'string' || Buffer.isBuffer(envelope)
      ? envelope : JSON.stringify(envelope));
  // something that everybody gets: whatever was to come before it has come
  const fence = async () => {
    const text = `fence ${count++}`;
    await a.send('0', text);
    for (const client of [a, b, c]) await client.waitForText(text);
    await streamOfCarl.waitFor((e) => e.data.message === text, text);
  };
  const message = (roomId, text, more = {}) => ({
    from: ben.id, date: Math.floor(Date.now() / 1000), message: text, roomId,
    ...more });

  test('a message to General comes to all, without an id', async () => {
    await publish({ serverId: '10.0.0.1:4000', type: 'message',
                    data: message('0', 'from elsewhere') });
    for (const client of [a, b, c]) {
      const got = await client.waitForText('from elsewhere');
      assert.equal(got.from, ben.id);
      assert.equal(got.roomId, '0');
      assert.equal(typeof got.date, 'number');
      for (const key of Object.keys(got)) {
        assert.ok(['id', 'from', 'date', 'message', 'roomId'].includes(key));
      }
    }
  });

  test('and to a private room to the two only', async () => {
    const room = anna.roomWith(ben);
    await publish({ serverId: 'x', type: 'message',
                    data: message(room, 'psst') });
    await a.waitForText('psst');
    await b.waitForText('psst');
    await fence();
    assert.deepEqual(c.texts(room), []);
    assert.ok(!JSON.stringify(streamOfCarl.events).includes('psst'));
  });

  test('a number as serverId or from, none at all, Data as a JSON string, '
       + 'capitals', async () => {
    const cases = [
      { serverId: 161160.5, type: 'message', data: message('0', 'e1') },
      { type: 'message', data: message('0', 'e2') },
      { serverId: 'x', type: 'message',
        data: message('0', 'e3', { from: Number(ben.id) }) },
      { ServerId: 'x', Type: 'message',
        Data: JSON.stringify(message('0', 'e4')) },
      { serverId: 'x', type: 'message',
        Data: JSON.stringify({ From: ben.id, Date: 1600000000, Message: 'e5',
                               RoomId: '0' }) },
      { serverId: 'x', type: 'message', data: message('0', 'e6'), more: 1 },
      { serverId: 'x', type: 'message', data: message(0, 'e7') },
    ];
    for (const [i, envelope] of cases.entries()) {
      await publish(envelope);
      for (const client of [a, b, c]) {
        const got = await client.waitForText(`e${i + 1}`);
        assert.equal(got.from, ben.id, JSON.stringify(envelope));
        assert.equal(got.roomId, '0');
      }
    }
  });

  test('user.connected, user.disconnected', async () => {
    await publish({ serverId: 'x', type: 'user.connected',
                    data: { id: 4711, username: 'Elsewhere', online: true } });
    for (const client of [a, b, c]) {
      assert.deepEqual(await client.waitFor('user.connected',
                                            (u) => u.id === '4711'),
                       { id: '4711', username: 'Elsewhere', online: true });
    }
    await publish({ serverId: 'x', type: 'user.disconnected',
                    data: { id: '4711', username: 'Elsewhere',
                            online: false } });
    await a.waitFor('user.disconnected', (u) => u.id === '4711');
  });

  test('show.room: nested names are flattened, and only the two get it',
       async () => {
    const room = anna.roomWith(ben);
    await publish({ serverId: 'x', type: 'show.room',
                    data: { id: room, names: [[anna.name], [ben.name]] } });
    for (const client of [a, b]) {
      assert.deepEqual(await client.waitFor('show.room'),
                       { id: room, names: [anna.name, ben.name] });
    }
    await fence();
    assert.deepEqual(c.of('show.room'), []);
    assert.ok(!streamOfCarl.events.some((e) => e.event === 'show.room'));
  });

  test('garbage is dropped', async () => {
    await fence();
    const before = [a, b, c].map((client) => client.seen.length);
    const room = anna.roomWith(ben);
    const garbage = [
      '', 'x', '{', 'null', '[]', '"x"', '5', '{}', Buffer.from('ff00', 'hex'),
      '{"serverId":"x","type":"message"}',
      { serverId: 'x', type: 'message', data: null },
      { serverId: 'x', type: 'message', data: [] },
      { serverId: 'x', type: 'message', data: 'no JSON' },
      { serverId: 'x', type: 'message', data: '"x"' },
      { serverId: 'x', type: 'message', data: {} },
      { serverId: 'x', type: 'message', data: { message: 'x' } },
      { serverId: 'x', type: 'message', data: message(room, { a: 1 }) },
      { serverId: 'x', type: 'message', data: message({}, 'x') },
      { serverId: 'x', type: 'message', data: message('1:2:3', 'x') },
      { serverId: 'x', type: 'message', data: message('0\u0000', 'x') },
      { serverId: 'x', type: 'message',
        data: message('0', 'x', { from: { id: '1' } }) },
      { serverId: 'x', type: 'disconnect', data: {} },
      { serverId: 'x', type: 'connect', data: {} },
      { serverId: 'x', type: 'unknown', data: message('0', 'x') },
      { serverId: 'x', type: 5, data: message('0', 'x') },
      { serverId: 'x', type: 'user.connected', data: { online: true } },
      { serverId: 'x', type: 'user.connected', data: { id: [], username: 1 } },
      { serverId: 'x', type: 'show.room', data: { id: '0', names: ['x'] } },
      { serverId: 'x', type: 'show.room', data: { id: room } },
      { serverId: 'x', type: 'show.room', data: { id: room, names: 5 } },
      `{"serverId":"x","type":"message","data":${'['.repeat(50000)}${
        ']'.repeat(50000)}}`,
      'x'.repeat(2000000),
    ];
    for (const envelope of garbage) await publish(envelope);
    await fence();
    [a, b, c].forEach((client, i) => {
      assert.deepEqual(client.seen.slice(before[i]).map((e) => [e.name, e.data])
        .filter(([, data]) => !/^fence/.test(data.message)), []);
      assert.equal(client.socket.connected, true);
    });
    assert.equal((await anna.get('/me')).status, 200);
  });

  test('our own envelopes again are replays, and dropped', async () => {
    const envelopes = await server.redis.listen('MESSAGES');
    const room = anna.roomWith(ben);
    for (let i = 0; i < 3; i++) await a.send(room, `own ${i}`);
    await b.waitForText('own 2');
    await until(() => envelopes.length >= 3, 'envelopes');
    for (const text of envelopes.slice()) await publish(text);
    // ours without an id, or with one of the past, isn't ours
    const { serverId } = JSON.parse(envelopes[0]);
    await publish({ serverId, type: 'message',
                    data: message(room, 'forged') });
    await publish({ serverId, type: 'message',
                    data: message(room, 'forged', { id: '1.000000' }) });
    await fence();
    await sleep(100);
    for (const client of [a, b]) {
      const own = client.texts(room).filter((t) => /own|forged/.test(t));
      assert.deepEqual(own, ['own 0', 'own 1', 'own 2']);
    }
  });

  // a hole, or what looks like one, ends the streams
  const resumed = async () => {
    await until(() => streamOfCarl.closed, 'the stream ends');
    streamOfCarl = await EventStream.open(carl, '/events');
  };

  test('a date in the future silences nobody', async () => {
    const room = anna.roomWith(ben);
    const second = Math.floor(Date.now() / 1000);
    for (const roomId of ['0', room]) {
      for (const [i, date] of [second + 3600, second + 3, Date.now(), 9e15,
                               1e300].entries()) {
        // in no history: so it may be anything
        await publish({ serverId: 'x', type: 'message',
                        data: message(roomId, `forged ${i}`, { date }) });
        const text = `behind ${roomId} ${i}`;
        assert.equal((await a.send(roomId, text)).ok, true);
        for (const client of [a, b]) await client.waitForText(text);
      }
    }
    const stream = await EventStream.open(ben, '/events');
    assert.equal((await a.send('0', 'to a new stream')).ok, true);
    await stream.waitFor((e) => e.data.message === 'to a new stream', 'it');
    stream.close();
    await resumed();
  });

  // the demo's servers take the date, which is the score, from their clients
  test('one of a clock that is ahead comes once, and what is said after it',
       async () => {
    const future = Math.floor(Date.now() / 1000) + 300;
    const roomId = ben.roomWith(carl);
    await b.send(roomId, 'before');
    for (const i of [0, 1]) {
      const data = message(roomId, `ahead ${i}`, { date: future + i });
      await redis.zadd(`room:${roomId}`, future + i, JSON.stringify(data));
      await publish({ serverId: 'x', type: 'message', data });
      if (i) await b.send(roomId, 'after');
    }
    await c.waitForText('after');
    await b.waitForText('after');
    await resumed();
    await fence();
    for (const client of [b, c]) {
      assert.deepEqual(client.texts(roomId),
                       ['before', 'ahead 0', 'ahead 1', 'after']);
    }
  });

  test('other channels are not listened to', async () => {
    await redis.publish('messages', JSON.stringify({
      serverId: 'x', type: 'message', data: message('0', 'wrong channel') }));
    await fence();
    assert.ok(!a.texts().includes('wrong channel'));
  });

  test('a user of another server is seen online', async () => {
    const [other] = await seedUsers(redis, ['OnTheNodeServer']);
    await redis.sadd('online_users', other.id);
    assert.deepEqual((await anna.get('/users/online')).json[other.id],
                     { id: other.id, username: other.name, online: true });
    await redis.srem('online_users', other.id);
  });
});
