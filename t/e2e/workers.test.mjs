// No sticky sessions: polling over new connections that reach any worker or
// host, upgrades that move, reloads, workers that die.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { PASSWORD, seedUsers, storedIds } from './lib/data.mjs';
import { EventStream, WorkerAgent, bytes, openOn, user, users }
  from './lib/http.mjs';
import { Polling, eventOf } from './lib/polling.mjs';
import { NO_RATE, alive, sleep, start, subscribed, until, within }
  from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket } from './lib/websocket.mjs';

describe('200 clients over polling', () => {
  test('each with a new TCP connection for every request: all messages once, '
       + 'in order', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `poller${i}`);
    const server = await start({ workers: 3, chat: NO_RATE,
                                 seed: (redis) => seedUsers(redis, names) });
    try {
      const sessions = [];
      for (const name of names) {
        sessions.push(await user(server, name, PASSWORD));
      }
      const agents = [];
      const clients = await Promise.all(Array.from({ length: 200 }, (_, i) => {
        const agent = new WorkerAgent(server, () => undefined);
        agents.push(agent);
        return connect(sessions[i % sessions.length], {
          transports: ['polling'], agent });
      }));
      const ids = [];
      for (let i = 0; i < 40; i++) {
        const client = clients[(i * 7) % clients.length];
        const ack = await client.send('0', `message ${i}`);
        assert.equal(ack.ok, true);
        ids.push(ack.id);
      }
      await until(() => clients.every((c) => c.messages().length >= 40),
                  'all have all', 20000);
      await sleep(300);
      for (const client of clients) {
        assert.deepEqual(client.messages().map((m) => m.id), ids);
        assert.deepEqual(client.reasons, []);
        assert.equal(client.transport, 'polling');
      }
      // (how many depends on how many messages come with one answer)
      agents.forEach((agent) => assert.ok(agent.connections > 4,
                                          `${agent.connections}`));
      // all of them talk at once
      const acks = await Promise.all(clients.map(
        (client, i) => client.send('0', `all ${i}`)));
      assert.ok(acks.every((ack) => ack.ok));
      await until(() => clients.every((c) => c.messages().length >= 240),
                  'all have all of all', 30000);
      const order = clients[0].messages().map((m) => m.id);
      assert.equal(new Set(order).size, 240);
      assert.deepEqual(order, order.slice().sort());
      for (const client of clients) {
        assert.deepEqual(client.messages().map((m) => m.id), order);
      }
      await closeAll(clients);
    } finally {
      await server.stop();
    }
  });
});

describe('relay', () => {
  let server;
  let anna;
  let ben;
  before(async () => {
    server = await start({ workers: 3, chat: NO_RATE });
    [anna, ben] = await users(server, 2);
  });
  after(() => server.stop());

  test('every request at another worker than its session\'s', async () => {
    const pids = server.workerPids();
    let turn = 0;
    const agent = new WorkerAgent(server, () => pids[turn++ % pids.length]);
    const b = await connect(ben, { transports: ['websocket'] });
    const polling = await Polling.connect(anna, { agent });
    for (let i = 0; i < 12; i++) {
      await polling.emit(i, 'message', { roomId: '0', message: `relay ${i}` });
      const ack = await polling.next((p) => p.startsWith(`43${i}[`));
      assert.equal(JSON.parse(ack.slice(`43${i}`.length))[0].ok, true);
      await b.waitForText(`relay ${i}`);
      await b.send('0', `answer ${i}`);
      await polling.next((p) => eventOf(p)?.[1]?.message === `answer ${i}`);
    }
    b.close();
  });

  test('a hanging GET at another worker is woken, and noticed when it goes',
       async () => {
    const [home, away] = server.workerPids();
    const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
    const polling = await Polling.connect(anna, at(home));
    const b = await connect(ben);
    polling.options = at(away);
    const hanging = polling.next((p) => eventOf(p)?.[1]?.message === 'wake up');
    await sleep(300);
    await b.send('0', 'wake up');
    await hanging;

    for (let round = 0; round < 3; round++) {
      // one that is cut while it waits, then another
      const call = polling.get({ ...at(away), timeout: 250 }).catch(() => {});
      await call;
      // (the request is left hanging by the timeout: end its connection)
      await sleep(50);
      const reply = await polling.get(at(home));
      if (reply.status === 200) continue;
      // the hanging one was still open, which is a second GET: session over
      assert.equal(reply.status, 400);
      break;
    }
    b.close();
  });

  test('large payloads and replies pass the relay', async () => {
    const [home, away] = server.workerPids();
    const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
    const polling = await Polling.connect(anna, at(home));
    polling.options = at(away);
    const text = '漢'.repeat(30000);
    for (let i = 0; i < 3; i++) {
      await polling.post(Array.from({ length: 5 }, (_, n) =>
        `42["message",{"roomId":"0","message":"${i}${n}${text}"}]`)
        .join('\x1e'));
      for (let n = 0; n < 5; n++) {
        await polling.next((p) =>
          eventOf(p)?.[1]?.message === `${i}${n}${text}`);
      }
    }
    const over = await polling.request('POST', 'x'.repeat(1048577));
    assert.equal(over.status, 413);
  });

  test('errors pass the relay: unknown sid, second GET, invalid packet',
       async () => {
    const [home, away, third] = server.workerPids();
    const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
    const polling = await Polling.connect(anna, at(home));
    const first = polling.get(at(away));
    await sleep(200);
    const second = await polling.get(at(third));
    assert.equal(second.status, 400);
    assert.equal((await first).text, '1');
    await until(async () => {
      const reply = await polling.get(at(away));
      return reply.status === 400 && reply.json.code === 1;
    }, 'unknown at the other worker');

    const other = await Polling.connect(anna, at(home));
    const reply = await other.request('POST', '9', at(away));
    assert.equal(reply.status, 400);
    await until(async () => (await other.get(at(third))).status === 400,
                'session over');
  });

  test('an upgrade that reaches another worker, while messages flow: no loss, '
       + 'nothing twice', async () => {
    const pids = server.workerPids();
    const b = await connect(ben, { transports: ['websocket'] });
    const room = anna.roomWith(ben);
    let stop = false;
    let last;
    const talk = (async () => {
      for (let i = 0; !stop; i++) last = (await b.send(room, `m ${i}`)).id;
    })();
    try {
      for (let round = 0; round < 9; round++) {
        // polling at one worker, the WebSocket at another
        const agent = new WorkerAgent(server, (path) => {
          const ws = /transport=websocket/.test(path);
          return pids[(round + (ws ? 1 + round % 2 : 0)) % 3];
        });
        const client = await connect(anna, { agent });
        await client.upgraded();
        assert.equal((await client.send(room, `from anna ${round}`)).ok, true);
        const known = last;
        const got = await until(() => {
          const ids = client.messages(room).map((m) => m.id);
          return ids.length > 10 && ids.at(-1) > known && ids;
        }, 'messages behind the upgrade');
        assert.deepEqual(got, await storedIds(server.redis.client, room,
                                              got[0], got.at(-1)));
        assert.deepEqual(client.reasons, []);
        assert.match(server.errorLog(), new RegExp(
          `session ${client.socket.io.engine.id} closed: moved`));
        client.close();
      }
    } finally {
      stop = true;
      await talk;
      b.close();
    }
  });

  test('what the client sends around an upgrade to another worker',
       async () => {
    const pids = server.workerPids();
    const b = await connect(ben, { transports: ['websocket'] });
    for (let round = 0; round < 6; round++) {
      const agent = new WorkerAgent(server, (path) =>
        pids[(round + (/transport=websocket/.test(path) ? 1 : 0)) % 3]);
      const client = await connect(anna, { agent });
      const texts = [];
      const acks = [];
      for (let i = 0; i < 40; i++) {
        texts.push(`sent ${round} ${i}`);
        acks.push(client.send('0', texts.at(-1)));
        await sleep(3);
      }
      assert.ok((await Promise.all(acks)).every((ack) => ack.ok));
      await client.upgraded();
      await b.waitForText(texts.at(-1));
      assert.deepEqual(b.texts('0').filter((t) =>
        t.startsWith(`sent ${round} `)), texts);
      client.close();
    }
    b.close();
  });

  test('a probe at another worker that is abandoned', async () => {
    const [home, away] = server.workerPids();
    const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
    const polling = await Polling.connect(anna, at(home));

    for (let i = 0; i < 3; i++) {
      const ws = await RawWebSocket.open(anna, {
        query: `&sid=${polling.sid}`, socket: await openOn(server, away) });
      ws.send('2probe');
      assert.equal(await ws.text(), '3probe');
      ws.destroy();
      await sleep(100);
      await polling.emit(i, 'no.such');
      await polling.next((p) => p.startsWith(`43${i}`));
    }
  });

  test('an upgrade at another worker while the owner looks up who it is',
       async () => {
    const [home, away] = server.workerPids();
    const agent = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
    for (let round = 0; round < 30; round++) {
      const polling = await Polling.open(anna, agent(home));
      const ws = await RawWebSocket.open(anna, {
        query: `&sid=${polling.sid}`, socket: await openOn(server, away) });
      ws.send('2probe');
      assert.equal(await ws.text(), '3probe');
      const socket = await openOn(server, home);
      const post = bytes('POST', polling.path(), {
        Cookie: anna.cookie, 'Content-Type': 'text/plain',
        'Content-Length': 2 }, '40');
      const answered = new Promise((done) => socket.once('data', done));
      socket.write(post);
      ws.send('5');
      // (it may also come when the session has moved already)
      if (/^HTTP.1.1 400/.test(String(await answered))) ws.send('40');
      assert.match(await ws.text(), /^40\{/);
      socket.destroy();
      ws.destroy();
    }
  });

  test('a log-out while the WebSocket at another worker is probed',
       async () => {
    const [home, away] = server.workerPids();
    const carl = await user(server);
    const polling = await Polling.connect(carl, {
      agent: new WorkerAgent(server, () => home) });
    const ws = await RawWebSocket.open(carl, {
      query: `&sid=${polling.sid}`, socket: await openOn(server, away) });
    ws.send('2probe');
    assert.equal(await ws.text(), '3probe');
    await carl.request('/logout', { method: 'POST' });
    await until(async () => (await polling.get()).status === 400,
                'the session is gone');
    ws.send('5');
    const { payload } = await ws.frame((f) => f.opcode === OP.close);
    assert.equal(payload.subarray(2).toString(), 'the session is gone');
    ws.destroy();
  });

  test('a log-out at another worker closes what is live', async () => {
    const carl = await user(server);
    const clients = await Promise.all(server.workerPids().map((pid) =>
      connect(carl, { agent: new WorkerAgent(server, () => pid) })));
    await carl.request('/logout', { method: 'POST' });
    await until(() => clients.every((c) => c.reasons.length), 'all closed');
  });
});

// what was delivered elsewhere must not come again when holes are looked for
describe('the subscriber link is cut behind', () => {
  let server;
  let anna;
  let ben;
  let room;
  let b;
  before(async () => {
    server = await start({ workers: 2, chat: NO_RATE });
    [anna, ben] = await users(server, 2);
    room = anna.roomWith(ben);
    b = await connect(ben, { transports: ['websocket'] });
  });
  after(() => {
    b.close();
    return server.stop();
  });

  // the next message of the room is the new one, and not the one before
  const cut = async (text, next) => {
    await server.redis.client.client('KILL', 'TYPE', 'pubsub');
    await subscribed(server);
    assert.equal((await b.send(room, text)).ok, true);
    assert.equal((await next()).message, text);
  };
  const message = (packet) => {
    const [name, data] = eventOf(packet) ?? [];
    return name === 'message' ? data : undefined;
  };
  const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
  const seenAt = async (pid, text) => {
    const polling = await Polling.connect(anna, at(pid));
    await polling.emit(1, 'room.join', room);
    await polling.next((p) => p.startsWith('431'));
    assert.equal((await b.send(room, text)).ok, true);
    await polling.next((p) => message(p)?.message === text);
    return polling;
  };

  test('a move', async () => {
    const [home, away] = server.workerPids();
    const socket = await openOn(server, away);
    const polling = await seenAt(home, 'before');
    const ws = await RawWebSocket.open(anna, {
      query: `&sid=${polling.sid}`, socket });
    ws.send('2probe');
    assert.equal(await ws.text(), '3probe');
    ws.send('5');
    await sleep(100);
    await cut('after', async () => message(await ws.text(message)));
    ws.destroy();
  });

  test('a new connection', async () => {
    const [home, away] = server.workerPids();
    const socket = await openOn(server, away);
    const polling = await seenAt(home, 'seen');
    await polling.post('1');
    const ws = await RawWebSocket.connect(anna, { socket });
    await cut('and then', async () => message(await ws.text(message)));
    ws.destroy();
  });
});

describe('two hosts on one Redis', () => {
  let server;
  let hosts;
  before(async () => {
    server = await start({ workers: 2, hosts: 2, chat: NO_RATE });
    hosts = server.hosts;
  });
  after(() => server.stop());

  test('one chat: accounts, sessions, events, presence', async () => {
    const anna = await user(hosts[0]);
    const ben = await user(hosts[1]);
    assert.deepEqual((await user(hosts[1], anna.name)).id, anna.id);
    const there = Object.assign(Object.create(Object.getPrototypeOf(anna)),
                                anna, { server: hosts[1] });
    assert.equal((await there.get('/me')).json.id, anna.id);

    const a = await connect(anna);
    const b = await connect(ben);
    await a.waitFor('user.connected', (u) => u.id === ben.id);
    assert.equal((await a.send('0', 'host to host')).ok, true);
    await b.waitForText('host to host');
    const room = anna.roomWith(ben);
    await b.send(room, 'quietly');
    await a.waitForText('quietly');
    assert.equal(a.texts().length, 2);
    assert.equal(b.texts().length, 2);
    // a second tab at the other host is no news
    const b2 = await connect(Object.assign(
      Object.create(Object.getPrototypeOf(ben)), ben, { server: hosts[0] }));
    b2.close();
    await sleep(300);
    assert.equal(a.of('user.disconnected').length, 0);
    b.close();
    await a.waitFor('user.disconnected', (u) => u.id === ben.id);
    await closeAll(a);
  });

  test('the envelopes of two hosts have two server ids', async () => {
    const envelopes = await server.redis.listen('MESSAGES');
    for (const host of hosts) {
      const client = await connect(await user(host));
      assert.equal((await client.send('0', 'x')).ok, true);
      client.close();
    }
    await until(() => envelopes.length >= 4, 'two messages, two users');
    assert.equal(new Set(envelopes.map((e) => JSON.parse(e).serverId)).size, 2);
  });

  test('a session\'s polling requests at the other host are relayed',
       async () => {
    const anna = await user(hosts[0]);
    const polling = await Polling.connect(anna);
    const there = Object.assign(Object.create(Object.getPrototypeOf(anna)),
                                anna, { server: hosts[1] });
    polling.session = there;
    await polling.emit(1, 'no.such');
    await polling.next((p) => p.startsWith('431'));
    const ws = await RawWebSocket.open(there, { query: `&sid=${polling.sid}` });
    ws.send('2probe');
    assert.equal(await ws.text(), '3probe');
    ws.send('5');
    ws.emit(2, 'no.such');
    await ws.text((t) => t.startsWith('432'));
    await ws.close();
  });
});

describe('reload and quit', () => {
  test('a reload tells the clients that can\'t stay (see handover.test.mjs), '
       + 'who come back and miss nothing',
       async () => {
    const server = await start({ workers: 2, chat: NO_RATE });
    try {
      const [anna, ben] = await users(server, 2);
      const room = anna.roomWith(ben);
      const again = { reconnection: true, reconnectionDelay: 50,
                      reconnectionDelayMax: 200 };
      const clients = await Promise.all([['polling'], ['websocket'],
        ['polling', 'websocket']].map((transports) =>
        connect(anna, { transports, ...again })));
      const ws = await RawWebSocket.connect(anna);
      const stream = await EventStream.open(anna, '/events');
      const b = await connect(ben, again);
      await b.send(room, 'before');
      for (const client of clients) await client.waitForText('before');
      const old = await server.reload();
      await until(() => stream.closed, 'the stream ends', 8000);
      await until(() => clients[0].reasons.length
        && [...clients, b].every((c) => c.socket.connected), 'all are back',
                  10000);
      assert.equal((await b.send(room, 'after')).ok, true);
      for (const client of clients) await client.waitForText('after');
      await until(() => !old.some(alive), 'the old workers have ended', 15000);
      ws.emit(1, 'no.such');
      await ws.text((t) => t.startsWith('431'));
      await closeAll(clients, b);
    } finally {
      await server.stop();
    }
  });

  test('reloads under load', async () => {
    const server = await start({ workers: 2, chat: NO_RATE });
    try {
      const [anna, ben] = await users(server, 2);
      const again = { reconnection: true, reconnectionDelay: 20,
                      reconnectionDelayMax: 100 };
      const clients = await Promise.all(Array.from({ length: 20 }, (_, i) =>
        connect(i % 2 ? anna : ben, {
          ...again, transports: [['polling'], ['websocket'],
                                 ['polling', 'websocket']][i % 3] })));
      const old = [];
      for (let i = 0; i < 4; i++) {
        old.push(...await server.reload());
        await sleep(300);
      }
      await until(() => !old.some(alive)
                  && clients.every((c) => c.socket.connected), 'back', 15000);
      await sleep(200);
      await until(() => clients.every((c) => c.socket.connected), 'still there',
                  15000);
      const ack = await until(async () => {
        const reply = await clients[0].send('0', 'all there?').catch(() => 0);
        return reply?.ok && reply;
      }, 'a message is taken');
      assert.ok(ack.ok);
      await until(() => clients.every((c) => c.texts().includes('all there?')),
                  'all get it');
      await closeAll(clients);
    } finally {
      await server.stop();
    }
  });

  test('with clients of every kind connected, nginx ends clean', async () => {
    const server = await start({ workers: 2, chat: NO_RATE });
    const anna = await user(server);
    await Promise.all([['polling'], ['websocket'], ['polling', 'websocket']]
      .map((transports) => connect(anna, { transports })));
    const polling = await Polling.connect(anna);
    polling.get().catch(() => {});
    await EventStream.open(anna, '/events');
    await EventStream.open(anna, '/stream');
    const ws = await RawWebSocket.open(anna);
    const half = await RawWebSocket.open(anna, {
      query: `&sid=${polling.sid}` });
    await sleep(100);
    await server.stop();
    await until(() => ws.closed && half.closed, 'closed');
  });

  test('and when it is told to be quick (TERM)', async () => {
    const server = await start({ workers: 2, chat: NO_RATE });
    const anna = await user(server);
    await Promise.all([['polling'], ['websocket']]
      .map((transports) => connect(anna, { transports })));
    process.kill(server.nginxPid, 'SIGTERM');
    await sleep(300);
    await server.stop();
  });
});

describe('a worker that dies', () => {
  test('its polling sessions are unknown soon, clients come back', async () => {
    const server = await start({ workers: 2, chat: NO_RATE });
    try {
      const anna = await user(server);
      const [first, second] = server.workerPids();
      const at = (pid) => ({ agent: new WorkerAgent(server, () => pid) });
      const polling = await Polling.connect(anna, at(first));
      const client = await connect(anna, {
        transports: ['polling'], reconnection: true, reconnectionDelay: 50 });
      process.kill(first, 'SIGKILL');
      const started = Date.now();
      const reply = await polling.get({ ...at(second), timeout: 12000 });
      assert.ok(reply.status === 400 || reply.status === 503,
                `${reply.status} ${reply.text}`);
      assert.ok(Date.now() - started < 11000);
      await until(() => server.workerPids().length === 2, 'a new worker');
      // its session may have been the dead one's, and its acks with it
      await until(async () => client.socket.connected
                  && (await within(client.send('0', 'alive'), 2000, 'ack')
                    .catch(() => 0))?.ok, 'the client works', 20000);
      client.close();
    } finally {
      await server.stop({ allow: [/exited on signal 9/] });
    }
  });
});
