// Reloads, binary upgrades and ends while people talk: whoever is connected
// comes back by itself, resumes, and has all messages once and in order; the
// old processes end, also when worker_shutdown_timeout cuts their drain short.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';

import { Follower } from './lib/follow.mjs';
import { bytes, onlineIds, open, user, users } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, alive, sleep, start, until, within } from './lib/server.mjs';
import { closeAll, connect, dial } from './lib/sio.mjs';
import { RawWebSocket } from './lib/websocket.mjs';

const WAYS = [['polling'], ['websocket'], ['polling', 'websocket']];

async function withServer(options, use) {
  const server = await start({ workers: 2, chat: NO_RATE, ...options });
  let done = false;
  try {
    await use(server);
    done = true;
  } finally {
    const stopped = server.stop();
    await (done ? stopped : stopped.catch(() => {}));
  }
}

// a client that resumes '0' whenever it connects, as ours does
function resumes(session, transports) {
  const client = dial(session, { transports, reconnection: true,
                                 reconnectionDelay: 50,
                                 reconnectionDelayMax: 200 });
  client.ids = [];
  client.socket.on('message', ({ id, roomId }) => {
    if (roomId === '0') client.ids.push(id);
  });
  client.socket.on('connect', () => {
    const after = client.ids.at(-1);
    client.socket.emit('room.join', '0', ...after ? [{ after }] : []);
  });
  return client;
}

// people of every kind, and somebody who talks until told to stop
async function crowd(server) {
  const [anna, ben] = await users(server, 2);
  const clients = Array.from({ length: 12 }, (_, i) =>
    resumes(anna, WAYS[i % 3]));
  await until(() => clients.every((c) => c.socket.connected), 'connected',
              15000);
  const stream = await Follower.open(anna);
  const talker = resumes(ben, ['websocket']);
  const acked = [];
  let talks = true;
  const talk = (async () => {
    for (let i = 0; talks; i++) {
      const nonce = `talk${i}`;
      for (let ack; talks && !ack?.ok;) {
        ack = await talker.send('0', nonce, { nonce }).catch(() => null);
        if (ack?.ok) acked.push(ack.id);
        else await sleep(20);
      }
      await sleep(10);
    }
  })();
  const first = 5;
  await until(() => acked.length >= first, 'they talk', 10000);
  return {
    anna,
    // without the server
    async leave() {
      talks = false;
      stream.close();
      await closeAll(clients, talker);
    },
    // all have what was acknowledged, once and in order
    async settle() {
      await sleep(300);
      talks = false;
      await talk;
      const everybody = [...clients, talker];
      const last = acked.at(-1);
      await until(() => everybody.every((c) => c.ids.includes(last))
                  && stream.events.some((e) => e.data.id === last),
                  'all have the last message', 15000);
      const told = stream.events.filter((e) => e.event === 'message')
        .map((e) => e.data.id);
      for (const [who, ids] of [...everybody.map((c, i) =>
        [`${i} ${c.transport} ${c.reasons}`, c.ids]), ['a stream', told]]) {
        assert.equal(new Set(ids).size, ids.length, 'nothing twice');
        assert.deepEqual(ids.slice().sort(), ids, 'in order');
        const from = acked.indexOf(ids.find((id) => acked.includes(id)));
        assert.ok(from >= 0 && from <= first, `from the beginning on: ${who}`);
        assert.deepEqual(ids.filter((id) => acked.includes(id)),
                         acked.slice(from), `nothing lost: ${who}`);
      }
      assert.deepEqual(await onlineIds(anna), [anna.id, ben.id].sort());
      stream.close();
      await closeAll(everybody);
    },
  };
}

test('an upgrade of the binary (USR2, then QUIT to the old)',
     () => withServer({ orphan: true }, async (server) => {
  const people = await crowd(server);
  const master = server.nginxPid;
  const old = server.workerPids();
  process.kill(master, 'SIGUSR2');
  await until(() => server.nginxPid > 0 && server.nginxPid !== master
              && server.workerPids().length === 2, 'the new binary', 15000);
  await sleep(300);
  process.kill(master, 'SIGQUIT');
  await until(() => ![master, ...old].some(alive), 'the old one has ended',
              15000);
  await people.settle();
}));

test('an upgrade that is taken back (QUIT to the new)',
     () => withServer({ orphan: true }, async (server) => {
  const people = await crowd(server);
  const master = server.nginxPid;
  process.kill(master, 'SIGUSR2');
  await until(() => server.nginxPid > 0 && server.nginxPid !== master
              && server.workerPids().length === 2, 'the new binary', 15000);
  const failed = [server.nginxPid, ...server.workerPids()];
  await sleep(1000);
  process.kill(failed[0], 'SIGQUIT');
  await until(() => !failed.some(alive), 'the new one has ended', 15000);
  await until(() => server.nginxPid === master
              && server.workerPids().length === 2, 'the old one is back');
  await people.settle();
}));

const SHORT = { shutdownTimeout: '500ms', drainTime: '5s' };

test('worker_shutdown_timeout comes before the drain is over: reload',
     () => withServer(SHORT, async (server) => {
  const people = await crowd(server);
  const old = await server.reload();
  old.push(...await server.reload());
  await until(() => !old.some(alive), 'the old workers have ended', 4000);
  await people.settle();
}));

test('worker_shutdown_timeout comes before the drain is over: quit',
     () => withServer(SHORT, async (server) => {
  const people = await crowd(server);
  const { anna } = people;
  const ws = await RawWebSocket.connect(anna);
  // reads nothing: what it is told never leaves
  const deaf = await RawWebSocket.connect(anna);
  deaf.socket.pause();
  const started = Date.now();
  process.kill(server.nginxPid, 'SIGQUIT');
  await until(() => ws.closed, 'closed', 4000);
  assert.ok(Date.now() - started < 4500);
  await people.leave();
}));

test('a client that reads nothing does not keep an old worker',
     () => withServer({ drainTime: '200ms', shutdownTimeout: '10s' },
                      async (server) => {
  const anna = await user(server);
  const ws = await RawWebSocket.connect(anna);
  const b = await connect(anna);
  ws.socket.pause();
  for (let i = 0; i < 40; i++) {
    assert.equal((await b.send('0', `${i}`.repeat(8000))).ok, true);
  }
  const old = await server.reload();
  await until(() => !old.some(alive), 'the old workers have ended', 9000);
  ws.destroy();
  b.close();
}));

test('a new configuration without the chat: all are told, and refused',
     () => withServer({}, async (server) => {
  const anna = await user(server);
  const clients = await Promise.all(WAYS.map((transports) =>
    connect(anna, { transports })));
  const stream = await Follower.open(anna);
  const conf = `${server.hosts[0].options.dir}/nginx.conf`;
  const text = fs.readFileSync(conf, 'utf8');
  assert.match(text, /chat on;/);
  fs.writeFileSync(conf, text.replace(/chat on;/g, 'chat off;'));
  const old = await server.reload();
  await until(() => !old.some(alive), 'the old workers have ended', 15000);
  await until(() => clients.every((c) => c.reasons.length)
              && stream.stream.closed, 'all are told', 5000);
  assert.equal((await anna.get('/me')).status, 404);
}));

// a connection that was there before has its request read, and relayed, when
// the worker has nothing else to wait for
test('a request that comes to a worker which is about to end', async () => {
  const server = await start({ workers: 1, hosts: 2, chat: NO_RATE });
  try {
    const [home, away] = server.hosts;
    const anna = await user(home);
    const polling = await Polling.connect(anna);
    const socket = await open(away);
    const request = bytes('GET', polling.path(), {
      Cookie: anna.cookie, Connection: 'close' });
    const reply = new Promise((done) => {
      let text = '';
      socket.on('data', (data) => { text += data; });
      socket.on('close', () => done(text));
    });
    socket.write(request.slice(0, 20));
    await sleep(300);
    process.kill(away.workerPids()[0], 'SIGQUIT');
    await sleep(300);
    socket.write(request.slice(20));
    assert.match(await within(reply, 10000, 'the reply'), /^HTTP\/1\.1 \d/);
    await polling.post('1');
  } finally {
    await server.stop();
  }
});
