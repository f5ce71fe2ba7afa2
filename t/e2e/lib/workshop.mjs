// Makes modules with defects, to see that a test or a checker finds them: the
// sources and the build of the module under test are copied, a few lines are
// changed, and what has changed is compiled again.

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const chatModule = process.env.CHAT_MODULE ?? fileURLToPath(new URL(
  '../../../.build/normal/objs/ngx_http_chat_module.so', import.meta.url));

// beside a module that was made here: what was changed, so that one that is made
// from it has the same defects
const EDITS = 'edits.json';

export class Workshop {
  static async open() {
    const shop = new Workshop();
    const from = path.dirname(path.dirname(chatModule));
    const edits = path.join(path.dirname(chatModule), EDITS);
    shop.first = fs.existsSync(edits) ? JSON.parse(fs.readFileSync(edits)) : [];
    shop.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-broken-'));
    shop.made = 0;
    await run('cp', ['-a', ...['nginx', 'objs', 'cc'].map(
      (name) => path.join(from, name)), shop.dir]);
    // what a defect makes superfluous is no error
    shop.cc = fs.readFileSync(path.join(from, 'cc'), 'utf8').trim()
      .replace(' -Werror', '');

    const makefile = path.join(shop.dir, 'objs/Makefile');
    const text = fs.readFileSync(makefile, 'utf8');
    const [, root] = /\s(\S+)\/ngx_chat_module\/live\/\S+\.c/.exec(text);
    await run('cp', ['-a', path.join(root, 'ngx_chat_module'), shop.dir]);
    fs.writeFileSync(makefile, text.replaceAll(`${root}/ngx_chat_module`,
                                               `${shop.dir}/ngx_chat_module`));
    return shop;
  }

  /*
   * edits: [file below ngx_chat_module, what stands there once, what instead].
   * Gives the path of the module, in a folder of its own.
   */
  async make(edits) {
    const before = new Map();
    for (const [file, from, to] of [...this.first, ...edits]) {
      const name = path.join(this.dir, 'ngx_chat_module', file);
      const text = fs.readFileSync(name, 'utf8');
      if (text.split(from).length !== 2) {
        throw new Error(`${file} should have, once: ${from}`);
      }
      if (!before.has(name)) before.set(name, text);
      fs.writeFileSync(name, text.replace(from, () => to));
    }
    try {
      await run('make', ['-s', '-j2', '-C', path.join(this.dir, 'nginx'),
                         '-f', '../objs/Makefile', `CC=${this.cc}`,
                         'modules']);
    } finally {
      before.forEach((text, name) => fs.writeFileSync(name, text));
    }
    const module = path.join(this.dir, `made-${this.made++}`,
                             path.basename(chatModule));
    fs.mkdirSync(path.dirname(module));
    fs.copyFileSync(path.join(this.dir, 'objs', path.basename(chatModule)),
                    module);
    fs.writeFileSync(path.join(path.dirname(module), EDITS),
                     JSON.stringify([...this.first, ...edits]));
    return module;
  }

  close() {
    fs.rmSync(this.dir, { recursive: true, force: true });
  }
}
