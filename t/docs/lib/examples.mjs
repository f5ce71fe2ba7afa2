// The examples of PROTOCOL.md, each against a live chat: it prints the
// acknowledgements and its own message, and the room has that once. Those that
// connect again get what was said meanwhile, and have still said it once.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { user } from '../../e2e/lib/http.mjs';
import { until } from '../../e2e/lib/server.mjs';
import { closeAll, connect } from '../../e2e/lib/sio.mjs';
import { root } from './blocks.mjs';
import { Program, temporary } from './sandbox.mjs';

const LONGEST = 20;                     // lines
const URL_THERE = 'http://127.0.0.1:8080';

// what the example says, and how often General has it, and from whom
const textOf = (block) => /Hello from [\w ]*\w/.exec(block.text)?.[0]
    ?? assert.fail('an example says "Hello from ..."');

async function inHistory(server, text) {
  const rows = await server.redis.client.zrange('room:0', 0, -1);
  return rows.map((row) => JSON.parse(row))
    .filter((row) => row.message === text);
}

async function said(server, text, seen) {
  await until(async () => (await inHistory(server, text)).length,
              `"${text}" is stored, the example said: ${seen()}`);
  const all = await inHistory(server, text);
  assert.equal(all.length, 1);
  return all[0];
}

// somebody says something after the workers have died and before the example is
// back
async function saidMeanwhile(server, example) {
  const old = server.workerPids();
  const other = await user(server);
  old.forEach((pid) => process.kill(pid, 'SIGKILL'));
  await until(() => server.workerPids().length === old.length
              && !server.workerPids().some((pid) => old.includes(pid)),
              'new workers');
  const client = await connect(other, { transports: ['websocket'] });
  const text = `meanwhile ${other.id}`;
  assert.equal((await client.send('0', text)).ok, true);
  await closeAll(client);
  await until(() => example.output.includes(`${other.id} ${text}`),
              `"${text}" is printed`);
  assert.equal(example.output.split(text).length, 2, 'once');
}

// a program that goes on; ack: how it prints what acknowledges
async function program(block, server, command, file, ack, resumes = false) {
  const lines = block.lines.filter((line) => line.trim());
  assert.ok(lines.length <= LONGEST, `${lines.length} lines`);
  const before = await inHistory(server, textOf(block));
  assert.equal(before.length, 0);
  const dir = temporary();
  fs.symlinkSync(path.join(root, 't/e2e/node_modules'), `${dir}/node_modules`);
  fs.writeFileSync(`${dir}/${file}`,
                   block.text.replaceAll(URL_THERE, server.origin));
  const example = new Program(command, [file], { cwd: dir });
  try {
    const text = textOf(block);
    const { from } = await said(server, text, () => example.output);
    // as it is printed, or in the event stream
    const line = new RegExp(`^${from} ${text}$`
                            + `|^data: .*"from":"${from}".*"${text}"`, 'm');
    await until(() => line.test(example.output)
                      && example.output.split(ack).length > 2,
                'it prints', 10000);
    if (resumes) {
      await saidMeanwhile(server, example);
      await until(() => example.output.split(ack).length > 4, 'both acks');
      assert.equal((await inHistory(server, text)).length, 1);
    }
    assert.doesNotMatch(example.output, /error|Traceback/i);
    return example.output;
  } catch (error) {
    throw new Error(`${error.message}; it printed:\n${example.output}`);
  } finally {
    await example.end();
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

export const inNode = (block, server) =>
  program(block, server, process.execPath, 'example.mjs', /ok: true/, true);

// Debian's, not one that comes first in the PATH
export const inPython = (block, server) =>
  program(block, server, '/usr/bin/python3', 'example.py', /'ok': True/,
          true);

export async function inShell(block, server) {
  inShell.output = await program(block, server, 'bash', 'example.sh',
                                 /"ok":true/);
}

// what that example had from the event stream
inShell.event = () => /^id: .*\nevent: message\ndata: .*$/m
  .exec(inShell.output)?.[0] ?? assert.fail(`curl prints no events:\n${inShell.output}`);

const require = createRequire(path.join(root, 'client/package.json'));

export async function inBrowser(block, server) {
  assert.ok(block.lines.filter((line) => line.trim()).length <= LONGEST);
  const client = path.join(path.dirname(
    require.resolve('socket.io-client/package.json')), 'dist');
  fs.copyFileSync(`${client}/socket.io.esm.min.js`,
                  `${server.dir}/html/socket.io.esm.min.js`);
  fs.writeFileSync(`${server.dir}/html/example.js`, block.text);
  fs.writeFileSync(`${server.dir}/html/example.html`, '<!doctype html>'
    + '<link rel="icon" href="data:,">'
    + '<script type="module" src="example.js"></script>');
  const { chromium } = require('playwright-core');
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking',
           '--disable-component-update'],
  });
  const seen = [];
  try {
    const page = await browser.newPage();
    page.on('console', (message) => seen.push(message.text()));
    page.on('pageerror', (error) => seen.push(`error: ${error}`));
    await page.goto(`${server.origin}/example.html`);
    const text = textOf(block);
    const { from } = await said(server, text, () => seen.join('\n'));
    await until(() => seen.includes(`${from} ${text}`)
                      && seen.filter((l) => /ok: true/.test(l)).length > 1,
                'it prints', 10000).catch((error) => {
      throw new Error(`${error.message}:\n${seen.join('\n')}`);
    });
    assert.equal(seen.find((line) => /error/i.test(line)), undefined);
  } finally {
    await browser.close();
  }
}
