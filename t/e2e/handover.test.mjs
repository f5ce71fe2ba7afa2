// Reloads that no WebSocket connection notices: the old workers hand theirs to
// the new ones.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { PASSWORD, seedUsers, storedIds } from './lib/data.mjs';
import { EventStream, WorkerAgent, user, users } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, alive, sleep, start, until } from './lib/server.mjs';
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
