// Something that speaks Redis's protocol and says whatever a test wants.

import net from 'node:net';

import { releasePort, reservePort } from './server.mjs';

// words of a command, or undefined until it is all there; and the rest
function parse(data) {
  const text = data.toString('latin1');
  let at = 0;
  const line = () => {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const found = text.slice(at, end);
    at = end + 2;
    return found;
  };
  const head = line();
  if (head === undefined) return {};
  const words = [];
  for (let i = 0; i < Number(head.slice(1)); i++) {
    const length = Number(line()?.slice(1));
    if (!(text.length >= at + length + 2)) return {};
    words.push(text.slice(at, at + length));
    at += length + 2;
  }
  return { words, rest: data.subarray(at) };
}

function encode(value) {
  if (value instanceof Error) return `-${value.message}\r\n`;
  if (value === null) return '$-1\r\n';
  if (typeof value === 'number') return `:${value}\r\n`;
  if (Array.isArray(value)) {
    return `*${value.length}\r\n${value.map(encode).join('')}`;
  }
  return `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
}

/*
 * answer(words) gives what a command is answered with: a string, a number, null,
 * an array of such, an Error; or undefined for nothing at all. delay: how many
 * ms later.
 */
export class FakeRedis {
  static async start(answer, delay = 0) {
    const fake = new FakeRedis();
    fake.port = await reservePort();
    fake.commands = 0;
    fake.sockets = new Set();
    fake.server = net.createServer((socket) => {
      let data = Buffer.alloc(0);
      fake.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => fake.sockets.delete(socket));
      socket.on('data', (part) => {
        data = Buffer.concat([data, part]);
        for (;;) {
          const { words, rest } = parse(data);
          if (!words) return;
          data = rest;
          fake.commands++;
          const value = answer(words);
          if (value === undefined) continue;
          setTimeout(() => socket.write(encode(value)), delay);
        }
      });
    });
    await new Promise((done) => {
      fake.server.listen(fake.port, '127.0.0.1', done);
    });
    return fake;
  }

  async stop() {
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((done) => { this.server.close(done); });
    releasePort(this.port);
  }
}
