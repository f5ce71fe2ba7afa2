// Reloads that no WebSocket connection notices: the old workers hand theirs to
// the new ones.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import zlib from 'node:zlib';

import { PASSWORD, seedUsers, storedIds } from './lib/data.mjs';
import { EventStream, user, users } from './lib/http.mjs';
import { NO_RATE, alive, sleep, start, until, within } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, frame } from './lib/websocket.mjs';

const WS = { transports: ['websocket'] };

async function withServer(options, run) {
  const { allow, ...more } = options;
  const server = await start({ chat: NO_RATE, ...more });
  try {
    await run(server);
  } finally {
    await server.stop({ allow });
  }
}

const ends = (pids) => until(() => !pids.some(alive), 'the old workers end',
                             20000);

// a reload, and its old workers have gone
async function reload(server) {
  const old = await server.reload();
  await ends(old);
}

const stays = (clients) => {
  for (const client of clients) {
    assert.deepEqual(client.reasons, []);
    assert.ok(client.socket.connected);
  }
};

for (const workers of [1, 2]) {
  test(`reloads under load, ${workers} worker(s): nobody is disconnected, all `
       + 'messages come once, in order', () =>
    withServer({ workers }, async (server) => {
      const [anna, ben] = await users(server, 2);
      const room = anna.roomWith(ben);
      const clients = await Promise.all(Array.from({ length: 12 }, (_, i) =>
        connect(i % 2 ? anna : ben, WS)));
      const upgraded = await connect(anna);
      await upgraded.upgraded();
      clients.push(upgraded);
      const sids = clients.map((c) => [c.socket.id, c.socket.io.engine.id]);
      const envelopes = await server.redis.listen('MESSAGES');
      let stop = false;
      const talks = [0, 1].map(async (n) => {
        for (let i = 0; !stop; i++) {
          const ack = await clients[n].send(i % 2 ? room : '0', `${n} ${i}`);
          assert.equal(ack.ok, true);
        }
      });
      await sleep(200);
      for (let i = 0; i < 3; i++) await reload(server);
      await sleep(200);
      stop = true;
      await Promise.all(talks);
      for (const name of ['0', room]) {
        const ids = await storedIds(server.redis.client, name, '-inf',
                                    '+inf');
        assert.ok(ids.length > 20, `${ids.length} messages`);
        for (const client of clients) {
          await until(() => client.messages(name).length >= ids.length,
                      'all messages');
          assert.deepEqual(client.messages(name).map((m) => m.id), ids);
        }
      }
      stays(clients);
      assert.deepEqual(clients.map((c) => [c.socket.id, c.socket.io.engine.id]),
                       sids);
      assert.deepEqual(envelopes.filter((e) => /user\.(dis)?connected/.test(e)),
                       [], 'nobody seems to come or go');
      await closeAll(clients);
      await until(() => envelopes.filter((e) => /user\.disc/.test(e))
        .length === 2, 'both leave', 8000);
    }));
}

describe('states of a connection', { concurrency: 2 }, () => {
  test('200 clients, while messages flow', () =>
    withServer({ seed: (redis) => seedUsers(redis, ['u0', 'u1', 'u2', 'u3']) },
               async (server) => {
      const sessions = [];
      for (const name of ['u0', 'u1', 'u2', 'u3']) {
        sessions.push(await user(server, name, PASSWORD));
      }
      const clients = await Promise.all(Array.from({ length: 200 }, (_, i) =>
        connect(sessions[i % 4], WS)));
      let stop = false;
      const talk = (async () => {
        for (let i = 0; !stop; i++) {
          assert.equal((await clients[i % 200].send('0', `m ${i}`)).ok, true);
        }
      })();
      await sleep(200);
      await reload(server);
      await sleep(200);
      stop = true;
      await talk;
      const ids = await storedIds(server.redis.client, '0', '-inf', '+inf');
      await until(() => clients.every((c) =>
        c.messages().length >= ids.length), 'all have all', 20000);
      for (const client of clients) {
        assert.deepEqual(client.messages().map((m) => m.id), ids);
      }
      stays(clients);
    }));

  test('half a frame, half a message, and no log-in to the namespace yet', () =>
    withServer({}, async (server) => {
      const anna = await user(server);
      const opened = await RawWebSocket.open(anna);
      await opened.text((t) => t.startsWith('0'));
      const half = await RawWebSocket.connect(anna);
      const whole = frame(OP.text, '421["no.such","é漢😀"]');
      half.write(whole.subarray(0, 21));
      const pieces = await RawWebSocket.connect(anna);
      pieces.write(frame(OP.text, '422["no', { fin: false }));
      pieces.write(frame(OP.cont, '.such","', { fin: false }));
      const next = frame(OP.cont, 'é"]');
      pieces.write(next.subarray(0, 7));
      // a control frame within the message
      const ping = frame(OP.ping, 'in two pieces');
      const pinging = await RawWebSocket.connect(anna);
      pinging.write(frame(OP.text, '422["no', { fin: false }));
      pinging.write(ping.subarray(0, 10));
      const silent = await RawWebSocket.connect(anna);
      await sleep(100);
      await reload(server);
      half.write(whole.subarray(21));
      assert.match(await half.text((t) => t.startsWith('43')), /^431/);
      pieces.write(next.subarray(7));
      assert.match(await pieces.text((t) => t.startsWith('43')), /^432/);
      pinging.write(ping.subarray(10));
      const pong = await pinging.frame((f) => f.opcode === OP.pong);
      assert.equal(pong.payload.toString(), 'in two pieces');
      pinging.write(frame(OP.cont, '.such"]'));
      assert.match(await pinging.text((t) => t.startsWith('43')), /^432/);
      opened.send('40');
      assert.match(await opened.text((t) => t.startsWith('4')), /^40\{/);
      for (const ws of [half, pieces, pinging, opened]) ws.emit(3, 'no.such');
      for (const ws of [half, pieces, pinging, opened]) {
        await ws.text((t) => t.startsWith('433'));
      }
      // what ends the log-in ends them all
      await anna.request('/logout', { method: 'POST' });
      for (const ws of [half, pieces, pinging, silent, opened]) {
        assert.equal(await ws.closeCode(), 1000);
      }
    }));

  test('permessage-deflate goes on, both ways', () =>
    withServer({ chat: `${NO_RATE} chat_deflate on;` }, async (server) => {
      const anna = await user(server);
      const ws = await RawWebSocket.connect(anna, { headers: {
        'Sec-WebSocket-Extensions': 'permessage-deflate' } });
      assert.match(ws.header('Sec-WebSocket-Extensions'), /deflate/);
      await reload(server);
      const text = 'x'.repeat(2000);
      const packed = zlib.deflateRawSync(
        `42["message",{"roomId":"0","message":"${text}"}]`,
        { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
      ws.write(frame(OP.text, packed, { rsv: 4 }));
      const got = await ws.frame((f) => f.rsv === 4);
      const whole = zlib.inflateRawSync(Buffer.concat([got.payload,
        Buffer.from([0, 0, 0xff, 0xff])]),
                                { finishFlush: zlib.constants.Z_SYNC_FLUSH });
      assert.equal(JSON.parse(whole.toString().slice(2))[1].message, text);
    }));

  test('a client that reads slowly, with a queue full of messages', () =>
    withServer({ chat: `${NO_RATE} chat_send_queue 16m;`,
                 listen: 'sndbuf=64k' }, async (server) => {
      const [anna, ben] = await users(server, 2);
      const b = await connect(ben, WS);
      const slow = await RawWebSocket.connect(anna);
      slow.socket.pause();
      const texts = Array.from({ length: 200 }, (_, i) =>
        `${i} ${'x'.repeat(30000)}`);
      for (const text of texts.slice(0, 150)) await b.send('0', text);
      const [old] = await Promise.all([server.reload(),
        ...texts.slice(150).map((text) => b.send('0', text))]);
      await ends(old);
      await b.send('0', 'last');
      slow.socket.resume();
      await slow.text((t) => t.includes('"message":"last"'), 15000);
      const got = slow.frames.map((f) => f.payload.toString())
        .filter((t) => t.startsWith('42["message"'))
        .map((t) => JSON.parse(t.slice(2))[1].message);
      assert.deepEqual(got, texts);
      stays([b]);
    }));

  test('pings go on where they were', () =>
    withServer({ chat: `${NO_RATE} chat_ping_interval 1500ms;`
                       + 'chat_ping_timeout 1500ms;' }, async (server) => {
      const anna = await user(server);
      const clients = await Promise.all([0, 1, 2].map(() => connect(anna, WS)));
      const old = [];
      for (let i = 0; i < 8; i++) {
        old.push(...await server.reload());
        await sleep(700);
      }
      await ends(old);
      assert.equal((await clients[0].send('0', 'there?')).ok, true);
      for (const client of clients) await client.waitForText('there?');
      stays(clients);
    }));

  test('reloads in quick succession', () => withServer({}, async (server) => {
    const anna = await user(server);
    const clients = await Promise.all(Array.from({ length: 20 }, () =>
      connect(anna, WS)));
    const old = [];
    for (let i = 0; i < 6; i++) old.push(...await server.reload());
    await ends(old);
    assert.equal((await clients[0].send('0', 'there?')).ok, true);
    for (const client of clients) await client.waitForText('there?');
    stays(clients);
  }));
});

// whoever can't be handed over is told to come again
describe('what drains as before', { concurrency: 3 }, () => {
  const changed = (server, change) => {
    const conf = path.join(server.dir, 'nginx0/nginx.conf');
    const text = fs.readFileSync(conf, 'utf8');
    const other = change(text);
    assert.notEqual(other, text);
    fs.writeFileSync(conf, other);
  };

  test('polling sessions and event streams, beside WebSockets that stay', () =>
    withServer({}, async (server) => {
      const anna = await user(server);
      const ws = await connect(anna, WS);
      const polling = await connect(anna, { transports: ['polling'] });
      const stream = await EventStream.open(anna, '/events');
      await reload(server);
      await until(() => polling.reasons.length, 'polling is told');
      await until(() => stream.closed, 'the stream ends');
      stays([ws]);
    }));

  test('TLS', async () => {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-e2e-'));
    const tls = { cert: path.join(dir, 'cert'), key: path.join(dir, 'key') };
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
      'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
      '/CN=127.0.0.1', '-keyout', tls.key, '-out', tls.cert],
                 { stdio: 'ignore' });
    try {
      await withServer({ tls }, async (server) => {
        const ws = await RawWebSocket.connect(await user(server));
        const old = await server.reload();
        assert.equal(await ws.closeCode(), 1001);
        await ends(old);
      });
    } finally {
      fs.rmSync(dir, { recursive: true });
    }
  });

  test('a configuration without the chat, or with another one', () =>
    withServer({}, async (server) => {
      const anna = await user(server);
      let ws = await RawWebSocket.connect(anna);
      // what clients have not been told of may change
      changed(server, (text) => text.replace(/(\s)chat on;/,
                                             '$1chat on; chat_max_message 5;'));
      await reload(server);
      ws.emit(1, 'message', { roomId: '0', message: '123456' });
      assert.match(await ws.text((t) => t.startsWith('431')), /error/);

      changed(server, (text) => text.replace(/(\s)chat on;/,
                                        '$1chat on; chat_max_payload 64k;'));
      let old = await server.reload();
      assert.equal(await ws.closeCode(8000), 1001);
      await ends(old);

      ws = await RawWebSocket.connect(anna);
      changed(server, (text) => text.replace(/chat on;/g, 'chat off;'));
      old = await server.reload();
      assert.equal(await ws.closeCode(8000), 1001);
      await ends(old);
    }));

  test('a new worker that does not answer, and is killed', () =>
    withServer({ allow: [/exited on signal 9/], workers: 1,
                 shutdownTimeout: '20s' }, async (server) => {
      const anna = await user(server);
      for (const wait of [0, 40, 80, 100, 110, 120, 140]) {
        const clients = await Promise.all(Array.from({ length: 10 }, () =>
          connect(anna, { ...WS, reconnection: true, reconnectionDelay: 50,
                          reconnectionDelayMax: 200 })));
        const old = await server.reload();
        const [pid] = server.workerPids();
        if (wait) await sleep(wait);
        else process.kill(pid, 'SIGSTOP');
        if (!wait) await sleep(400);
        process.kill(pid, 'SIGKILL');
        await ends(old);
        await until(() => clients.every((c) => c.socket.connected), 'back',
                    15000);
        await until(async () => (await within(clients[0].send(
          '0', `after ${wait}`), 2000, 'ack').catch(() => 0))?.ok, 'it works',
                    15000);
        await until(() => clients.every((c) =>
          c.texts().includes(`after ${wait}`)), 'all get it', 15000);
        await closeAll(clients);
      }
    }));

  test('Redis that hangs, and worker_shutdown_timeout in the middle', () =>
    withServer({ shutdownTimeout: '1s' }, async (server) => {
      const anna = await user(server);
      const all = await Promise.all(Array.from({ length: 10 }, () =>
        RawWebSocket.connect(anna)));
      const { client } = server.redis;
      const pids = server.workerPids();
      process.kill(server.nginxPid, 'SIGHUP');
      await until(async () => (await client.pubsub('NUMSUB', 'MESSAGES'))[1]
        > pids.length, 'a new worker is on the bus', 10000, 1);
      server.redis.pause();
      try {
        await ends(pids);
        for (const ws of all) await ws.gone();
      } finally {
        server.redis.resume();
      }
    }));
});
