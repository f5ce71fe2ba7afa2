// Each defect: the module is built with it, and its test has to fail; in TAP.
// A test that is not run, or whose server does not start, has seen nothing.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { Workshop } from '../lib/workshop.mjs';
import { defects } from './defects.mjs';

const LIMIT = 120000;                   // ms for a test

const children = new Set();
const tests = fileURLToPath(new URL('..', import.meta.url));
const quote = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

function run(file, title, module) {
  const child = spawn(process.execPath, [
    '--test', '--test-reporter=tap',
    `--test-name-pattern=/${quote(title)}$/`, file,
  ], { cwd: tests, env: { ...process.env, CHAT_MODULE: module },
       stdio: ['ignore', 'pipe', 'inherit'] });
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
function verdict(text, title) {
  const lines = text.split('\n');
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
    .then((text) => verdict(text, title),
          ({ message }) => /.* error: .*/.exec(message)?.[0] ?? message);
  const seen = said === 'failed';
  failed += !seen;
  process.stdout.write(`${seen ? 'ok' : 'not ok'} ${++n} - ${name}\n`);
  if (!seen) process.stdout.write(`# ${file}: "${title}" ${said}\n`);
}

process.stdout.write(`1..${n}\n# pass ${n - failed}\n# fail ${failed}\n`);
process.exitCode = failed || !n ? 1 : 0;
