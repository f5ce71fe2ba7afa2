// What others may publish on the Redis that is shared: on MESSAGES, where the
// demo's servers are at home (see bus.test.mjs for what is right there), and on
// the channels between our workers, where nobody else is. Whoever can publish
// is trusted (README); still, nothing of it crashes a worker, opens a private
// room or touches a session that it does not name.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { seedRoom } from './lib/data.mjs';
import { EventStream, WorkerAgent, openOn, users } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { RawWebSocket } from './lib/websocket.mjs';

const SID = /^[\w-]{20,}$/;
const STRANGER = 'stranger0000';        // a worker's id is 12 long

let server;
let redis;
let pids;
let workers;                            // their ids, in the order of pids
let anna;                               // has a room with ben, and "team"
let ben;
let eve;                                // is in neither
before(async () => {
  server = await start({ workers: 2, chat: NO_RATE });
  redis = server.redis.client;
  pids = server.workerPids();
  [anna, ben, eve] = await users(server, 3);
  await seedRoom(redis, anna.id, ben.id);
  await redis.set('room:team:name', 'Team');
  await redis.sadd(`user:${anna.id}:rooms`, 'team');
  // a sid begins with the id of the worker that has made it
  workers = await Promise.all(pids.map(async (pid) => (await Polling.open(
    anna, { agent: new WorkerAgent(server, () => pid) })).sid.slice(0, 12)));
  assert.notEqual(workers[0], workers[1]);
});
after(() => server.stop());

const channels = () => ['chat:workers', ...workers.map((id) =>
  `chat:worker:${id}`)];
const tell = async (text) => {
  for (const channel of channels()) await redis.publish(channel, text);
};

const hashOf = async (session) => {
  const hashes = await redis.zrange(`chat:sessions:${session.id}`, 0, -1);
  assert.equal(hashes.length, 1);
  return hashes[0];
};

describe('MESSAGES', () => {
  let clients;
  let streams;
  before(async () => {
    clients = await Promise.all([anna, ben, eve].map((s, i) => connect(s, {
      transports: [i % 2 ? 'polling' : 'websocket'] })));
    streams = await Promise.all([anna, eve].map((s) =>
      EventStream.open(s, '/events')));
  });
  after(async () => {
    streams.forEach((stream) => stream.close());
    await closeAll(clients);
  });

  let count = 0;
  // publishes, and then something that everybody gets
  async function publish(...envelopes) {
    for (const [type, data] of envelopes) {
      await redis.publish('MESSAGES', JSON.stringify({ serverId: 'x', type,
                                                       data }));
    }
    const text = `fence ${count++}`;
    assert.equal((await clients[0].send('0', text)).ok, true);
    await Promise.all([...clients.map((client) => client.waitForText(text)),
                       ...streams.map((stream) => stream.waitFor(
                         (e) => e.data.message === text, text))]);
  }

  // who has seen an event with this text in it
  const seenBy = (text) => [...clients.map((client) => client.seen),
                            ...streams.map((stream) => stream.events)]
    .map((events) => JSON.stringify(events).includes(text));
  const NOBODY = [false, false, false, false, false];
  const TWO = [true, true, false, true, false];     // anna, ben, anna's stream
  const ONE = [true, false, false, true, false];    // anna

  const message = (roomId, text, from = ben.id) => ['message',
    { from, roomId, message: text, date: Math.floor(Date.now() / 1000) }];

  test('a private room\'s events are for its two, whoever they are said to be '
       + 'from', async () => {
    const room = anna.roomWith(ben);
    await publish(message(room, 'by ben'), message(room, 'by eve', eve.id),
                  message(room, 'by nobody', '999999'),
                  ['show.room', { id: room, names: ['secret A', 'secret B'] }]);
    for (const text of ['by ben', 'by eve', 'by nobody', 'secret A']) {
      assert.deepEqual(seenBy(text), TWO, text);
    }
  });

  test('a named room\'s are for its members', async () => {
    await publish(message('team', 'among us'), message('other', 'elsewhere'));
    assert.deepEqual(seenBy('among us'), ONE);
    assert.deepEqual(seenBy('elsewhere'), NOBODY);
  });

  test('ids that are like a room\'s open none', async () => {
    const [a, b] = anna.roomWith(ben).split(':');
    const ids = [`${b}:${a}`, `0${a}:${b}`, `${a}:0${b}`, `${a}:${b}:${eve.id}`,
                 `${a}:${b} `, ` ${a}:${b}`, `${a}:${b}\0`, `${a}\0:${b}`,
                 `${a}:${b}\n`, `${a}::${b}`, `${a}:`, `:${b}`, `${a}:${a}`,
                 `+${a}:${b}`, `${a}.0:${b}`, `${a}%3A${b}`, '*', '', ':',
                 'team ', 'TEAM', 'team\0', 'team:name', '../0', '00', '0 ',
                 '0:name', -1, 0.5, 1e400, true, [anna.roomWith(ben)],
                 { id: '0' }, 'x'.repeat(100000)];
    await publish(...ids.flatMap((id) => [
      message(id, 'open sesame'),
      ['show.room', { id, names: ['open sesame', 'x'] }]]));
    assert.deepEqual(seenBy('open sesame'), NOBODY);
  });

  test('who comes and goes is told as it is said, and changes nothing else',
       async () => {
    const online = async () => (await anna.get('/users/online')).text;
    const earlier = await online();
    await publish(['user.disconnected', { id: eve.id, username: eve.name,
                                          online: false }]);
    const gone = (client) => client.of('user.disconnected')
      .some((u) => u.id === eve.id);
    assert.deepEqual(clients.map(gone), [true, true, false],
                     'to everybody but the user');
    assert.equal(await online(), earlier);
    assert.equal((await clients[2].send('0', 'eve is here')).ok, true);
    await publish();
    assert.deepEqual(seenBy('eve is here'), [true, true, true, true, true]);
  });

  test('what is in no history is not in it afterwards', async () => {
    const room = anna.roomWith(ben);
    await publish(message('0', 'not kept'), message(room, 'not kept'));
    for (const roomId of ['0', room]) {
      assert.doesNotMatch((await anna.get(`/room/${roomId}/messages?size=100`))
        .text, /not kept/);
    }
  });
});

describe('the workers\' own channels', () => {
  // clients of all kinds, of two people, and whether they are well
  async function crowd() {
    const polling = await Polling.connect(anna);
    const away = await Polling.connect(ben, {
      agent: new WorkerAgent(server, () => pids[1]) });
    const ws = await RawWebSocket.connect(anna);
    const upgrading = await Polling.connect(ben);
    const probe = await RawWebSocket.open(ben, {
      query: `&sid=${upgrading.sid}` });
    probe.send('2probe');
    assert.equal(await probe.text(), '3probe');
    const stream = await EventStream.open(anna, '/events');

    return {
      sids: [polling.sid, away.sid, ws.handshake.sid, upgrading.sid],
      async well() {
        assert.deepEqual(server.workerPids(), pids);
        for (const p of [polling, away, upgrading]) {
          await p.emit(1, 'room.join', '0');
          assert.match(await p.next((text) => text.startsWith('431')), /true/);
        }
        probe.send('5');
        for (const socket of [ws, probe]) {
          socket.emit(2, 'room.join', '0');
          assert.match(await socket.text((t) => t.startsWith('432')), /true/);
        }
        await polling.emit(3, 'message', { roomId: '0', message: 'well' });
        await stream.waitFor((e) => e.data.message === 'well', 'the stream');
        await this.end();
      },
      async end() {
        stream.close();
        [ws, probe].forEach((socket) => socket.destroy());
        for (const p of [polling, away]) await p.request('POST', '1');
      },
    };
  }

  const COMMANDS = ['alive', 'get', 'post', 'reply', 'begin', 'end', 'abort',
                    'release', 'probe', 'noop', 'unprobe', 'move', 'gone',
                    'cut', 'open', 'read', 'held', 'state', 'packet', 'dead',
                    'back', 'revoke'];
  const HASH = 'A'.repeat(43);

  // the arguments of each, by the place that a sid has in it
  const line = (command, sid, worker = STRANGER, hash = HASH) => ({
    alive: 'alive 1700000000.000000',
    get: `get 1 ${worker} ${sid} ${hash}`,
    post: `post 1 ${worker} ${sid} ${hash}\n41`,
    reply: 'reply 1 200 0\n4',
    abort: `abort 1 ${worker} ${sid}`,
    release: `release 1 ${worker} ${sid}`,
    probe: `probe 1 ${worker} ${sid} ${hash}`,
    move: `move ${worker} ${sid}`,
    cut: `cut ${sid} ${worker}`,
    open: `open ${sid} ${'A'.repeat(20)} ${eve.id} team\nEve`,
    read: `read ${sid} 0 1700000000.000000`,
    held: `held ${sid} 0 1700000000.000000\n42["message",{}]`,
    state: `state ${sid} 1\n42["message",{}]`,
    packet: `packet ${sid}\n42["message",{}]`,
    dead: `dead ${worker}`,
    back: `back ${worker}`,
    revoke: `revoke ${hash}`,
  }[command] ?? `${command} ${sid}`);

  test('lines that are none', async () => {
    const people = await crowd();
    for (const text of ['', ' ', '\n', '\0', 'x', 'get', `${' '.repeat(100)}`,
                        '\nget 1 2 3 4', 'GET 1 2 3 4', 'x'.repeat(1000000),
                        'get '.repeat(5000), Buffer.from('fffe00', 'hex')]) {
      await tell(text);
    }
    for (const command of COMMANDS) {
      for (let n = 0; n < 7; n++) {
        await tell(`${command}${' x'.repeat(n)}`);
        await tell(`${command}${' '.repeat(n)}\nbody`);
        await tell(`${command}${` ${'9'.repeat(30)}`.repeat(n)}`);
        await tell(`${command}${' -1'.repeat(n)}\n`);
        await tell(`${command}${` ${'A'.repeat(12)}`.repeat(n)}`);
      }
    }
    await people.well();
  });

  test('about sessions that there are not', async () => {
    const people = await crowd();
    for (const worker of [...workers, STRANGER]) {
      const own = people.sids.find((sid) => sid.startsWith(worker))
          ?? people.sids[0];
      assert.match(own, SID);
      for (const sid of [`${worker}${own.slice(12).split('').reverse()
        .join('')}`, worker, `${own}x`, own.slice(0, -1), '-',
                         'x'.repeat(100000)]) {
        for (const command of COMMANDS) await tell(line(command, sid));
      }
    }
    await people.well();
  });

  test('a sid alone is not enough: whose it is has to be known', async () => {
    const people = await crowd();
    const answers = await server.redis.listen(`chat:worker:${STRANGER}`);
    const [ofAnna, ofBen] = [await hashOf(anna), await hashOf(ben)];
    for (const [i, sid] of people.sids.entries()) {
      for (const hash of [HASH, '-', '', i % 2 ? ofAnna : ofBen, 'x']) {
        for (const command of ['get', 'post', 'probe']) {
          answers.length = 0;
          await redis.publish(`chat:worker:${sid.slice(0, 12)}`,
                              line(command, sid, STRANGER, hash));
          if (hash === '') continue;    // a word is missing: no answer
          const [answer] = await until(() => answers.length && answers,
                                       'an answer');
          assert.match(answer, /^reply 1 400 \d\n\{"code":[13],/);
        }
      }
    }
    await people.well();
  });

  test('what is sent about real sessions crashes nothing', async () => {
    for (const command of COMMANDS.filter((name) => name !== 'revoke')) {
      const people = await crowd();
      for (const sid of people.sids) {
        await tell(line(command, sid));
        await tell(line(command, sid, workers[0]));
        await tell(line(command, sid, workers[1]));
      }
      await people.end();
    }
    assert.deepEqual(server.workerPids(), pids);
    await (await crowd()).well();
  });

  // the owner is stopped between the probe and the upgrade
  test('nor about one that is on its way', async () => {
    for (const command of ['open', 'state', 'held', 'read', 'packet', 'gone',
                           'cut', 'move', 'get', 'post', 'noop', 'dead']) {
      const polling = await Polling.connect(ben);
      const [home, other] = polling.sid.startsWith(workers[0]) ? pids
        : [pids[1], pids[0]];
      const [owner, here] = home === pids[0] ? workers
        : [workers[1], workers[0]];
      const ws = await RawWebSocket.open(ben, {
        query: `&sid=${polling.sid}`, socket: await openOn(server, other) });
      ws.send('2probe');
      assert.equal(await ws.text(), '3probe');
      const asked = await server.redis.listen(`chat:worker:${owner}`);
      process.kill(home, 'SIGSTOP');
      try {
        ws.send('5');
        await until(() => asked.some((text) => text.startsWith('move')),
                    'it is asked for');
        for (const text of [
          line(command, polling.sid),
          line(command, polling.sid, owner),
          `${line(command, polling.sid)} x y z\n\xff`,
        ]) await redis.publish(`chat:worker:${here}`, text);
        await redis.publish(`chat:worker:${here}`, line('open', polling.sid));
        await redis.publish(`chat:worker:${here}`, line('state', polling.sid));
        await sleep(30);
      } finally {
        process.kill(home, 'SIGCONT');
      }
      ws.destroy();
      assert.deepEqual(server.workerPids(), pids, command);
    }
    await (await crowd()).well();
  });

  test('revoked: the sessions with that hash, and no other', async () => {
    const [a, b] = [await connect(anna), await connect(ben)];
    for (const hash of [HASH, '*', await hashOf(anna).then((h) => h.slice(1)),
                        `${await hashOf(anna)}x`]) {
      await tell(`revoke ${hash}`);
    }
    await tell(`revoke ${await hashOf(ben)}`);
    await until(() => b.reasons.length, 'ben is out');
    assert.equal((await a.send('0', 'anna is not')).ok, true);
    assert.deepEqual(a.reasons, []);
    await closeAll(a, b);
  });
});
