// A fuzzer of the whole server: mutated HTTP requests, WebSocket frames and
// polling payloads go to a real nginx with a real Redis. No worker may end,
// nginx and the sanitizers may not complain, and people who behave are served
// all the while. Speaks TAP.
//
//     node t/fuzz/server.mjs [--seed S] [--runs N]
//
// Input number i follows from S + i alone. What is wrong is noticed after a
// batch of them, which --seed and --runs then repeat.

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import zlib from 'node:zlib';

import { PASSWORD } from '../e2e/lib/data.mjs';
import { open, user, users } from '../e2e/lib/http.mjs';
import { Polling } from '../e2e/lib/polling.mjs';
import { NO_RATE, sleep, start, until, within } from '../e2e/lib/server.mjs';
import { closeAll, connect } from '../e2e/lib/sio.mjs';
import { OP, RawWebSocket, closeFrame, frame } from '../e2e/lib/websocket.mjs';
import { Random } from '../fault/lib/random.mjs';
import { mutate, revalue, seeds } from './lib/mutate.mjs';

const BATCH = 80;                       // inputs between two looks
const AT_ONCE = 16;
const PATIENCE = 150;                   // ms for an answer, which may not come
const DEFLATE = { 'Sec-WebSocket-Extensions': 'permessage-deflate' };

const { values } = parseArgs({ options: {
  seed: { type: 'string', default: '1' },
  runs: { type: 'string', default: '400' },
} });
const seed = Number(values.seed);
const runs = Number(values.runs);

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), 'seeds');
const of = (name, prefix = '') => seeds(path.join(folder, name)).map((data) =>
  Buffer.concat([Buffer.from(prefix), data]));

const requests = of('server-http');
const events = of('server-packets');
const others = [...of('eio'), ...of('sio', '4'),
                ...of('json', '42["message",')];
const packets = [...events, ...others];
const frames = of('ws').map((data) => data.subarray(3));

let server;
let pids;
let people;
const counts = {};

const count = (what) => { counts[what] = (counts[what] ?? 0) + 1; };

// what stands for something that changes from run to run
function filled(data, person, sid = 'AAAA') {
  return Buffer.from(data.toString('latin1')
    .replaceAll('@HOST@', `127.0.0.1:${server.port}`)
    .replaceAll('@COOKIE@', person.cookie).replaceAll('@SID@', sid)
    .replaceAll('@ROOM@', people[0].roomWith(people[1])), 'latin1');
}

// most stay valid, since the first that isn't ends the session
function packet(random, ...about) {
  const data = filled(random.pick(random.chance(0.6) ? events : others),
                      ...about);
  return random.chance(0.7) ? revalue(data, random)
    : mutate(data, random, packets);
}

async function write(socket, data, random) {
  if (random.chance(0.7)) {
    socket.write(data);
    return;
  }
  for (let at = 0; at < data.length && !socket.destroyed;) {
    const size = random.pick([1, 2, 7, 100, 1000]);
    socket.write(data.subarray(at, at + size));
    at += data.length > 500 ? Math.max(size, 100) : size;
    await new Promise((done) => setImmediate(done));
  }
}

// the end of the connection, or a while
const patience = (socket) => Promise.race([
  new Promise((done) => socket.once('close', done)), sleep(PATIENCE)]);

async function http(random, person) {
  const polling = random.chance(0.3)
    ? await Polling.open(person).catch(() => undefined) : undefined;
  const socket = await open(server);
  socket.on('error', () => {});
  socket.on('data', (data) => {
    const status = /^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1', 0, 20));
    if (status) count(`status ${status[1]}`);
    else count('more data');
  });
  const data = mutate(filled(random.pick(requests), person, polling?.sid),
                      random, requests);
  await write(socket, data, random);
  if (random.chance(0.3)) socket.end();
  if (random.chance(0.9)) await patience(socket);
  socket.destroy();
}

function someFrame(random, person) {
  const data = packet(random, person);
  return random.weighted([
    [30, () => frame(OP.text, data)],
    [2, () => mutate(frame(OP.text, data), random, frames)],
    [2, () => frame(random.int(0, 15), data, { fin: random.chance(0.7) })],
    [2, () => frame(OP.text, zlib.deflateRawSync(data), { rsv: 4 })],
    [1, () => frame(OP.text, mutate(zlib.deflateRawSync(data), random, packets),
                    { rsv: 4 })],
    [1, () => frame(OP.text, data, { length: random.pick([0, 5, 1e3, 2 ** 40]),
                                     form: random.pick([16, 64]) })],
    [1, () => frame(OP.text, data, { rsv: random.int(0, 7),
                                     mask: random.chance(0.8) })],
    [1, () => frame(random.pick([OP.ping, OP.pong]), data.subarray(0, 125))],
    [1, () => closeFrame(random.int(900, 5100), data.subarray(0, 120))],
    [1, () => Buffer.concat(Array.from({ length: random.int(2, 30) }, (_, i) =>
      frame(i ? OP.cont : OP.text, data.subarray(i, i + 1), { fin: false })))],
    [1, () => mutate(random.pick(frames), random, frames)],
  ])();
}

async function websocket(random, person) {
  const ws = await RawWebSocket.open(person, {
    headers: random.chance(0.4) ? DEFLATE : {},
    early: random.chance(0.3) ? frame(OP.text, '40') : undefined,
    rude: random.chance(0.5) });
  count(`status ${ws.status}`);
  if (random.chance(0.8)) ws.send('40');
  for (let i = random.int(1, 12); i && !ws.closed; i--) {
    await write(ws.socket, someFrame(random, person), random);
  }
  if (random.chance(0.8)) await patience(ws.socket);
  ws.frames.forEach(({ opcode }) => count(`opcode ${opcode}`));
  ws.destroy();
}

async function polling(random, person) {
  const session = await Polling.open(person);
  if (random.chance(0.8)) await session.post('40');
  const waits = [];
  for (let i = random.int(1, 6); i; i--) {
    const payload = Buffer.concat(Array.from(
      { length: random.int(1, 4) }, () => [Buffer.from('\x1e'), packet(
        random, person, session.sid)]).flat().slice(1));
    const call = random.weighted([
      [6, () => session.request('POST', random.chance(0.2)
        ? mutate(payload, random, packets) : payload)],
      [2, () => session.get()],
      [1, () => session.request(random.pick(['PUT', 'OPTIONS', 'DELETE']))],
    ])().then(({ status }) => count(`status ${status}`),
              () => count('cut off'));
    waits.push(call);
    if (random.chance(0.7)) await Promise.race([call, sleep(PATIENCE)]);
  }
  if (random.chance(0.4)) await session.post('1').catch(() => {});
  await Promise.race([Promise.all(waits), sleep(PATIENCE)]);
}

async function input(number) {
  const random = new Random(number);
  const person = random.pick(people);
  const kind = random.weighted([[4, http], [5, websocket], [2, polling]]);
  count(kind.name);
  // that an input may be refused in any way is the point
  await kind(random, person).catch(() => count('given up'));
}

// somebody new logs in and chats, over both transports
async function behaves() {
  const [person] = await users(server, 1);
  const again = await user(server, person.name, PASSWORD);
  const a = await connect(person, { transports: ['websocket'] });
  const b = await connect(again, { transports: ['polling'] });
  const text = `fine ${person.id}`;
  const ack = await within(a.send('0', text), 10000, 'an ack');
  if (!ack.ok) throw new Error(`refused: ${JSON.stringify(ack)}`);
  await b.waitForText(text);
  await closeAll(a, b);
}

async function look() {
  const problems = server.complaints();
  const now = server.workerPids();
  if (String(now) !== String(pids)) {
    problems.push(`workers ${pids}, now ${now}`);
  }
  try {
    await behaves();
    // who was logged out by an input
    for (const person of people) {
      if ((await person.get('/me')).text === 'null') {
        await person.logIn(person.name);
      }
    }
  } catch (error) {
    problems.push(`who behaves is not served: ${error.stack}`);
  }
  return problems;
}

async function batch(first, size) {
  let next = first;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < first + size) {
      const number = next++;
      await within(input(number), 60000, `input ${number}`)
        .catch(() => count('hung'));
    }
  }));
}

server = await start({
  workers: 2, logLevel: 'warn', connections: 4096,
  chat: `${NO_RATE} chat_deflate on; chat_max_payload 16k;
         chat_max_sessions off; chat_history_limit 200;
         chat_presence_grace 100ms;
         chat_ping_interval 3s; chat_ping_timeout 3s;`,
});
let problems = [];
let done = 0;
let from = seed;
try {
  people = await users(server, 6);
  pids = server.workerPids();
  while (done < runs && !problems.length) {
    from = seed + done;
    const size = Math.min(BATCH, runs - done);
    await batch(from, size);
    problems = await look();
    done += size;
  }
  // nobody is left
  await until(async () =>
    (await server.redis.client.scard('online_users')) === 0,
              'nobody is online', 30000, 100);
} catch (error) {
  problems.push(error.stack);
} finally {
  await server.stop().catch((error) => problems.push(error.message));
}

const missing = ['status 101', 'status 200', 'status 400', 'opcode 1',
                 'opcode 8'].filter((what) => runs >= 400 && !counts[what]);
if (missing.length) problems.push(`never: ${missing}`);

const lines = [Object.entries(counts).sort().map((pair) => pair.join(' '))
  .join(', ')];
if (problems.length) {
  lines.push(`again: t/fuzz/server.mjs --seed ${from} --runs ${BATCH}`,
             ...problems.flatMap((text) => text.split('\n')).slice(0, 60));
}
process.stdout.write(`1..1\n${problems.length ? 'not ok' : 'ok'} 1 - `
  + `the whole server: ${done} inputs\n`
  + lines.map((line) => `# ${line}\n`).join(''));
process.exit(problems.length ? 1 : 0);
