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

/*
 * Stands between nginx and a Redis, whose socket is to be put into target.
 * After holdFrom(match), a connection's commands from the first one on that
 * match(words) takes wait in held until release(); after holdReplies(), so do
 * all answers, but not what comes to subscribers.
 */
export class RedisGate {
  static async start() {
    const gate = new RedisGate();
    gate.port = await reservePort();
    gate.held = [];
    gate.sockets = new Set();
    gate.server = net.createServer((socket) => gate.#connection(socket));
    await new Promise((done) => {
      gate.server.listen(gate.port, '127.0.0.1', done);
    });
    return gate;
  }

  #connection(socket) {
    const redis = net.connect(this.target);
    let data = Buffer.alloc(0);
    for (const [one, other] of [[socket, redis], [redis, socket]]) {
      this.sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => { this.sockets.delete(one); other.destroy(); });
    }
    let subscribes = false;
    redis.on('data', (part) => {
      if (this.replies && !subscribes) this.replies.push({ socket, part });
      else socket.write(part);
    });
    socket.on('data', (part) => {
      data = Buffer.concat([data, part]);
      for (;;) {
        const { words, rest } = parse(data);
        if (!words) return;
        const command = data.subarray(0, data.length - rest.length);
        data = rest;
        subscribes ||= words[0].toUpperCase() === 'SUBSCRIBE';
        if (this.held.some((h) => h.redis === redis) || this.match?.(words)) {
          this.held.push({ redis, command, words });
        }
        else redis.write(command);
      }
    });
  }

  holdFrom(match) { this.match = match; }

  holdReplies() { this.replies = []; }

  release() {
    this.replies?.forEach(({ socket, part }) => socket.write(part));
    this.replies = undefined;
    this.match = undefined;
    this.held.forEach(({ redis, command }) => redis.write(command));
    this.held = [];
  }

  async stop() {
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((done) => { this.server.close(done); });
    releasePort(this.port);
  }
}
