// People talk: socket.io clients over every transport, two and more workers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { RedisGate } from './lib/fake.mjs';
import { EventStream, WorkerAgent, uniqueName, user, users }
  from './lib/http.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { TRANSPORTS, closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, frame } from './lib/websocket.mjs';

let server;
let redis;
before(async () => {
  server = await start({ workers: 2, chat: NO_RATE });
  redis = server.redis.client;
});
after(() => server.stop());

// an agent whose every connection goes to the n-th worker
const on = (n) => {
  const pid = server.workerPids()[n];
  return { agent: new WorkerAgent(server, () => pid) };
};

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  describe(name, () => {
    test('General and private, two workers, a third user sees nothing',
         async () => {
      const [anna, ben, carl] = [await user(server, uniqueName(name)),
                                 await user(server, uniqueName(name)),
                                 await user(server, uniqueName(name))];
      const sent = [];
      const a = await connect(anna, { transports, ...on(0) });
      const b = await connect(ben, { transports, ...on(1) });
      const c = await connect(carl, { transports, ...on(0) });
      const stream = await EventStream.open(carl, '/events');
      if (name === 'upgrade') {
        await Promise.all([a, b, c].map((x) => x.upgraded()));
      }

      // General
      const before = Math.floor(Date.now() / 1000);
      const ack = await a.send('0', `hello ${name}`);
      assert.equal(ack.ok, true);
      assert.deepEqual(Object.keys(ack).sort(), ['date', 'id', 'ok']);
      assert.match(ack.id, /^\d{10}\.\d{6}$/);
      assert.ok(ack.date >= before && ack.date <= Date.now() / 1000);
      for (const client of [a, b, c]) {
        const got = await client.waitForText(`hello ${name}`);
        assert.deepEqual(got, { id: ack.id, from: anna.id, date: ack.date,
                                message: `hello ${name}`, roomId: '0' });
      }
      await stream.waitFor((e) => e.data.message === `hello ${name}`,
                           'the stream of the third user works');

      // private, both ways; the room was never created
      const room = anna.roomWith(ben);
      for (const [from, other, text] of [[a, b, 'first'], [b, a, 'second'],
                                         [a, b, 'third']]) {
        const reply = await from.send(room, text);
        assert.equal(reply.ok, true, text);
        sent.push(reply.id);
        await other.waitForText(text);
        await from.waitForText(text);
      }
      assert.deepEqual(a.texts(room), ['first', 'second', 'third']);
      assert.deepEqual(b.texts(room), ['first', 'second', 'third']);
      assert.deepEqual(a.messages(room).map((m) => m.id), sent);

      // a message to General behind them: what carl had to get has come
      await b.send('0', `end ${name}`);
      await c.waitForText(`end ${name}`);
      await stream.waitFor((e) => e.data.message === `end ${name}`, 'end');
      assert.deepEqual(c.messages().filter((m) => m.roomId !== '0'), []);
      assert.deepEqual(c.of('show.room'), []);
      const text = JSON.stringify([c.seen, stream.events]);
      assert.ok(!text.includes(`"${room}"`), 'no trace of the room');
      assert.ok(!/first|second|third/.test(text));

      // nor by any route
      const rooms = (await carl.get(`/rooms/${carl.id}`)).json;
      assert.deepEqual(rooms.map((r) => r.id), ['0']);
      for (const route of [`/room/${room}/messages`, `/rooms/${anna.id}`]) {
        assert.equal((await carl.get(route)).status, 403);
      }
      assert.equal((await carl.post('/room', {
        user1: anna.id, user2: ben.id })).status, 403);
      const join = await c.emit('room.join', room);
      assert.deepEqual(Object.keys(join), ['error']);
      const write = await c.send(room, 'intruder');
      assert.equal(write.ok, undefined);
      assert.equal(write.retry, false);
      const preload = (await carl.get('/room/0/preload')).text;
      assert.ok(!preload.includes(room));
      const history = (await anna.get(`/room/${room}/messages`)).json;
      assert.deepEqual(history.map((m) => m.message),
                       ['third', 'second', 'first']);
      assert.deepEqual(history.map((m) => m.id), sent.reverse());
      assert.deepEqual(history[0], a.messages(room)[2]);
      stream.close();
      await closeAll(a, b, c);
    });
  });
}

test('the original client\'s version of the protocol library', async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna, { old: true });
  const b = await connect(ben, { old: true, transports: ['polling'] });
  await a.upgraded();
  await a.emit('room.join', '0');
  assert.equal((await a.send('0', 'from 3.x')).ok, true);
  await b.waitForText('from 3.x');
  await b.send(anna.roomWith(ben), 'and back');
  await a.waitForText('and back');
  await closeAll(a, b);
});

test('messages without an ack count as well', async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b = await connect(ben);
  a.socket.emit('message', { roomId: '0', message: 'no ack', from: anna.id,
                             date: 1 });
  await b.waitForText('no ack');
  await closeAll(a, b);
});

test('the sender is the session\'s user, the date is the server\'s',
     async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b = await connect(ben);
  for (const from of [ben.id, Number(ben.id), null, { id: ben.id }, '0']) {
    const text = uniqueName('spoof');
    const ack = await a.send('0', text, {
      from, date: 1, id: '5.000000', prev: '1', serverId: 'x', user: ben.id,
      __proto__: { a: 1 }, constructor: 1 });
    assert.equal(ack.ok, true);
    const got = await b.waitForText(text);
    assert.equal(got.from, anna.id);
    assert.ok(Math.abs(got.date - Date.now() / 1000) < 5);
    assert.deepEqual(Object.keys(got).sort(),
                     ['date', 'from', 'id', 'message', 'roomId']);
    const [stored] = await redis.zrevrange('room:0', 0, 0);
    assert.deepEqual(Object.keys(JSON.parse(stored)).sort(),
                     ['date', 'from', 'id', 'message', 'roomId']);
  }
  await closeAll(a, b);
});

test('show.room goes to the two, before the first message, but not to the '
     + 'sending connection', async () => {
  const [anna, ben, carl] = await users(server, 3);
  const a1 = await connect(anna, on(0));
  const a2 = await connect(anna, on(1));
  const b1 = await connect(ben, on(0));
  const b2 = await connect(ben, { ...on(1), transports: ['polling'] });
  const c = await connect(carl);
  const room = anna.roomWith(ben);
  await anna.post('/room', { user1: anna.id, user2: ben.id });
  await a1.emit('room.join', room);
  assert.equal((await a1.send(room, 'one')).ok, true);
  assert.equal((await a1.send(room, 'two')).ok, true);
  for (const client of [a1, a2, b1, b2]) await client.waitForText('two');
  const expected = { id: room, names: [anna.name, ben.name] };
  for (const client of [a2, b1, b2]) {
    assert.deepEqual(client.seen.filter((e) => /show|message/.test(e.name))
      .map((e) => [e.name, e.data.message ?? e.data]), [
      ['show.room', expected], ['message', 'one'], ['message', 'two']]);
  }
  assert.deepEqual(a1.of('show.room'), []);
  assert.deepEqual(a1.texts(room), ['one', 'two']);
  await a1.send('0', 'end of show');
  await c.waitForText('end of show');
  assert.deepEqual(c.of('show.room'), []);
  assert.ok(await redis.sismember(`user:${ben.id}:rooms`, room));
  await closeAll(a1, a2, b1, b2, c);
});

test('a message to a pair whose room was never created creates it',
     async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const room = anna.roomWith(ben);
  assert.equal((await a.send(room, 'hi')).ok, true);
  for (const session of [anna, ben]) {
    assert.ok((await session.get(`/rooms/${session.id}`)).json
      .some((r) => r.id === room));
  }
  // not to somebody who does not exist, to oneself, or in the wrong order
  for (const bad of [`${anna.id}:999999`, `${anna.id}:${anna.id}`,
                     `${ben.id}:${anna.id}`, `0${anna.id}:${ben.id}`,
                     `${room}:1`, '1:', 'nosuch', '0:name', '', '00',
                     `${room}\u0000`]) {
    const ack = await a.send(bad, 'never');
    assert.equal(typeof ack.error, 'string', bad);
    assert.equal(ack.retry, false, bad);
    assert.equal(ack.ok, undefined, bad);
    if (bad !== '0:name') {
      assert.equal(await redis.exists(`room:${bad}`), 0, bad);
    }
  }
  await closeAll(a);
});

test('room.join: ack, position, and the messages after one', async () => {
  const [anna, ben, carl] = await users(server, 3);
  const a = await connect(anna, on(0));
  const room = anna.roomWith(ben);
  const ids = [];
  for (let i = 0; i < 25; i++) ids.push((await a.send(room, `m${i}`)).id);

  const b = await connect(ben, on(1));
  assert.deepEqual(await b.emit('room.join', room),
                   { ok: true, id: room, last: ids[24] });
  assert.deepEqual(b.texts(room), []);

  const again = await b.emit('room.join', room, { after: ids[9] });
  assert.equal(again.ok, true);
  assert.equal(again.last, ids[24]);
  assert.equal(again.gap, undefined);
  await until(() => b.texts(room).length >= 15, 'the later messages');
  assert.deepEqual(b.messages(room).map((m) => m.id), ids.slice(10));
  await a.send(room, 'live');
  await b.waitForText('live');
  assert.equal(b.texts(room).length, 16);

  assert.deepEqual(Object.keys(await b.emit('room.join', room,
                                            { after: 'abc' })), ['error']);
  for (const bad of ['nosuch', '0:name', carl.roomWith(anna), null, 5.5, {},
                     [], '', '1:2:3', '\u0000']) {
    const reply = await b.emit('room.join', bad);
    assert.deepEqual(Object.keys(reply), ['error'], String(bad));
    assert.equal(typeof reply.error, 'string');
  }
  // General, as a string and, as some clients do, as a number
  assert.equal((await b.emit('room.join', '0')).ok, true);
  assert.equal((await b.emit('room.join', 0)).ok, true);
  await closeAll(a, b);
});

test('room.join with after while messages flow: all once and in order',
     async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna, on(0));
  const room = anna.roomWith(ben);
  const ids = [];
  let stop = false;
  const talk = (async () => {
    while (!stop) ids.push((await a.send(room, `f${ids.length}`)).id);
  })();
  await until(() => ids.length > 30, 'messages flow');
  for (let round = 0; round < 5; round++) {
    const b = await connect(ben, { ...on(1), transports: ['websocket'] });
    const ack = await b.emit('room.join', room, { after: ids[10] });
    assert.equal(ack.ok, true);
    const known = ids.length + 20;
    await until(() => b.messages(room).at(-1)?.id >= ids[known],
                'catches up and goes on');
    // what was live before the join stands before it; then no more repeats
    const all = b.messages(room).map((m) => m.id);
    const got = all.slice(all.indexOf(ids[11]));
    await until(() => ids.length > 11 + got.length, 'acks');
    assert.deepEqual(got, ids.slice(11, 11 + got.length));
    b.close();
  }
  stop = true;
  await talk;
  await closeAll(a);
});

test('a gap that retention has made is said', async () => {
  const small = await start({ workers: 1,
                              chat: `chat_history_limit 10; ${NO_RATE}` });
  try {
    const [anna, ben] = await users(small, 2);
    const a = await connect(anna);
    const room = anna.roomWith(ben);
    const ids = [];
    for (let i = 0; i < 25; i++) ids.push((await a.send(room, `m${i}`)).id);
    assert.equal(await small.redis.client.zcard(`room:${room}`), 10);
    const b = await connect(ben);
    const gap = await b.emit('room.join', room, { after: ids[3] });
    assert.equal(gap.ok, true);
    assert.equal(gap.gap, true);
    await until(() => b.texts(room).length >= 10, 'what is left');
    assert.deepEqual(b.texts(room),
                     Array.from({ length: 10 }, (_, i) => `m${15 + i}`));
    const c = await connect(ben);
    const whole = await c.emit('room.join', room, { after: ids[16] });
    assert.equal(whole.gap, undefined);
    await closeAll(a, b, c);
  } finally {
    await small.stop();
  }
});

test('the nonce: sent again is the same message', async () => {
  const [anna, ben] = await users(server, 2);
  const a1 = await connect(anna, on(0));
  const a2 = await connect(anna, on(1));
  const b = await connect(ben);
  const nonce = 'n'.repeat(64);
  const first = await a1.send('0', 'once', { nonce });
  const second = await a2.send('0', 'once', { nonce });
  assert.deepEqual(second, first);
  const [third, fourth] = await Promise.all([
    a1.send('0', 'twice', { nonce: 'same' }),
    a2.send('0', 'twice', { nonce: 'same' })]);
  assert.deepEqual(third, fourth);
  // of another user it is another message
  const other = await b.send('0', 'once', { nonce });
  assert.notEqual(other.id, first.id);
  await b.send('0', 'the end');
  for (const client of [a1, a2, b]) await client.waitForText('the end');
  for (const client of [a1, a2]) {
    assert.deepEqual(client.texts('0').filter((t) => /once|twice/.test(t)),
                     ['once', 'twice', 'once']);
    assert.deepEqual(client.messages('0').slice(0, 3).map((m) => m.nonce),
                     [nonce, 'same', undefined]);
  }
  assert.deepEqual(b.messages('0').filter((m) => m.message !== 'the end')
    .map((m) => m.nonce), [undefined, undefined, nonce]);
  const stored = (await redis.zrevrange('room:0', 0, 10)).join('\n');
  assert.ok(!stored.includes('nonce'));
  for (const key of await redis.keys('chat:nonce:*')) {
    const ttl = await redis.ttl(key);
    assert.ok(ttl > 0 && ttl <= 600, `${key} ${ttl}`);
  }
  for (const bad of ['n'.repeat(65), 5, {}, []]) {
    const ack = await a1.send('0', 'bad nonce', { nonce: bad });
    assert.equal(typeof ack.error, 'string', String(bad));
    assert.equal(ack.retry, false);
  }
  await closeAll(a1, a2, b);
});

test('two equal messages in one second are both kept, in order', async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b = await connect(ben);
  const room = anna.roomWith(ben);
  const texts = ['b', 'a', 'a', 'b', 'a', 'z', 'a'];
  const acks = await Promise.all(texts.map((text) => a.send(room, text)));
  assert.equal(new Set(acks.map((x) => x.id)).size, texts.length);
  await until(() => [a, b].every((x) => x.texts(room).length >= texts.length),
              'all');
  assert.deepEqual(b.texts(room), texts);
  assert.deepEqual(a.texts(room), texts);
  const history = (await ben.get(`/room/${room}/messages`)).json;
  assert.deepEqual(history.map((m) => m.message).reverse(), texts);
  assert.deepEqual(history.map((m) => m.id).reverse(), acks.map((x) => x.id));
  await closeAll(a, b);
});

test('text goes through exactly as it came', async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna, { transports: ['websocket'] });
  const b = await connect(ben, { transports: ['websocket'] });
  const c = await connect(ben, { transports: ['polling'] });
  const room = anna.roomWith(ben);
  const texts = [
    '<script>alert("x")</script> &amp; &lt;b&gt; \'"', 'NUL \u0000 inside',
    '\u0000', 'record \u001e separator', '\u001e', 'e 😀 👩‍👩‍👧 e\u0301',
    '\ud83d alone',
    'low \udc00 alone', '\ud800\ud800', 'tab\tline\r\nend\\', 'x\u2028\u2029y',
    '\u007f\u0080\ufffe\uffff\ufeff', '  spaces kept  ', '漢字'.repeat(500),
    '"},{"from":"1', '42["message",{}]', '\u001b[31m', '%00%n%s', '0', 'null',
    '${1} $& \\u0041', '__proto__',
  ];
  for (const text of texts) {
    const what = JSON.stringify(text).slice(0, 60);
    const ack = await a.send(room, text);
    assert.equal(ack.ok, true, what);
    for (const client of [a, b, c]) {
      const got = await until(
        () => client.messages(room).find((m) => m.id === ack.id), what);
      assert.equal(got.message, text, what);
    }
    const [stored] = (await anna.get(`/room/${room}/messages?size=1`)).json;
    assert.equal(stored.message, text, what);
  }
  // and from polling
  for (const text of texts) assert.equal((await c.send(room, text)).ok, true);
  await until(() => a.texts(room).length >= 2 * texts.length, 'all');
  assert.deepEqual(a.texts(room), [...texts, ...texts]);
  await closeAll(a, b, c);
});

test('length: 1 to chat_max_message characters, not blank', async () => {
  const [anna, ben] = await users(server, 2);
  const a = await connect(anna);
  const b = await connect(ben);
  const room = anna.roomWith(ben);
  for (const text of ['x', 'x'.repeat(32768), '😀'.repeat(32768)]) {
    assert.equal((await a.send(room, text)).ok, true, String(text.length));
    await b.waitForText(text);
  }
  for (const text of ['', ' ', '\n\t ', '\u00a0', '\u3000\u2003\ufeff',
                      'x'.repeat(32769), '😀'.repeat(32769), null, 5, true, {},
                      ['x'], undefined]) {
    const ack = await a.send(room, text);
    assert.equal(typeof ack.error, 'string', JSON.stringify(text)?.slice(0, 9));
    assert.equal(ack.retry, false);
  }
  assert.equal(await redis.zcard(`room:${room}`), 3);
  assert.equal((await a.send(room, 'still here')).ok, true);
  await closeAll(a, b);
});

test('malformed events are acked with an error and change nothing',
     async () => {
  const anna = await user(server);
  const a = await connect(anna);
  const before = await redis.zcard('room:0');
  for (const event of [['message'], ['message', null], ['message', 'x'],
                       ['message', 5], ['message', []], ['message', {}],
                       ['message', { roomId: '0' }],
                       ['message', { message: 'x' }],
                       ['message', { roomId: {}, message: 'x' }],
                       ['message', { roomId: null, message: 'x' }],
                       ['room.join'], ['room.join', {}]]) {
    const ack = await a.emit(...event);
    assert.equal(typeof ack.error, 'string', JSON.stringify(event));
    a.socket.emit(...event);            // and without an ack
  }
  // events that nobody handles are acked as well
  const unknown = await a.emit('no.such.event', { a: [1, { b: null }] });
  assert.equal(typeof unknown.error, 'string');
  assert.equal(await redis.zcard('room:0'), before);
  assert.equal((await a.send('0', 'fine')).ok, true);
  assert.equal(a.socket.connected, true);
  await closeAll(a);
});

test('roomId as a number is General', async () => {
  const anna = await user(server);
  const a = await connect(anna);
  const ack = await a.send(0, 'number');
  assert.equal(ack.ok, true);
  assert.equal((await a.waitForText('number')).roomId, '0');
  await closeAll(a);
});

test('named rooms: members only', async () => {
  const [anna, ben] = await users(server, 2);
  await redis.set('room:club:name', 'The Club');
  await redis.sadd(`user:${anna.id}:rooms`, 'club');
  const a = await connect(anna);
  const b = await connect(ben);
  assert.equal((await a.emit('room.join', 'club')).ok, true);
  assert.equal(typeof (await b.emit('room.join', 'club')).error, 'string');
  assert.equal((await a.send('club', 'among us')).ok, true);
  assert.equal(typeof (await b.send('club', 'let me in')).error, 'string');
  await a.waitForText('among us');
  await a.send('0', 'end of club');
  await b.waitForText('end of club');
  assert.deepEqual(b.texts('club'), []);
  assert.deepEqual(a.of('show.room'), []);
  await closeAll(a, b);
});

test('all users see one order, whatever worker they and the senders are on',
     async () => {
  const sessions = await users(server, 4);
  const clients = await Promise.all(sessions.map((s, i) => connect(s, {
    ...on(i % 2), transports: i < 2 ? ['websocket'] : ['polling'] })));
  const mark = uniqueName('mark');
  await Promise.all(clients.flatMap((client, i) => Array.from(
    { length: 25 }, (_, n) => client.send('0', `${mark} ${i} ${n}`))));
  const own = (client) =>
    client.messages('0').filter((m) => m.message.startsWith(mark));
  await until(() => clients.every((c) => own(c).length >= 100), 'all 100');
  const ids = own(clients[0]).map((m) => m.id);
  assert.deepEqual(ids, ids.slice().sort());
  assert.equal(new Set(ids).size, 100);
  for (const client of clients) {
    assert.deepEqual(own(client).map((m) => m.id), ids);
  }
  for (let i = 0; i < 4; i++) {
    assert.deepEqual(
      own(clients[0]).map((m) => m.message.split(' '))
        .filter(([, who]) => Number(who) === i).map(([,, n]) => Number(n)),
      Array.from({ length: 25 }, (_, n) => n), 'each sender\'s own order');
  }
  await closeAll(clients);
});

test('what is in Redis and on the bus has exactly the contract\'s shape',
     async () => {
  const [anna, ben] = await users(server, 2);
  const envelopes = await server.redis.listen('MESSAGES');
  const a = await connect(anna);
  const b = await connect(ben);
  const room = anna.roomWith(ben);
  const one = await a.send(room, 'é "quoted" </b>', { nonce: 'n1', extra: 1 });
  const two = await b.send(room, 'again');
  await b.waitForText('é "quoted" </b>');
  await until(() => envelopes.some((e) => e.includes('"again"')), 'on the bus');
  b.close();
  await until(() => envelopes.some((e) => e.includes('user.disconnected')),
              'the disconnect on the bus', 8000);

  const [stored] = await redis.zrange(`room:${room}`, 0, 0);
  assert.deepEqual(JSON.parse(stored), {
    id: one.id, from: anna.id, date: one.date, message: 'é "quoted" </b>',
    roomId: room });
  const score = await redis.zscore(`room:${room}`, stored);
  assert.equal(Number(score).toFixed(6), one.id);

  const parsed = envelopes.map((text) => JSON.parse(text));
  for (const envelope of parsed) {
    assert.deepEqual(Object.keys(envelope).sort(),
                     ['data', 'serverId', 'type']);
    assert.equal(typeof envelope.serverId, 'string');
    assert.equal(envelope.serverId, parsed[0].serverId,
                 'all workers of an instance share it');
    const keys = Object.keys(envelope.data).sort();
    const { type, data } = envelope;
    if (type === 'message') {
      assert.deepEqual(keys.filter((k) => k !== 'nonce'),
                       ['date', 'from', 'id', 'message', 'prev', 'roomId']);
      assert.equal(typeof data.from, 'string');
      assert.equal(typeof data.date, 'number');
    } else if (type === 'show.room') {
      assert.deepEqual(data, { id: room, names: [anna.name, ben.name] });
    } else {
      assert.match(type, /^user\.(dis)?connected$/);
      assert.deepEqual(keys, ['id', 'online', 'username']);
      assert.equal(data.online, type === 'user.connected');
      assert.equal(typeof data.id, 'string');
    }
  }
  const mine = parsed.filter((e) => e.data.roomId === room);
  assert.deepEqual(mine.map((e) => e.data.id), [one.id, two.id]);
  assert.equal(mine[1].data.prev, one.id);
  const types = parsed.map((e) => e.type);
  assert.ok(types.indexOf('show.room') < types.indexOf('message'));
  await closeAll(a);
});

test('first messages to a pair stay in order, whenever Redis answers',
     async () => {
  const gate = await RedisGate.start();
  const own = await start({ chat: NO_RATE, redisUrl: (behind) => {
    gate.target = behind.socket;
    return `redis://127.0.0.1:${gate.port}`;
  } });
  try {
    const [anna, ben] = await users(own, 2);
    const room = anna.roomWith(ben);
    const ws = await RawWebSocket.connect(anna);
    const message = (text) => frame(OP.text, `42["message",${JSON.stringify({
      roomId: room, message: text, from: anna.id, nonce: text })}]`);

    // all but the first answer to who the other is comes later
    const asked = (words) => words[0] === 'HGET'
                             && words[1] === `user:${ben.id}`;
    let n = 0;
    gate.holdFrom((words) => asked(words) && ++n > 1);
    ws.write(Buffer.concat(['one', 'two'].map(message)));
    // the first is in the history, or would be
    await until(() => gate.held.some(({ words }) => words.includes('"one"')),
                'one has its answer');
    ws.write(message('three'));
    await until(() => gate.held.filter(({ words }) => asked(words)
      || words.includes('"three"')).length > 1, 'three has come');
    gate.release();

    const texts = async () => (await anna.get(`/room/${room}/messages`)).json
      .map((m) => m.message).reverse();
    await until(async () => (await texts()).length === 3, 'all are there');
    assert.deepEqual(await texts(), ['one', 'two', 'three']);
    ws.socket.destroy();
  } finally {
    await own.stop();
    await gate.stop();
  }
});

test('chat_max_message', async () => {
  const small = await start({ workers: 1,
                              chat: `chat_max_message 5; ${NO_RATE}` });
  try {
    const a = await connect(await user(small));
    assert.equal((await a.send('0', '12345')).ok, true);
    assert.equal((await a.send('0', '😀😀😀😀😀')).ok, true);
    assert.equal(typeof (await a.send('0', '123456')).error, 'string');
    await closeAll(a);
  } finally {
    await small.stop();
  }
});

test('a reader that stops reading harms no one', async () => {
  const [anna, ben, carl] = await users(server, 3);
  const a = await connect(anna, { ...on(0), transports: ['websocket'] });
  const b = await connect(ben, { ...on(0), transports: ['websocket'] });
  const c = await connect(carl, { ...on(0), transports: ['websocket'] });
  // the client of carl reads nothing any more
  const stalled = c.socket.io.engine.transport.ws._socket;
  stalled.pause();
  const text = 'y'.repeat(32000);
  for (let i = 0; i < 400; i++) {
    assert.equal((await a.send('0', text)).ok, true);
  }
  await until(() => b.texts('0').length >= 400, 'the others get all');
  stalled.resume();
  // either everything, or a close; never a damaged stream
  await until(() => c.reasons.length || c.texts('0').length >= 400,
              'carl is told', 10000);
  const got = c.texts('0');
  assert.ok(got.every((t) => t === text));
  assert.ok(c.reasons.every((r) => r !== 'parse error'), String(c.reasons));
  await closeAll(a, b, c);
  await sleep(50);
});
