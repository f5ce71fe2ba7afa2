// Modules with a defect each, to see that the checker finds it: the sources and
// the build of the module under test are copied, a few lines are changed, and
// what has changed is compiled again.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const chatModule = process.env.CHAT_MODULE ?? fileURLToPath(new URL(
  '../../../.build/normal/objs/ngx_http_chat_module.so', import.meta.url));

/*
 * name; kind: the violation that must be found; faults: what has to happen for
 * it; edits: [file below ngx_chat_module, what stands there once, what instead]
 */
const defects = [
  {
    name: 'holes are not filled from the history',
    kind: 'missing',
    faults: [300, 900, 1500, 2100].map((at) => ({ at, kind: 'drop-bus' })),
    edits: [
      ['live/ngx_http_chat_bus_room.c', 'post.prev > room->last)',
       'post.prev > room->last && 0)'],
      ['live/ngx_http_chat_repair.c', 'if (hub->heard == 0) {', 'if (1) {'],
    ],
  },
  {
    name: 'an ack is given before Redis has answered',
    kind: 'lost',
    faults: [{ at: 300, kind: 'redis-kill', ms: 700 },
             { at: 1800, kind: 'redis-kill', ms: 700 }],
    edits: [
      ['live/ngx_http_chat_message.c',
       'if (ngx_http_chat_send_begin(send) != NGX_OK) {',
       `ngx_str_t  early;
        ngx_str_set(&early, "{\\"ok\\":true,\\"id\\":\\"1.000000\\"}");
        ngx_http_chat_socket_ack(s, &send->ack, 1, &early);
        send->ack.len = 0;
        if (ngx_http_chat_send_begin(send) != NGX_OK) {`],
    ],
  },
  {
    name: 'a repeated nonce is not noticed',
    kind: 'doubled',
    faults: [300, 1000, 1700, 2400].flatMap((at) =>
      [0, 1].map((client) => ({ at, kind: 'deaf', client, ms: 400 }))),
    edits: [
      ['live/ngx_http_chat_message.c', 'append.nonce = send->nonce;', ''],
    ],
  },
];

// what all of them do: two workers, four clients who say a lot
const plan = (faults) => ({
  seed: 0, random: 1, seconds: 3, hosts: 1, workers: 2, drain: 100, users: 4,
  clients: ['websocket', 'raw', 'upgrade', 'polling'].map((kind, user) => (
    { user, kind, host: 0, roams: false, every: 40, from: null, until: null })),
  rooms: [{ type: 'general', users: [0, 1, 2, 3] },
          { type: 'private', users: [0, 1] }],
  faults,
});

let scratch;

// [{name, kind, plan, dir}], dir being where the module is
export async function build() {
  const from = path.dirname(path.dirname(chatModule));
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-fault-'));
  await run('cp', ['-a', path.join(from, 'nginx'), path.join(from, 'objs'),
                   scratch]);

  const makefile = path.join(scratch, 'objs/Makefile');
  const text = fs.readFileSync(makefile, 'utf8');
  const [, root] = /\s(\S+)\/ngx_chat_module\/live\/\S+\.c/.exec(text);
  await run('cp', ['-a', path.join(root, 'ngx_chat_module'), scratch]);
  fs.writeFileSync(makefile, text.replaceAll(`${root}/ngx_chat_module`,
                                             `${scratch}/ngx_chat_module`));
  const made = [];
  for (const { name, kind, faults, edits } of defects) {
    const dir = path.join(scratch, kind);
    await make(edits, dir);
    made.push({ name, kind, plan: plan(faults), dir });
  }
  return made;
}

async function make(edits, dir) {
  const before = new Map();
  for (const [file, from, to] of edits) {
    const name = path.join(scratch, 'ngx_chat_module', file);
    const text = fs.readFileSync(name, 'utf8');
    if (text.split(from).length !== 2) {
      throw new Error(`${file} should have, once: ${from}`);
    }
    before.set(name, text);
    fs.writeFileSync(name, text.replace(from, () => to));
  }
  await run('make', ['-s', '-j2', '-C', path.join(scratch, 'nginx'),
                     '-f', '../objs/Makefile', 'modules']);
  fs.mkdirSync(dir);
  fs.copyFileSync(path.join(scratch, 'objs', path.basename(chatModule)),
                  path.join(dir, path.basename(chatModule)));
  before.forEach((text, name) => fs.writeFileSync(name, text));
}

export function remove() {
  if (scratch) fs.rmSync(scratch, { recursive: true, force: true });
}
