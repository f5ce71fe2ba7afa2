// chat_log: one line when a live connection ends.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { seedUsers } from './lib/data.mjs';
import { EventStream, Session, openOn, user } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { NO_RATE, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { RawWebSocket } from './lib/websocket.mjs';

const FORMAT = ['chat_user', 'chat_user_id', 'chat_session', 'chat_transport',
                'duration', 'packets_received', 'packets_sent',
                'bytes_received', 'bytes_sent', 'code', 'remote_addr',
                'time_iso8601', 'msec', 'reason'];

let server;
let file;
let redis;

before(async () => {
  server = await start({
    workers: 2,
    chat: `${NO_RATE} chat_send_queue 4k; chat_log chat.log
           '${FORMAT.map((name) => `$${name}`).join('|')}';`,
    locations: { '/plain/': `${NO_RATE} chat_log plain.log;` },
  });
  file = path.join(server.hosts[0].options.dir, 'chat.log');
  redis = server.redis.client;
});
after(() => server.stop());

const lines = (name = file) => fs.readFileSync(name, 'utf8').split('\n')
  .slice(0, -1).map((line) => {
    const values = line.split('|');
    assert.equal(values.length, FORMAT.length, line);
    return Object.fromEntries(values.map((v, i) => [FORMAT[i], v]));
  });

// the lines of a user, once there are n
const of = (session, n = 1) => until(() => {
  const found = lines().filter((l) => l.chat_user_id === session.id);
  assert.ok(found.length <= n, `${found.length} lines of ${session.name}`);
  return found.length === n && found;
}, `the lines of ${session.name}`, 10000);

test('a WebSocket: who, how long, how much, and why', async () => {
  const anna = await user(server);
  const began = Date.now();
  const ws = await RawWebSocket.connect(anna);
  ws.send('421["room.join","0"]');
  await ws.text((text) => text.startsWith('431'));
  ws.send(`422["message",${JSON.stringify({
    roomId: '0', message: 'x'.repeat(500) })}]`);
  await ws.text((text) => text.startsWith('432'));
  await until(() => Date.now() - began > 300, 'a while');
  await ws.close();
  const [line] = await of(anna);
  const lasted = (Date.now() - began) / 1000;
  assert.equal(line.chat_user, anna.name);
  assert.equal(line.chat_transport, 'websocket');
  assert.equal(line.reason, 'closed by the client');
  assert.equal(line.code, '1000');
  assert.equal(line.remote_addr, '127.0.0.1');
  assert.equal(line.packets_received, '3');
  // open, connect, two acks, the message; perhaps that she is there
  assert.ok(Number(line.packets_sent) >= 5 && line.packets_sent <= 6, line);
  assert.ok(line.bytes_received > 500 && line.bytes_received < 800);
  assert.ok(line.bytes_sent > 500);
  assert.ok(line.duration >= 0.25 && line.duration <= lasted + 0.1,
            line.duration);
  assert.ok(Math.abs(line.msec - Date.now() / 1000) < 10);
  assert.match(line.time_iso8601, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]/);
  const [hash] = await redis.zrange(`chat:sessions:${anna.id}`, 0, -1);
  assert.equal(line.chat_session, hash.slice(0, 12));
});

test('polling, also what comes over the other worker', async () => {
  const anna = await user(server);
  const polling = await Polling.connect(anna);
  for (let i = 0; i < 8; i++) {
    await polling.post(`42${i}${JSON.stringify(['room.join', '0'])}`);
    await polling.next((p) => p.startsWith(`43${i}`));
  }
  await polling.post('1');
  const [line] = await of(anna);
  assert.equal(line.chat_transport, 'polling');
  assert.equal(line.packets_received, '9');
  assert.ok(line.packets_sent >= 10);
  assert.ok(line.bytes_received >= 8 * 19);
  assert.ok(line.bytes_sent >= 8 * 30);
  assert.equal(line.reason, 'closed by the client');
});

test('an event stream', async () => {
  const anna = await user(server);
  const stream = await EventStream.open(anna, '/events');
  await until(() => stream.comments.length, 'the first heartbeat');
  stream.close();
  const [line] = await of(anna);
  assert.equal(line.chat_transport, 'sse');
  assert.equal(line.bytes_received, '0');
  assert.ok(line.bytes_sent >= 3);
  assert.equal(line.reason, 'the stream was closed');
});

test('an upgrade is one connection, wherever the WebSocket comes', async () => {
  for (const pid of server.workerPids()) {
    const anna = await user(server);
    const polling = await Polling.connect(anna);
    await polling.post('421["room.join","0"]');
    await polling.next((p) => p.startsWith('431'));
    const ws = await RawWebSocket.open(anna, {
      socket: await openOn(server, pid), query: `&sid=${polling.sid}` });
    ws.send('2probe');
    await ws.text((text) => text === '3probe');
    ws.send('5');
    ws.send('422["room.join","0"]');
    await ws.text((text) => text.startsWith('432'));
    await ws.close();
    const [line] = await of(anna);
    assert.equal(line.chat_transport, 'websocket');
    assert.equal(line.packets_received, '3');
    assert.ok(line.packets_sent >= 4);
    assert.equal(line.remote_addr, '127.0.0.1');
  }
});

test('a reload does not end it, nor begin it anew', async () => {
  const anna = await user(server);
  const client = await connect(anna, { transports: ['websocket'] });
  for (let i = 0; i < 3; i++) await client.send('0', `before ${i}`);
  await server.reload();
  await client.send('0', 'behind it');
  assert.equal(lines().filter((l) => l.chat_user === anna.name).length, 0);
  await closeAll(client);
  const [line] = await of(anna);
  assert.equal(line.packets_received, '6');       // and CONNECT, DISCONNECT
  assert.ok(line.packets_sent >= 6);              // CONNECT's, four acks
  assert.equal(line.remote_addr, '127.0.0.1');
});

test('who has left the chat when it is handed over is still known', async () => {
  const anna = await user(server);
  const ws = await RawWebSocket.connect(anna);
  ws.send('41');
  const old = await server.reload();
  await until(() => !old.some((pid) => fs.existsSync(`/proc/${pid}`)),
              'the old workers end', 15000);
  await ws.close();
  const [line] = await of(anna);
  assert.equal(line.chat_user, anna.name);
  assert.equal(line.packets_received, '2');       // CONNECT, DISCONNECT
});

test('why it ended: logged out, too slow, lost, invalid', async () => {
  const anna = await user(server);
  const ws = await RawWebSocket.connect(anna);
  assert.equal((await anna.post('/logout')).status, 200);
  const [line] = await of(anna);
  assert.equal(line.reason, 'logged out');
  ws.socket.destroy();

  const ben = await user(server);
  const slow = await RawWebSocket.connect(ben);
  slow.send('421["room.join","0"]');
  await slow.text((text) => text.startsWith('431'));
  await redis.publish('MESSAGES', JSON.stringify({
    serverId: 'other', type: 'message', data: {
      from: ben.id, date: 1, message: 'x'.repeat(10000), roomId: '0' } }));
  assert.equal((await of(ben))[0].reason, 'the client reads too slowly');
  slow.socket.destroy();

  const mary = await user(server);
  (await RawWebSocket.connect(mary)).socket.destroy();
  assert.equal((await of(mary))[0].reason, 'the connection was lost');

  const joe = await user(server);
  const bad = await RawWebSocket.connect(joe);
  bad.send('x');
  assert.equal((await of(joe))[0].reason, 'an invalid packet');
  bad.socket.destroy();
});

test('nobody', async () => {
  const before = lines().filter((l) => l.chat_user === '-').length;
  const ws = await RawWebSocket.open(new Session(server));
  await ws.text();
  await ws.close();
  const found = await until(() => {
    const all = lines().filter((l) => l.chat_user === '-');
    return all.length > before && all;
  }, 'a line');
  assert.deepEqual([found[0].chat_user_id, found[0].chat_session], ['-', '-']);
});

test('a name can\'t write lines or fields of its own', async () => {
  const name = 'a"\n127.0.0.1 \\ \x1b[2J\u2028ä';
  const [{ id }] = await seedUsers(redis, [name]);
  const anna = await user(server, name);
  const ws = await RawWebSocket.connect(anna);
  await ws.close();
  assert.equal(anna.id, id);
  const [line] = await of(anna);
  assert.equal(line.chat_user, 'a\\x22\\x0A127.0.0.1 \\x5C \\x1B[2J'
                               + '\\xE2\\x80\\xA8\\xC3\\xA4');
});

test('the log is opened anew on USR1', async () => {
  const old = `${file}.1`;
  fs.renameSync(file, old);
  process.kill(server.nginxPid, 'SIGUSR1');
  await until(() => fs.existsSync(file), 'a new file');
  // each worker opens it for itself
  await until(async () => {
    const anna = await user(server);
    await (await RawWebSocket.connect(anna)).close();
    return lines().some((l) => l.chat_user === anna.name);
  }, 'a line in it', 10000);
  assert.ok(lines(old).length > 5);
});

test('the default format', async () => {
  const anna = await user({ ...server, url: `${server.origin}/plain` });
  const ws = await RawWebSocket.connect(anna);
  await ws.close();
  const plain = path.join(path.dirname(file), 'plain.log');
  const text = await until(() => fs.readFileSync(plain, 'utf8'), 'a line');
  assert.match(text, new RegExp(
    `^127\\.0\\.0\\.1 - ${anna.name} `
    + '\\[\\d\\d/\\w{3}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\] '
    + 'websocket \\d+\\.\\d{3} 1 \\d+ \\d+ \\d+ "closed by the client"\\n$'));
});
