// The command line of ./run: runs schedules, each in a process of its own, and
// prints TAP.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const LIMIT = 240000;                   // ms for one run

const usage = `Usage: t/fault/run [--runs N] [--seed S] [--seconds S] [--long]

  --runs N      schedules to run: 6, or 200 with --long
  --seed S      the first one's seed; alone it is run once.  Without, the seeds
                are 1 to N, and with --long as many from a random one on
  --seconds S   the time in which a schedule's faults happen: 6, or 12 with
                --long; a seed's schedule depends on it
  --long        more of everything
`;

function options() {
  const { values } = parseArgs({ options: {
    runs: { type: 'string' }, seed: { type: 'string' },
    seconds: { type: 'string' }, long: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } });
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const number = (name, otherwise) => {
    if (values[name] === undefined) return otherwise;
    if (!/^\d{1,9}$/.test(values[name])) throw new Error(`--${name}: a number`);
    return Number(values[name]);
  };
  const { long } = values;
  return {
    long,
    alone: values.seed !== undefined || values.runs !== undefined,
    seed: number('seed', long ? Math.floor(Math.random() * 1e9) : 1),
    runs: number('runs', values.seed !== undefined ? 1 : long ? 200 : 6),
    seconds: number('seconds', long ? 12 : 6),
  };
}

let passed = 0;
let failed = 0;
const children = new Set();

function result(ok, name, lines = []) {
  if (ok) passed++;
  else failed++;
  process.stdout.write(`${ok ? 'ok' : 'not ok'} ${passed + failed} - ${name}\n`
                       + lines.map((line) => `# ${line}\n`).join(''));
}

// what a script of ours prints, as JSON
function script(name, argument, env = {}) {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath,
                        [path.join(here, name), JSON.stringify(argument)],
                        { stdio: ['ignore', 'pipe', 'inherit'],
                          env: { ...process.env, ...env } });
    const timer = setTimeout(() => child.kill(), LIMIT);
    let text = '';
    children.add(child);
    child.stdout.on('data', (part) => { text += part; });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      children.delete(child);
      try {
        done(JSON.parse(text));
      } catch {
        fail(new Error(`${name} ended with ${signal ?? code}: ${text}`));
      }
    });
  });
}

// runs the tasks, two at a time
async function all(tasks) {
  const rest = [...tasks];
  const work = async () => {
    while (rest.length) await rest.shift()();
  };
  await Promise.all([work(), work()]);
}

async function seed(seed, seconds) {
  const name = `seed ${seed}`;
  try {
    const { violations, stats, dir } = await script('one.mjs',
                                                    { seed, seconds });
    result(!violations.length, `${name}: ${stats}`, violations.length ? [
      ...violations.slice(0, 20).map(({ kind, text }) => `${kind}: ${text}`),
      `${violations.length} violations; what happened is in ${dir}`,
      `again: t/fault/run --seed ${seed} --seconds ${seconds}`,
    ] : []);
  } catch (error) {
    result(false, name, error.message.split('\n'));
  }
}

// a module with a defect, whose run must have a violation of a certain kind
async function defect({ name, kind, dir, plan }) {
  const what = `the checker catches: ${name}`;
  try {
    const { violations, dir: kept } = await script('one.mjs', { plan }, {
      CHAT_MODULE: path.join(dir, 'ngx_http_chat_module.so') });
    fs.rmSync(kept, { recursive: true, force: true });
    const kinds = [...new Set(violations.map((violation) => violation.kind))];
    result(kinds.includes(kind), what, [`expected ${kind}, found ${
      kinds.join(', ') || 'nothing'}`]);
  } catch (error) {
    result(false, what, error.message.split('\n'));
  }
}

async function presence(users) {
  const name = `kill -9 of a worker with ${users} users online`;
  try {
    const { problems, took } = await script('presence.mjs', { users });
    result(!problems.length, `${name}: right again after ${took} ms`, problems);
  } catch (error) {
    result(false, name, error.message.split('\n'));
  }
}

// the short form of the soak test
async function soak() {
  const child = spawn(process.execPath, [path.join(here, 'soak.mjs'),
                                         '--short'],
                      { stdio: ['ignore', 'pipe', 'inherit'] });
  const timer = setTimeout(() => child.kill(), LIMIT);
  let text = '';
  children.add(child);
  child.stdout.on('data', (part) => { text += part; });
  const code = await new Promise((done) => { child.on('close', done); });
  clearTimeout(timer);
  children.delete(child);
  result(code === 0, 'memory stays flat', text.trim().split('\n')
    .map((line) => line.replace(/^# /, '')));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    children.forEach((child) => child.kill());
    process.exit(1);
  });
}

const { long, alone, seed: first, runs, seconds } = options();

await all([
  ...alone ? [] : [soak],
  ...Array.from({ length: runs }, (_, i) => () => seed(first + i, seconds)),
]);

if (!alone) {
  const { build, remove } = await import('./lib/broken.mjs');
  await presence(long ? 500 : 50);
  try {
    const defects = await build();
    await all(defects.map((one) => () => defect(one)));
  } catch (error) {
    result(false, 'modules with defects', error.message.split('\n'));
  } finally {
    remove();
  }
}

process.stdout.write(`1..${passed + failed}\n# pass ${passed}\n# fail ${failed}
`);
process.exitCode = failed ? 1 : 0;
