// Starts and ends the processes of a run: servers on one core, the load and
// Redis on the other.  All are ended with this process.

import { execSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

export const SERVER_CORE = '0';
export const LOAD_CORE = '1';
export const ALL_CORES = '0,1';

export const build = process.env.CHAT_BENCH_BUILD;
export const dir = process.env.CHAT_BENCH_DIR;

const children = new Set();

process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(1));
}

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const gone = (child) => child.exitCode !== null || child.signalCode !== null;

const ended = (child) => new Promise((done) => {
  if (gone(child)) done();
  else child.once('exit', done);
});

export function start(name, core, command, args, options = {}) {
  const log = path.join(dir, `${name}.log`);
  const out = fs.openSync(log, 'a');
  const child = spawn('taskset', ['-c', core, command, ...args], {
    stdio: ['ignore', out, out], ...options });
  fs.closeSync(out);
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.log = log;
  return child;
}

export async function stop(child) {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10000);
  await ended(child);
  clearTimeout(timer);
}

// where: a port or the path of a Unix socket
export async function listens(child, where) {
  for (let i = 0; i < 300; i++) {
    const open = await new Promise((done) => {
      const socket = net.connect(typeof where === 'number'
        ? { port: where, host: '127.0.0.1' } : { path: where });
      socket.on('error', () => done(false));
      socket.on('connect', () => { socket.destroy(); done(true); });
    });
    if (open) return;
    if (gone(child)) break;
    await sleep(50);
  }
  throw new Error(`a server doesn't start:\n${
    fs.readFileSync(child.log, 'utf8').slice(-2000)}`);
}

// a process and its children, such as nginx's workers
export function pidsOf(child) {
  const pids = fs.readFileSync(
    `/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
  return [child.pid, ...pids.split(' ').filter(Boolean).map(Number)];
}

const args = (mode, options) => [mode, ...Object.entries(options)
  .filter(([, value]) => value !== undefined)
  .flatMap(([name, value]) => [`--${name}`, String(value)])];

// Runs the load generator; the promise is for what it reports.  With --hold it
// stays when its clients are connected: then .ready is a promise, and .end()
// ends it.
export function load(mode, options) {
  const words = args(mode, options);
  const child = spawn('taskset', ['-c', LOAD_CORE, path.join(build, 'load'),
                                  ...words],
                      { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  let told;
  const ready = new Promise((done) => { told = done; });
  const report = new Promise((done, fail) => {
    children.add(child);
    child.stdout.on('data', (data) => { out += data; });
    child.stderr.on('data', (data) => {
      err += data;
      if (/^ready$/m.test(err)) told();
    });
    child.once('close', (code) => {
      children.delete(child);
      told();
      const last = /^\{.*\}$/m.exec(out);
      if (code === 0) {
        done(JSON.parse(last));
      } else {
        fail(Object.assign(
          new Error(`load ${words.join(' ')}: ${code}\n${out}${err}`),
          { report: last && JSON.parse(last) }));
      }
    });
  });
  return Object.assign(report, { ready, end: () => child.stdin.end() });
}

// fills a Redis with users and what else "load seed" makes
export function seed(socket, options) {
  const words = [path.join(build, 'load'), ...args('seed', options)];
  const out = execSync(`${words.join(' ')} | redis-cli -s ${socket} --pipe`,
                       { encoding: 'utf8' });
  if (!/errors: 0,/.test(out)) throw new Error(out);
}
