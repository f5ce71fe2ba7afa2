// Each defect: the module is built with it, and its test has to fail; in TAP.
// A test that is not run, or whose server does not start, has seen nothing.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { root } from '../lib/server.mjs';
import { Workshop } from '../lib/workshop.mjs';
import { defects } from './defects.mjs';

const LIMIT = 120000;                   // ms for a test

const children = new Set();
const tests = fileURLToPath(new URL('..', import.meta.url));
const quote = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function run(file, title, module) {
  const [command, args, cwd] = file.endsWith('.t')
    ? ['prove', ['-v', '-It/lib', file], root]
    : [process.execPath, ['--test', '--test-reporter=tap',
                          `--test-name-pattern=/${quote(title)}$/`, file],
       tests];
  const child = spawn(command, args, {
    cwd, stdio: ['ignore', 'pipe', command === 'prove' ? 'ignore' : 'inherit'],
    env: { ...process.env, CHAT_MODULE: module,
           TEST_NGINX_LOAD_MODULES: module } });
  children.add(child);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part) => { text += part; });
  const late = setTimeout(() => child.kill(), LIMIT);
  return new Promise((done) => {
    child.on('exit', () => {
      clearTimeout(late);
      children.delete(child);
      done(text);
    });
  });
}

// what the test said of itself; skipped ones don't count
function verdict(text, file, title) {
  const lines = text.split('\n');
  if (file.endsWith('.t')) {
    const own = lines.filter((line) => line.includes(` ${title} - `));
    return own.length === 0 ? 'was not run'
      : own.some((line) => line.startsWith('not ok')) ? 'failed' : 'passed';
  }
  const at = lines.findIndex((line) => {
    const match = /^ *(?:not )?ok \d+ - (.*)$/.exec(line);
    return match && match[1].replace(/\\/g, '') === title;
  });
  if (at < 0) return 'was not run';
  if (!/^ *not ok/.test(lines[at])) return 'passed';
  const end = lines.findIndex((line, i) => i > at && /^ *\.\.\.$/.test(line));
  return /hookFailed/.test(lines.slice(at, end).join()) ? 'had no server'
    : 'failed';
}

const words = process.argv.slice(2).filter((word) => word !== '--list');
const chosen = defects.filter(([name]) => words.length === 0
    || words.some((word) => name.includes(word)));

if (process.argv.includes('--list')) {
  chosen.forEach(([name, file, title]) => {
    process.stdout.write(`${name}: ${file}: ${title}\n`);
  });
  process.exit();
}

const shop = await Workshop.open();
process.on('exit', () => {
  children.forEach((child) => child.kill());
  shop.close();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => process.exit(1));
}

let n = 0;
let failed = 0;
for (const [name, file, title, ...edits] of chosen) {
  const said = await shop.make(edits)
    .then((module) => run(file, title, module))
    .then((text) => verdict(text, file, title),
          ({ message }) => /.* error: .*/.exec(message)?.[0] ?? message);
  const seen = said === 'failed';
  failed += !seen;
  process.stdout.write(`${seen ? 'ok' : 'not ok'} ${++n} - ${name}\n`);
  if (!seen) process.stdout.write(`# ${file}: "${title}" ${said}\n`);
}

process.stdout.write(`1..${n}\n# pass ${n - failed}\n# fail ${failed}\n`);
process.exitCode = failed || !n ? 1 : 0;
