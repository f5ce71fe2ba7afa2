// Whether memory stays flat: people come, chat, and leave or drop, for minutes.
//
//     node t/fault/soak.mjs [--seconds 600 | --short] [--seed 1]
//
// In the first half nginx reloads again and again: the master must not grow,
// and old workers must end. In the second half it doesn't: the workers must not
// grow. Both are measured (PSS) while nobody is there, after a warm-up and at
// the end. What is kept is bounded by the configuration, so that nothing has a
// reason to grow. What the workers' allocators hold back comes and goes, by
// megabytes; so what is in use of their heaps (lib/heap.c) is measured, too,
// which leaks make grow and nothing else. Speaks TAP.
//
// The short form, of t/fault/run, counts visits instead of time, and looks at
// the workers' heaps only.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { EventStream, user } from '../e2e/lib/http.mjs';
import { Polling } from '../e2e/lib/polling.mjs';
import { NO_RATE, sleep, start, until, within } from '../e2e/lib/server.mjs';
import { RawWebSocket } from '../e2e/lib/websocket.mjs';
import { Random } from './lib/random.mjs';

const USERS = 40;
const AT_ONCE = 16;                     // visitors
const RELOAD = 10000;                   // ms between reloads, at most
const ROUNDS = 8;                       // measurements of each half
const GROWTH = 1024;                    // KB, of the master
const GROWTH_IN_USE = 300;              // KB, of all workers' heaps
const GROWTH_HELD = 0.2;                // of the workers, beside what they had
const SHORT = 750;                      // visits, the unit of the short form

const { values } = parseArgs({ options: {
  seconds: { type: 'string', default: '600' },
  short: { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
} });
const seconds = Number(values.seconds);
const random = new Random(Number(values.seed));

let server;
let people;
let dir;                                // what lib/heap.c writes, and itself
let visits = 0;
let cut = 0;                            // visits that a reload has ended

// KB
const pss = (pids) => pids.reduce((sum, pid) => sum + Number(/^Pss: +(\d+)/m
  .exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]), 0);

// KB of the workers' heaps that are in use
async function heaps() {
  let sum = 0;
  for (const pid of server.workerPids()) {
    const file = `${dir}/heap.${pid}`;
    execFileSync('kill', ['-RTMIN', String(pid)]);
    sum += await until(() => fs.existsSync(file)
      && Number(/^(\d+)\n/.exec(fs.readFileSync(file, 'utf8'))?.[1]), file);
    fs.rmSync(file);
  }
  return Math.round(sum / 1024);
}

// of nginx, also those that are on their way out
const children = () => fs.readFileSync(
  `/proc/${server.nginxPid}/task/${server.nginxPid}/children`, 'utf8')
  .split(' ').filter(Boolean);

const text = () => 'x'.repeat(random.weighted([[8, random.int(1, 200)],
                                               [1, random.int(1000, 20000)]]));

async function overWebSocket(person) {
  const ws = await RawWebSocket.connect(person);
  try {
    for (let i = random.int(0, 4); i > 0; i--) {
      const room = random.pick(['0', person.roomWith(random.pick(
        people.filter(({ id }) => id !== person.id)))]);
      ws.emit(i, 'message', { roomId: room, message: text() });
      await ws.text((packet) => packet.startsWith(`43${i}[{"ok":true`));
    }
    if (random.chance(0.5)) await ws.close();
  } finally {
    ws.destroy();
  }
}

async function overPolling(person) {
  const polling = await Polling.connect(person);
  await polling.emit(1, 'message', { roomId: '0', message: text() });
  await polling.next((packet) => packet.startsWith('431['));
  if (random.chance(0.5)) await polling.post('1');
}

async function overEvents(person) {
  const stream = await EventStream.open(person, '/events');
  await until(() => stream.comments.length || stream.events.length, 'a sign');
  stream.close();
}

async function pages(person) {
  await person.get('/users/online');
  await person.get('/room/0/messages?size=50');
  await person.get(`/rooms/${person.id}`);
  if (random.chance(0.05)) {
    const another = await user(server, person.name);
    await another.post('/logout');
  }
}

async function visitor(more, reloads) {
  while (more()) {
    const visit = random.weighted([[8, overWebSocket], [2, overPolling],
                                   [1, overEvents], [2, pages]]);
    try {
      await within(visit(random.pick(people)), 20000, visit.name);
      visits++;
    } catch (error) {
      if (!reloads) throw error;
      cut++;
    }
  }
}

async function crowd(more, reloads) {
  await Promise.all(Array.from({ length: AT_ONCE },
                               () => visitor(more, reloads)));
}

const time = (ms) => {
  const end = Date.now() + ms;
  return () => Date.now() < end;
};

const number = (count) => {
  const end = visits + count;
  return () => visits < end;
};

// nobody is there, and no old worker
async function quiet() {
  await until(async () => !(await server.redis.client.scard('online_users'))
    && children().length === server.workerPids().length, 'quiet', 30000, 100);
}

// the least of the last three against that of three others, after one to warm up
const grown = (sizes) =>
  Math.min(...sizes.slice(-3)) - Math.min(...sizes.slice(1, 4));

// rounds of visits, each followed by measurements: those, in lists
async function half(name, measure, reloads) {
  const ms = seconds * 1000 / 2 / ROUNDS;
  const sizes = [];
  let before;
  for (let round = 0; round < ROUNDS; round++) {
    for (let left = ms; left > 0; left -= RELOAD) {
      const part = Math.min(left, RELOAD);
      await Promise.all([
        crowd(time(part), reloads),
        ...reloads ? [sleep(part / 2).then(() => server.reload())] : [],
      ]);
    }
    await quiet();
    for (const [i, size] of (await measure()).entries()) {
      (sizes[i] ??= []).push(size);
    }
    if (round === 2) before = visits;
  }
  process.stdout.write(`# ${name}, KB after each round: ${sizes
    .map((list) => `${list.join(' ')} (${grown(list)})`).join('; ')}; in ${
    visits - before} visits after the warm-up\n`);
  return sizes;
}

async function long() {
  const [master] = await half('master', () => [pss([server.nginxPid])], true);
  const [rss, heap] = await half('workers, and their heaps in use', async () =>
    [pss(server.workerPids()), await heaps()], false);
  return [grown(master) <= GROWTH,
          grown(heap) <= GROWTH_IN_USE && grown(rss) <= GROWTH_HELD * rss[1]];
}

// the same in some 20 s
async function short() {
  const reload = async (times) => {
    let busy = true;
    const all = crowd(() => busy, true);
    for (let i = 0; i < times; i++) await server.reload();
    busy = false;
    await all;
    await quiet();
    return pss([server.nginxPid]);
  };
  const stay = async (count) => {
    await crowd(number(count), false);
    await quiet();
    return heaps();
  };
  const masters = [await reload(1), await reload(3)];
  const workers = [await stay(2 * SHORT), await stay(3 * SHORT)];
  process.stdout.write(`# master: ${masters.join(', ')} KB after three reloads`
    + `; workers: ${workers.join(', ')} KB after ${3 * SHORT} visits\n`);
  return [masters[1] - masters[0] <= GROWTH,
          workers[1] - workers[0] <= GROWTH_IN_USE];
}

let count = 0;
let failed = 0;

function result(ok, name) {
  if (!ok) failed++;
  process.stdout.write(`${ok ? 'ok' : 'not ok'} ${++count} - ${name}\n`);
}

dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-soak-'));
process.on('exit', () => fs.rmSync(dir, { recursive: true }));
execFileSync('cc', ['-O2', '-Wall', '-shared', '-fPIC', '-o', `${dir}/heap.so`,
                    fileURLToPath(new URL('lib/heap.c', import.meta.url))]);
Object.assign(process.env, { NGINX_LD_PRELOAD: `${dir}/heap.so`,
                             CHAT_HEAP: `${dir}/heap` });

server = await start({
  workers: 2, shutdownTimeout: '10s',
  chat: `${NO_RATE} chat_max_sessions off; chat_presence_grace 100ms;
         chat_history_limit 100; chat_ping_interval ${
           values.short ? '1s' : '2s'}; chat_ping_timeout 3s;`,
});
try {
  people = [];
  for (let i = 0; i < USERS; i++) people.push(await user(server));
  const [master, workers] = await (values.short ? short() : long());
  result(master, 'the master stays as it is, from reload to reload');
  result(workers, 'the workers stay as they are');
  process.stdout.write(`# ${visits} visits, ${cut} cut by a reload\n`);
} finally {
  await server.stop();
}
process.stdout.write(`1..${count}\n`);
process.exit(failed ? 1 : 0);
