// That the benchmark measures what it says, with tiny numbers: everybody gets
// everything, and what is lost, doubled or out of order is seen as such.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { createServer } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { constants, deflateRawSync } from 'node:zlib';

import { PAGE, beside, fan, fanOptions, rest, using } from './lib/measure.mjs';
import { dir, load } from './lib/process.mjs';
import { growth, scales } from './lib/sections.mjs';
import { putIn, table } from './lib/table.mjs';

const TINY = { clients: 20, users: 20, senders: 3, seconds: 0.3, warmup: 0.1,
               open: 8 };

function complete(report) {
  assert.equal(report.ok, 1);
  assert.ok(report.deliveries > 0 && report.messages > 0);
  assert.equal(report.delivered, report.sent * report.clients);
  assert.ok(report.server_us > 0);
}

for (const target of ['each', 'turn']) {
  test(`the floor, a send ${target}`, async () => {
    complete(await fan(target, { ...TINY, window: 4 }));
  });
}

test('this module: closed loop in several rooms, acknowledged', async () => {
  const report = await fan('chat', { ...TINY, window: 4, rooms: 3 });
  complete(report);
  assert.equal(report.acked, report.sent);
  assert.ok(report.redis_us_per_message > 0);
});

test('this module: a fixed rate', async () => {
  const report = await fan('chat', { ...TINY, rate: 50, seconds: 1 });
  complete(report);
  assert.ok(report.messages >= 48 && report.messages <= 52,
            `${report.messages}`);
  assert.ok(report.p50_us > 0 && report.p50_us <= report.p99_us);
});

// -- a server that does to the third client's texts as it is told

async function liar(change) {
  const sockets = [];
  const server = createServer();
  server.on('upgrade', (request, socket) => {
    const accept = createHash('sha1').update(
      `${request.headers['sec-websocket-key']
      }258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
      + `Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
    socket.on('error', () => {});
    sockets.push(socket);
    socket.on('data', (data) => {
      for (let at = 0; at < data.length;) {
        const length = data[at + 1] & 127;
        const mask = data.subarray(at + 2, at + 6);
        const text = data.subarray(at + 6, at + 6 + length)
          .map((byte, i) => byte ^ mask[i % 4]);
        at += 6 + length;
        sockets.forEach((to, i) => {
          const frame = Buffer.concat([Buffer.from([0x81, length]), text]);
          (i === 2 ? change(frame) : [frame]).forEach((f) => to.write(f));
        });
      }
    });
  });
  await new Promise((done) => { server.listen(0, '127.0.0.1', done); });
  return { port: server.address().port, stop: () => server.close() };
}

async function lied(change, options) {
  const server = await liar(change);
  try {
    await load('fan', { ...TINY, clients: 4, rate: 100, senders: 1, size: 100,
                        seconds: 0.5, port: server.port, ...options });
    return { ok: 1 };
  } catch (error) {
    if (!error.report) throw error;
    return error.report;
  } finally {
    server.stop();
  }
}

const tenth = (change) => {
  let count = 0;
  return (frame) => (++count === 10 ? change(frame) : [frame]);
};

test('a server that changes nothing passes', async () => {
  assert.equal((await lied((frame) => [frame])).ok, 1);
});

test('compressed messages are read', async () => {
  const deflated = (frame) => {
    const data = deflateRawSync(frame.subarray(2),
                                { finishFlush: constants.Z_SYNC_FLUSH });
    return [Buffer.concat([Buffer.from([0xc1, data.length - 4]),
                           data.subarray(0, -4)])];
  };
  assert.equal((await lied(deflated, { deflate: 1 })).ok, 1);
});

test('one lost message is found', async () => {
  const report = await lied(tenth(() => []));
  assert.equal(report.ok, 0);
  assert.equal(report.missing, 1);
});

test('one doubled message is found', async () => {
  const report = await lied(tenth((frame) => [frame, frame]));
  assert.equal(report.ok, 0);
  assert.equal(report.doubled_or_late, 1);
});

test('two messages that change places are found', async () => {
  let held;
  let count = 0;
  const report = await lied((frame) => {
    if (++count === 10) {
      held = frame;
      return [];
    }
    return count === 11 ? [frame, held] : [frame];
  });
  assert.equal(report.ok, 0);
  assert.equal(report.same_order, 0);
  assert.equal(report.doubled_or_late, 1);
});

// -- clients that resume

const resume = (directives, command) => using('chat', {
  users: 20, directives }, (server) => load('resume', {
  ...fanOptions(server, TINY), rate: 300, seconds: 2,
  at: `0.5 ${command(server.pids()[0])}` }));

test('clients stay through a reload, nothing lost or doubled', async () => {
  const report = await resume('', (master) => `kill -HUP ${master}`);
  assert.equal(report.ok, 1);
  assert.equal(report.acked, 600);
  assert.equal(report.delivered, 600 * 20);
  assert.equal(report.reconnects, 0);
});

const cut = (master) => `pkill -KILL -P ${master}`;

test('clients resume when their worker dies, nothing lost or doubled',
     async () => {
  const report = await resume('', cut);
  assert.equal(report.ok, 1);
  assert.equal(report.delivered, 600 * 20);
  assert.ok(report.reconnects >= 20, `${report.reconnects}`);
});

test('a resume that can\'t be complete is found', async () => {
  await assert.rejects(resume('chat_history_limit 3;', cut), (error) => {
    assert.equal(error.report?.ok, 0, error.message);
    assert.ok(error.report.missing > 0);
    assert.ok(error.report.gaps > 0);
    return true;
  });
});

// -- REST

test('pages of history, and log-ins', async () => {
  const options = { users: 3, clients: 4, seconds: 0.3, warmup: 0.1 };
  const page = await rest('chat', { ...options, path: PAGE }, { history: 30 });
  assert.equal(page.ok, 1);
  assert.ok(page.body_bytes > 15 * 64 && page.requests > 10);
  const logins = await rest('chat', {
    ...options, clients: 2, seconds: 1, path: '/login',
    body: '{"username":"bench%d","password":"password123"}' });
  assert.equal(logins.ok, 1);
});

test('an answer that isn\'t 200 is found', async () => {
  await assert.rejects(rest('chat', {
    users: 1, clients: 2, seconds: 0.2, path: '/room/nowhere/messages' }),
  (error) => error.report?.status === 403 || error.report?.status === 404);
});

// -- the table

test('the floor is run before and after each target', async () => {
  const order = [];
  const figures = { low: [10, 20, 40], high: [30, 60] };
  const results = await beside('low', ['high', 'high'], 1, async (target) => {
    order.push(target);
    return { us: figures[target].shift() };
  }, 'us');
  assert.deepEqual(order, ['low', 'high', 'low', 'high', 'low']);
  assert.equal(results.low.us, 20);
  assert.equal(results.high.us, 45);
  assert.equal(results.high.ratio, 2);
});

test('a section makes rows, and they go into a file', async () => {
  const rows = await growth({ ...scales.quick, seconds: 0.2, growth: [5] });
  const file = path.join(dir, 'page.md');
  const page = '# Page\n\n<!-- bench: written by ./chat bench --readme -->\n'
    + 'old\n<!-- /bench -->\n\nend\n';
  fs.writeFileSync(file, page);
  putIn(file, table(rows));
  const text = fs.readFileSync(file, 'utf8');
  assert.doesNotMatch(text, /old/);
  assert.match(text, /^# Page\n\n<!-- bench/);
  assert.match(text, /<!-- \/bench -->\n\nend\n$/);
  assert.match(text,
    /^\| CPU µs per delivery, 5 receivers \| \S+ \([\d.]+ ×\) \| [\d.]+ \| /m);
});
