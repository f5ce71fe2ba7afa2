// Every line that the module writes to nginx's log is in the README's
// "Troubleshooting", with its level, and every line there is in the code.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';

import { read, root } from './lib/blocks.mjs';
import { logLines } from './lib/log-lines.mjs';

const inCode = logLines(path.join(root, 'ngx_chat_module'));

const [, section] = /^## Troubleshooting$(.*?)^## /ms.exec(read('README.md'));
const listed = [...section.matchAll(/^\| `(\w+)` \| `([^`]+)` \| (.+) \|$/gm)]
  .map(([, level, line, text]) => ({ level, line, text }));

const key = ({ level, line }) => `[${level}] ${line}`;
const lines = new Set(listed.map(key));
const written = new Set(inCode.map(key));

test('what the code writes is listed', () => {
  assert.ok(inCode.length > 40, 'it was read');
  const missing = inCode.filter((entry) => !lines.has(key(entry)));
  assert.deepEqual(missing.map((e) => `${key(e)}  (${e.where})`), []);
});

test('what is listed is written', () => {
  assert.deepEqual(listed.map(key).filter((one) => !written.has(one)), []);
});

test('each once, with what it means', () => {
  assert.equal(lines.size, listed.length);
  for (const { line, text } of listed) assert.ok(text.length > 5, line);
});
