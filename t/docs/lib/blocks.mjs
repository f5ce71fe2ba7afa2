// The code blocks of the documents: what stands between ``` and ```.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)),
                                 '../../..');
export const read = (name) => fs.readFileSync(path.join(root, name), 'utf8');

// [{file, line, lang, text, lines}], line that of the block's first one
export function blocks(file) {
  const all = [];
  let block;
  read(file).split('\n').forEach((text, i) => {
    const fence = /^ *```(.*)$/.exec(text);
    if (!fence) {
      block?.lines.push(text);
    } else if (block) {
      all.push({ ...block, text: `${block.lines.join('\n')}\n` });
      block = undefined;
    } else {
      block = { file, line: i + 2, lang: fence[1].trim(), lines: [] };
    }
  });
  if (block) throw new Error(`${file}:${block.line}: a block without an end`);
  return all;
}

// the commands of a shell block, a line each, without comments
export const commands = ({ text }) => text.replace(/\\\n\s*/g, '')
  .split('\n').map((line) => line.replace(/(^|\s)#.*$/, '').trim())
  .filter(Boolean);
