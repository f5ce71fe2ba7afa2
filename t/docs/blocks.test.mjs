// Every code block of the documents runs. What runs which is in
// lib/runners.mjs; a block that nothing there knows is a failure.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { start, until } from '../e2e/lib/server.mjs';
import { blocks } from './lib/blocks.mjs';
import { RUNNERS } from './lib/runners.mjs';

const FILES = ['README.md', 'ngx_chat_module/PROTOCOL.md',
               'ngx_chat_module/SECURITY.md'];

let server;

// as ./chat run has it
before(async () => {
  server = await start({
    demoData: true, http: 'include /etc/nginx/mime.types;',
    location: 'root html;',
    server: 'location = /chat-status { chat_status; }',
    // nginx's folder is below it
    seed: (client, redis) =>
      fs.mkdirSync(`${redis.dir}/nginx0/html`, { recursive: true }),
  });
  server.dir = `${server.dir}/nginx0`;
  await until(() => server.redis.client.exists('room:0'), 'demo data');
});
// workers are killed on purpose
after(() => server.stop({ allow: [/exited on signal 9/] }));

const used = new Set();

for (const file of FILES) {
  describe(file, () => {
    for (const block of blocks(file)) {
      const runner = RUNNERS.find(([, matches]) => matches(block));
      const name = `line ${block.line}: ${runner?.[0] ?? block.lines[0]}`;
      test(name, { timeout: 120000 }, async () => {
        assert.ok(runner, `nothing runs this block (language "${block.lang
          }"): see t/docs/lib/runners.mjs`);
        used.add(runner);
        await runner[2](block, server);
      });
    }
  });
}

test('every runner has a block', () => {
  const idle = RUNNERS.filter((runner) => !used.has(runner));
  assert.deepEqual(idle.map(([name]) => name), []);
});
