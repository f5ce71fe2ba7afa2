// Where blocks run as they stand: a network of their own, in which all ports are
// free, and system folders of their own, which go with it.

import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { ended, within } from '../../e2e/lib/server.mjs';

const run = promisify(execFile);

// [status, output] of a command that ends by itself
export async function result(command, args, options = {}) {
  try {
    const { stdout, stderr } = await run(command, args,
                                         { timeout: 60000, ...options });
    return [0, stdout + stderr];
  } catch (error) {
    return [error.code ?? 1, `${error.stdout}${error.stderr}` || `${error}`];
  }
}

export const temporary = () =>
  fs.mkdtempSync(path.join(os.tmpdir(), 'chat-docs-'));

// a command in a network and a tree of mounts of its own; hidden: folders that
// are empty there
export function isolated(script, hidden = []) {
  const mounts = hidden.map((dir) =>
    `mkdir -p '${dir}' && mount -t tmpfs -o mode=755 tmpfs '${dir}' &&`);
  return ['unshare', ['--net', '--mount', 'bash', '-c',
                      `ip link set lo up && ${mounts.join(' ')} ${script}`]];
}

// A program that goes on: what it prints, and end()
export class Program {
  constructor(command, args, options = {}) {
    this.output = '';
    this.child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => { this.output += data; });
    }
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async end(signal = 'SIGTERM') {
    if (this.running) {
      process.kill(-this.child.pid, signal);
      await within(ended(this.child), 15000, 'the program ends');
    }
    return this.child.exitCode;
  }
}
