// Who may do what: every route and event, with every kind of session that does
// not give the right to it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { seedRoom } from './lib/data.mjs';
import { EventStream, Session, assertError, user, uniqueName }
  from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { RawWebSocket } from './lib/websocket.mjs';

// the chat of another location
const below = (server, prefix) => ({
  ...server, url: server.url.replace(/\/$/, '') + prefix });

let server;
let redis;
let anna;                               // has a room with ben, and "team"
let ben;
let eve;                                // is in neither
let room;

before(async () => {
  server = await start({ workers: 2, chat: NO_RATE, locations: {
    '/beat/': `chat_ping_interval 300ms; ${NO_RATE}` } });
  redis = server.redis.client;
  [anna, ben, eve] = [await user(server), await user(server),
                      await user(server)];
  room = await seedRoom(redis, anna.id, ben.id);
  await redis.set('room:team:name', 'Team');
  await redis.sadd(`user:${anna.id}:rooms`, 'team');
  const client = await connect(anna);
  assert.equal((await client.send(room, 'secret')).ok, true);
  assert.equal((await client.send('team', 'ours')).ok, true);
  await closeAll(client);
});
after(() => server.stop());

// anna's, but no more
const revoked = async () => {
  const session = new Session(server);
  await session.logIn(anna.name);
  const { cookie } = session;
  assert.equal((await session.post('/logout')).status, 200);
  return new Session(server, cookie);
};

const expired = async () => {
  const list = `chat:sessions:${anna.id}`;
  const earlier = await redis.zrange(list, 0, -1);
  const session = new Session(server);
  await session.logIn(anna.name);
  const [hash] = (await redis.zrange(list, 0, -1))
    .filter((member) => !earlier.includes(member));
  assert.equal(await redis.del(`chat:session:${hash}`), 1);
  return session;
};

const NOBODY = {
  'no session': () => new Session(server),
  'a made-up session': () => new Session(server,
                                         `chat_session=${'A'.repeat(43)}`),
  'a malformed session': () => new Session(server, 'chat_session=../*'),
  'a session\'s name in Redis': async () => new Session(server,
    `chat_session=${await redis.zrange(`chat:sessions:${anna.id}`, 0, 0)}`),
  'a revoked session': revoked,
  'an expired session': expired,
};

// what is kept, without what tells who is there just now
const keys = async () => (await redis.keys('*'))
  .filter((key) => !/^(online_users|chat:(live|users|workers|nonce))/.test(key))
  .sort();

// what anna's session may, and nobody without one
const requests = () => [
  ['GET', '/users?ids=1'],
  ['GET', '/users/online'],
  ['GET', `/rooms/${anna.id}`],
  ['POST', '/room', { user1: anna.id, user2: eve.id }],
  ['GET', '/room/0/messages'],
  ['GET', `/room/${room}/messages`],
  ['GET', '/room/team/messages'],
  ['GET', '/stream'],
  ['GET', '/events'],
  ['POST', '/logout'],
  ['POST', '/logout', { everywhere: true }],
];

for (const [name, make] of Object.entries(NOBODY)) {
  describe(name, () => {
    test('routes: 403, and nothing is done', async () => {
      const session = await make();
      const kept = await keys();
      for (const [method, path, body] of requests()) {
        const reply = await session.request(path, { method, body });
        assert.doesNotMatch(assertError(reply, 403, `${method} ${path}`),
                            /secret|ours/);
        assert.equal(reply.headers['set-cookie'], undefined);
      }
      assert.equal((await session.get('/me')).text, 'null');
      assert.deepEqual(await keys(), kept);
      assert.equal((await anna.get('/me')).json.id, anna.id);
    });

    test('it can be logged in with, which gives another session', async () => {
      const session = await make();
      const { cookie } = session;
      assert.equal((await session.logIn(ben.name)).json.id, ben.id);
      assert.notEqual(session.cookie, cookie);
      assert.equal((await session.get('/me')).json.id, ben.id);
      const old = await new Session(server, cookie).get('/me');
      assert.equal(old.text, 'null');
      assert.equal((await session.post('/logout')).status, 200);
    });

    test('a socket is refused, and its events close it', async () => {
      const session = await make();
      for (const transport of ['polling', 'websocket']) {
        await assert.rejects(connect(session, { transports: [transport] }),
                             /log in/);
      }
      for (const event of [['message', { roomId: '0', message: 'x' }],
                           ['room.join', '0'], ['room.join', room],
                           ['room.join', '0', { after: '0' }],
                           ['no.such']]) {
        const ws = await RawWebSocket.open(session);
        ws.emit(1, ...event);
        assert.equal(await ws.closeCode(), 1002, event[0]);
      }
      assert.equal((await anna.get('/room/0/messages')).text, '[]');
    });

    test('a polling session of somebody else: unknown', async () => {
      const session = await make();
      const own = await Polling.connect(anna);
      const theirs = new Polling(session);
      theirs.sid = own.sid;
      assert.equal((await theirs.get()).status, 400);
      assert.equal((await theirs.request(
        'POST', `42["message",{"roomId":"0","message":"x"}]`)).status, 400);
      const ws = await RawWebSocket.open(session,
                                         { query: `&sid=${own.sid}` });
      assert.equal(ws.status, 400);
      ws.destroy();

      // which goes on as if nothing had been
      await own.emit(1, 'room.join', '0');
      assert.match(await own.next((p) => p.startsWith('431')), /"ok":true/);
      await own.post('1');
    });
  });
}

describe('another user', () => {
  test('routes', async () => {
    for (const [method, path, body] of [
      ['GET', `/rooms/${anna.id}`],
      ['POST', '/room', { user1: anna.id, user2: ben.id }],
      ['GET', `/room/${room}/messages`],
      ['GET', `/room/${room}/messages?before=9999999999`],
      ['GET', `/room/${room}/messages?after=1`],
      ['GET', '/room/team/messages'],
    ]) {
      assertError(await eve.request(path, { method, body }), 403,
                  `${method} ${path}`);
    }
  });

  test('events: refused, and neither stored nor told', async () => {
    const [a, e] = [await connect(anna), await connect(eve)];
    const stream = await EventStream.open(eve, '/events');
    const messages = await redis.zcard(`room:${room}`);
    for (const id of [room, 'team', 'nowhere', `${anna.id}:999999`]) {
      for (const ack of [
        await e.emit('room.join', id),
        await e.emit('room.join', id, { after: '0' }),
        await e.emit('message', { roomId: id, message: 'from eve',
                                  from: anna.id }),
      ]) {
        assert.match(ack.error, /not in that room/, id);
      }
    }
    assert.equal(await redis.zcard(`room:${room}`), messages);
    assert.equal(await redis.zcard('room:team'), 1);
    assert.equal(await redis.exists('room:nowhere'), 0);

    // nor does eve hear of what is said there
    assert.equal((await a.send(room, 'private')).ok, true);
    assert.equal((await a.send('team', 'named')).ok, true);
    assert.equal((await a.send('0', 'to all')).ok, true);
    await e.waitForText('to all');
    await stream.waitFor((event) => event.data.message === 'to all',
                         'the stream hears what is for all');
    assert.deepEqual(e.texts(), ['to all']);
    assert.deepEqual(stream.events.filter((event) => event.event === 'message')
      .map((event) => event.data.message), ['to all']);
    assert.equal(a.texts().includes('from eve'), false);
    stream.close();
    await closeAll(a, e);
  });

  test('a log-out everywhere ends nobody else\'s', async () => {
    const fred = await user(server);
    const a = await connect(anna);
    assert.equal((await fred.post('/logout', { everywhere: true })).status,
                 200);
    assert.equal((await anna.get('/me')).json.id, anna.id);
    assert.equal((await a.emit('room.join', '0')).ok, true);
    await closeAll(a);
  });
});

test('a log-out everywhere ends all that is open, on all workers', async () => {
  const fred = await user(server);
  const other = new Session(server);
  await other.logIn(fred.name);
  const sockets = [];
  for (let i = 0; i < 6; i++) {
    sockets.push(await connect(i % 2 ? fred : other, {
      transports: [i % 3 ? 'websocket' : 'polling'] }));
  }
  const streams = [await EventStream.open(fred, '/events'),
                   await EventStream.open(other, '/stream')];
  assert.equal((await fred.post('/logout', { everywhere: true })).status, 200);
  await until(() => sockets.every((s) => s.reasons.length)
      && streams.every((s) => s.closed), 'all are closed');
  for (const session of [fred, other]) {
    await assert.rejects(connect(session), /log in/);
    assert.equal((await session.get('/me')).text, 'null');
  }
  await closeAll(sockets);
});

test('a log-out that the bus did not bring ends what is open all the same',
     async () => {
  const fred = await user(server);
  const there = new Session(below(server, '/beat'), fred.cookie);
  const sockets = [await connect(there, { transports: ['websocket'] }),
                   await connect(there, { transports: ['polling'] })];
  const stream = await EventStream.open(there, '/events');
  const [hash] = await redis.zrange(`chat:sessions:${fred.id}`, 0, -1);
  assert.equal(await redis.del(`chat:session:${hash}`), 1);
  await redis.client('KILL', 'TYPE', 'pubsub');
  await until(() => sockets.every((s) => s.reasons.length),
              'the sockets are closed', 10000);
  await until(() => stream.closed, 'the stream is closed', 10000);
  await closeAll(sockets);
});

// Registration is off here: whether a name is taken is not told to who tries
// it with a wrong password, neither by the answer nor by the work that it takes.
describe('who has an account', () => {
  const schemes = ['argon2id', 'bcrypt'];
  const locations = Object.fromEntries(schemes.flatMap((scheme) => [
    [`/${scheme}/`, `chat_registration off; chat_password_scheme ${scheme};
                     ${NO_RATE}`],
    [`/new-${scheme}/`, `chat_password_scheme ${scheme}; ${NO_RATE}`]]));
  let closed;
  before(async () => {
    closed = await start({
      workers: 1, chat: NO_RATE, locations: { ...locations,
        '/rate/': `chat_registration off; chat_password_scheme bcrypt;
                   chat_login_rate 2r/m;` },
      server: 'location = /chat-status { chat_status; }' });
  });
  after(() => closed.stop());

  // hashes that the worker has made
  const work = async () =>
    (await new Session(closed).get('/chat-status')).json.total.password_hashes;

  const answer = async (prefix, username, password) => {
    const reply = await new Session(below(closed, prefix)).post('/login', {
      username, password });
    const { date, ...headers } = reply.headers;
    return { status: reply.status, text: reply.text, headers };
  };

  test('the same answer, and as much work', async () => {
    const names = { unknown: uniqueName() };
    for (const who of [...schemes, 'broken']) {
      const prefix = `/new-${schemes.includes(who) ? who : schemes[0]}`;
      const known = await user(below(closed, prefix), uniqueName(), 'right');
      if (who === 'broken') {
        await closed.redis.client.hset(`user:${known.id}`, 'password', 'x');
      }
      names[who] = known.name;
    }
    // bcrypt has its own ideas of passwords that are long or have a NUL
    for (const scheme of schemes) {
      for (const password of ['wrong', 'x'.repeat(1000), 'right\0']) {
        const answers = {};
        for (const [who, name] of Object.entries(names)) {
          const before = await work();
          answers[who] = await answer(`/${scheme}`, name, password);
          const now = await work();
          assert.deepEqual(schemes.map((one) => now[one] - before[one]),
                           [1, 1], `${who} at ${scheme}`);
          assert.equal(answers[who].status, 404);
          assert.deepEqual(answers[who], answers.unknown);
        }
      }
    }
    // with the right one there's nothing to hide
    for (const who of schemes) {
      const before = await work();
      assert.equal((await answer('/bcrypt', names[who], 'right')).status, 200);
      const now = await work();
      assert.deepEqual(schemes.map((one) => now[one] - before[one]),
                       schemes.map((one) => Number(one === who)));
    }
  });

  test('and the same number of tries', async () => {
    const known = await user(closed);
    for (const name of [known.name, uniqueName()]) {
      const all = [];
      for (let i = 0; i < 4; i++) all.push(await answer('/rate', name, 'wrong'));
      assert.deepEqual(all.map(({ status }) => status), [404, 404, 429, 429]);
    }
  });
});
