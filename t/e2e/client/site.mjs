// The site under test: the module with demo data, the built client, and the
// policy that the sample configuration sends. Robots are people without a
// browser: they log in by REST and talk over a socket.

import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { NO_RATE, start, until } from '../lib/server.mjs';

const root = path.resolve(
  path.dirname(fileURLToPath(import.meta.url)),
  '../../..',
);
const require = createRequire(path.join(root, 'client/package.json'));
const { io } = require('socket.io-client');

export const PASSWORD = 'password123';

const dist = path.join(root, 'client/dist');
const headers = fs
  .readFileSync(path.join(root, 'docker/chat.conf'), 'utf8')
  .match(/^add_header .*;$/gm)
  .join('\n');

export async function startSite(options = {}) {
  const prefix = options.prefix ?? '/';
  const server = await start({
    demoData: true,
    chat: NO_RATE,
    http: `include /etc/nginx/mime.types; client_max_body_size 64k;
           chat_links ${path.join(root, 'client/links.json')};`,
    server: `root ${dist}; gzip_static on; ${headers}
             location = ${prefix}index.html { alias ${dist}/index.html;
                                              expires -1; }`,
    location:
      prefix === '/'
        ? 'try_files $uri /index.html;'
        : `alias ${dist}/; index index.html;`,
    ...options,
  });
  const robots = [];

  await until(
    async () => await server.redis.client.exists('room:0'),
    'demo data is there',
    15000,
  );

  return {
    server,
    url: server.origin + prefix,
    async robot(name, password = PASSWORD) {
      const robot = new Robot(server.origin, prefix, name);
      await robot.enter(password);
      robots.push(robot);
      return robot;
    },
    // messages as the server would have stored them, from the oldest on;
    // ages are in seconds before now
    async seed(roomId, messages) {
      const { client } = server.redis;
      let pipeline = client.pipeline();
      const now = Date.now() / 1000;
      let last = 0;
      for (const [i, { from, text, age }] of messages.entries()) {
        const score = Math.max(now - age, last + 0.000002);
        last = score;
        const id = score.toFixed(6);
        pipeline.zadd(
          `room:${roomId}`,
          id,
          JSON.stringify({
            from,
            date: Math.floor(score),
            message: text,
            roomId,
            id,
          }),
        );
        if (i % 5000 === 4999) {
          await pipeline.exec();
          pipeline = client.pipeline();
        }
      }
      await pipeline.exec();
    },
    async join(roomId) {
      for (const id of roomId.split(':')) {
        await server.redis.client.sadd(`user:${id}:rooms`, roomId);
      }
    },
    async stop(allow) {
      robots.forEach((robot) => robot.leave());
      await server.stop({ allow });
    },
  };
}

class Robot {
  constructor(origin, prefix, name) {
    Object.assign(this, { origin, prefix, name });
  }

  async enter(password) {
    const response = await fetch(`${this.origin}${this.prefix}login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: this.name, password }),
    });
    if (!response.ok) {
      throw new Error(`${this.name} can't log in: ${response.status}`);
    }
    this.cookie = response.headers.get('set-cookie').split(';')[0];
    this.id = (await response.json()).id;
  }

  async connect() {
    this.heard = [];
    this.socket = io(this.origin, {
      path: `${this.prefix}socket.io/`,
      transports: ['websocket'],
      extraHeaders: { Cookie: this.cookie },
      forceNew: true,
    });
    this.socket.on('message', (message) => this.heard.push(message));
    await new Promise((done, fail) => {
      this.socket.once('connect', done);
      this.socket.once('connect_error', fail);
    });
    return this;
  }

  async say(roomId, text) {
    const ack = await this.socket.timeout(10000).emitWithAck('message', {
      roomId,
      message: text,
      from: this.id,
      date: 0,
    });
    if (!ack.ok) throw new Error(`${this.name} can't speak: ${ack.error}`);
    return ack;
  }

  texts(roomId) {
    return this.heard.filter((m) => m.roomId === roomId).map((m) => m.message);
  }

  leave() {
    this.socket?.disconnect();
    this.socket = undefined;
  }
}

export const pair = (a, b) =>
  [a.id, b.id]
    .map(Number)
    .sort((x, y) => x - y)
    .join(':');

// names that no other test has
let count = 0;
const run = Math.random().toString(36).slice(2, 6);
export const newName = (base) => `${base}-${run}${++count}`;
