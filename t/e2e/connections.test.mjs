// chat_max_connections: how many an address may have, and that each is given
// back, however it ends.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { EventStream, Session, WorkerAgent, assertError, openOn, user }
  from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, alive, start, subscribed, until } from './lib/server.mjs';
import { connect } from './lib/sio.mjs';
import { RawWebSocket } from './lib/websocket.mjs';

async function withServer(limit, options, run) {
  const { allow, chat = '', ...more } = options;
  const server = await start({
    chat: `${NO_RATE} chat_presence_grace 0s; ${chat}`,
    perAddress: `chat_max_connections ${limit};`, ...more });
  try {
    await run(server, await user(server));
  } finally {
    await server.stop({ allow });
  }
}

const HANDSHAKE = '/socket.io/?EIO=4&transport=polling';

// is there room for one more? it does not stay
async function room(session, options) {
  const reply = await session.get(HANDSHAKE, options);
  if (reply.status === 429) return false;
  assert.equal(reply.status, 200, reply.text);
  const { sid } = JSON.parse(reply.text.slice(1));
  const end = await session.post(`${HANDSHAKE}&sid=${sid}`, '1', {
    ...options, headers: { ...options?.headers,
                           'Content-Type': 'text/plain;charset=UTF-8' } });
  assert.equal(end.status, 200, end.text);
  return true;
}

const hasRoom = (session, what, options) =>
  until(() => room(session, options), what, 15000);

// polling sessions that stay; how many there was room for
async function open(session, count) {
  let n = 0;
  for (let i = 0; i < count; i++) {
    n += (await session.get(HANDSHAKE)).status === 200;
  }
  return n;
}

const works = async (ws, id) => {
  ws.emit(id, 'message', { roomId: '0', message: `from ${id}` });
  assert.match(await ws.text((t) => t.startsWith(`43${id}[`)), /"ok":true/);
};

const transports = {
  WebSocket: async (anna) => {
    const ws = await RawWebSocket.connect(anna);
    return () => ws.close();
  },
  'WebSocket, cut off': async (anna) => {
    const ws = await RawWebSocket.connect(anna);
    return () => ws.destroy();
  },
  'WebSocket, closed by Engine.IO': async (anna) => {
    const ws = await RawWebSocket.connect(anna);
    return () => ws.send('1');
  },
  polling: async (anna) => {
    const polling = await Polling.connect(anna);
    return () => polling.post('1');
  },
  '/stream': async (anna) => {
    const stream = await EventStream.open(anna, '/stream');
    return () => stream.close();
  },
  '/events': async (anna) => {
    const stream = await EventStream.open(anna, '/events');
    return () => stream.close();
  },
};

describe('chat_max_connections', () => {
  test('one too many is refused on each transport, and none else', () =>
    withServer(2, {}, async (server, anna) => {
      const [one, two] = [await RawWebSocket.connect(anna),
                          await RawWebSocket.connect(anna)];
      const refused = (reply, what) => {
        assertError(reply, 429, what);
        assert.equal(reply.headers['retry-after'], '10', what);
      };
      refused(await anna.get(HANDSHAKE), 'polling');
      refused(await anna.get('/stream'), '/stream');
      refused(await anna.get('/events'), '/events');

      const third = await RawWebSocket.open(anna);
      assert.equal(third.status, 429);
      assert.equal(third.header('retry-after'), '10');
      assert.deepEqual(Object.keys(JSON.parse(third.body)), ['message']);
      third.destroy();

      // whoever it is
      refused(await new Session(server).get(HANDSHAKE), 'without a session');

      // who is in stays, and everything else goes on
      await works(one, 1);
      await works(two, 2);
      assert.equal((await anna.get('/me')).json.id, anna.id);

      // what was refused does not count
      one.destroy();
      await hasRoom(anna, 'one has gone');
      const again = await RawWebSocket.connect(anna);
      assert.equal(await room(anna), false);
      two.destroy();
      again.destroy();
    }));

  test('what is refused for something else takes no place', () =>
    withServer(1, {}, async (server, anna) => {
      const websocket = (headers) => anna.get(
        '/socket.io/?EIO=4&transport=websocket', { headers });
      for (let i = 0; i < 3; i++) {
        assert.equal((await websocket({})).status, 400);
        assert.equal((await websocket({
          Connection: 'Upgrade', Upgrade: 'websocket',
          'Sec-WebSocket-Version': '8',
          'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==' })).status, 426);
        assert.equal((await anna.get(`${HANDSHAKE}&sid=none`)).status, 400);
        assert.equal((await new Session(server).get('/events')).status, 403);
      }
      const ws = await RawWebSocket.connect(anna);
      assert.equal(await room(anna), false);
      ws.destroy();
    }));

  test('each is given back when it ends', () =>
    withServer(1, {}, async (server, anna) => {
      for (const [name, enter] of Object.entries(transports)) {
        for (let i = 1; i <= 2; i++) {
          const leave = await enter(anna);
          assert.equal(await room(anna), false, `${name} ${i}`);
          await leave();
          await hasRoom(anna, `${name} ${i}`);
        }
      }
    }));

  test('so is a polling session that is not heard of again', () =>
    withServer(1, { chat: 'chat_ping_interval 1s; chat_ping_timeout 1s;' },
      async (server, anna) => {
        await Polling.connect(anna);
        assert.equal(await room(anna), false);
        await hasRoom(anna, 'its time is up');
      }));

  test('all workers count together; one that is killed leaves nothing', () =>
    withServer(3, { allow: [/exited on signal 9/] }, async (server, anna) => {
      const [home, away] = server.workerPids();
      const at = async (pid) => RawWebSocket.connect(
        anna, { socket: await openOn(server, pid) });
      const all = [await at(home), await at(home), await at(away)];
      assert.equal(await room(anna), false);

      process.kill(home, 'SIGKILL');
      await until(() => !alive(home) && server.workerPids().length === 2,
                  'another worker');
      await subscribed(server);

      // two places are free, and not one more
      all.push(await RawWebSocket.connect(anna),
               await RawWebSocket.connect(anna));
      assert.equal(await room(anna), false);
      await works(all[2], 1);
      all.forEach((ws) => ws.destroy());
    }));

  test('a worker that is killed on its way out leaves nothing either', () =>
    withServer(40, { allow: [/exited on signal 9/], workers: 1,
                     drainTime: '5s', shutdownTimeout: '20s' },
      async (server, anna) => {
        assert.equal(await open(anna, 41), 40);
        const [old] = await server.reload();
        assert.ok(alive(old));
        process.kill(old, 'SIGKILL');
        await until(() => !fs.existsSync(`/proc/${old}`), 'it has gone');
        assert.equal(await open(anna, 41), 40);
      }));

  test('reloads: connections that are handed over count once', () =>
    withServer(3, {}, async (server, anna) => {
      const all = [];
      for (let i = 0; i < 3; i++) all.push(await RawWebSocket.connect(anna));

      for (let round = 1; round <= 2; round++) {
        const old = await server.reload();
        await until(() => !old.some(alive), 'the old workers end', 20000);
        for (const [i, ws] of all.entries()) await works(ws, 10 * round + i);
        assert.equal(await room(anna), false);

        // one for one
        all.pop().destroy();
        await hasRoom(anna, 'one has gone');
        all.push(await RawWebSocket.connect(anna));
        assert.equal(await room(anna), false);
      }

      all.forEach((ws) => ws.destroy());
      await hasRoom(anna, 'all have gone');
    }));

  test('what ends at a reload is given back', () =>
    withServer(2, {}, async (server, anna) => {
      await Polling.connect(anna);
      await EventStream.open(anna, '/stream');
      assert.equal(await room(anna), false);
      const old = await server.reload();
      await until(() => !old.some(alive), 'the old workers end', 20000);
      const all = [await RawWebSocket.connect(anna),
                   await RawWebSocket.connect(anna)];
      assert.equal(await room(anna), false);
      all.forEach((ws) => ws.destroy());
    }));

  test('an upgrade takes no second place, wherever it arrives', () =>
    withServer(1, {}, async (server, anna) => {
      const pids = server.workerPids();
      for (const to of pids) {
        const client = await connect(anna, {
          agent: new WorkerAgent(server, (path) =>
            /transport=websocket/.test(path) ? to : pids[0]) });
        await client.upgraded();

        // answered by the worker that has it now
        assert.equal((await client.send('0', 'still here')).ok, true);
        assert.equal(await room(anna), false);
        client.close();
        await hasRoom(anna, 'it has gone');
      }
    }));

  test('by default 200; off; and each location has its own idea of it', () =>
    withServer(0, { perAddress: '', workers: 1, locations: {
      '/free/': 'chat_max_connections off;',
      '/tight/': 'chat_max_connections 2;' } }, async (server, anna) => {
      const below = (prefix) => new Session({
        ...server, url: server.url.replace(/\/$/, '') + prefix });
      assert.equal(await open(below('/tight'), 3), 2);
      assert.equal(await open(anna, 200), 198);
      assert.equal(await open(below('/tight'), 1), 0);
      assert.equal(await open(below('/free'), 10), 10);

      // which count nowhere, nor does it help to have some there
      assert.equal(await room(anna), false);
    }));

  test('addresses: IPv4, IPv6 by its network, and a Unix socket has none',
       async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-e2e-unix-'));
    const socketPath = path.join(dir, 'nginx.sock');
    const over = () => new Promise((resolve, reject) => {
      http.get({ socketPath, path: HANDSHAKE }, (reply) => {
        reply.resume().on('end', () => resolve(reply.statusCode));
      }).on('error', reject);
    });
    const from = (address) => ({ headers: { 'X-Real-IP': address } });
    const config = `listen unix:${socketPath}; set_real_ip_from 127.0.0.1;
                    real_ip_header X-Real-IP;`;

    await withServer(1, { server: config, ends: () =>
      fs.rmSync(dir, { recursive: true }) }, async (server, anna) => {
      const status = async (address) =>
        (await anna.get(HANDSHAKE, from(address))).status;

      for (const [address, wanted] of [
        ['192.0.2.1', 200], ['192.0.2.1', 429], ['192.0.2.2', 200],
        ['2001:db8::1', 200], ['2001:db8::ffff:0:0:2', 429],
        ['2001:db8:0:1::1', 200], ['::ffff:192.0.2.1', 429]]) {
        assert.equal(await status(address), wanted, address);
      }
      for (let i = 0; i < 4; i++) assert.equal(await over(), 200);
      assert.equal(await status('192.0.2.9'), 200);
    });
  });
});
