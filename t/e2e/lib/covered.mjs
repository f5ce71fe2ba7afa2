// Tables of what is tested where, and whether that still stands there.

import assert from 'node:assert/strict';
import fs from 'node:fs';

const texts = new Map();

// the source of a file of t/, its broken strings put together
function source(file) {
  if (!texts.has(file)) {
    texts.set(file, fs.readFileSync(new URL(`../../${file}`, import.meta.url),
                                    'utf8')
      .replace(/'\s*\+ '/g, '').replace(/\\'/g, '\''));
  }
  return texts.get(file);
}

const marks = (file, title) => (file.endsWith('.t')
  ? [`=== TEST ${title}`] : [`test('${title}'`, `test(\`${title}\``]);

// {what: ['file: title', ...]}
export function assertCovered(table) {
  for (const [what, tests] of Object.entries(table)) {
    assert.ok(tests.length, what);
    for (const test of tests) {
      const [, file, title] = /^(.*?): (.*)$/s.exec(test);
      assert.ok(marks(file, title).some((mark) => source(file).includes(mark)),
                `${what}: no test "${title}" in ${file}`);
    }
  }
}
