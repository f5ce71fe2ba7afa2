// HTTP as the tests need it: one new TCP connection for every request, so that
// requests spread over the workers; raw bytes; event streams; log-in.

import assert from 'node:assert/strict';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import tls from 'node:tls';

import { PASSWORD, seedUsers } from './data.mjs';
import { sleep, until, within } from './server.mjs';

const LIMIT = 20000;                    // ms for any single request

/*
 * options: method, headers, body (a string, a Buffer, or anything else as
 * JSON), cookie, agent, timeout. The path counts from the chat's location.
 */
export function request(server, path, options = {}) {
  const { method = 'GET', cookie, agent = false,
          timeout = LIMIT } = options;
  const headers = { ...options.headers };
  let { body } = options;
  if (body !== undefined && typeof body !== 'string'
      && !Buffer.isBuffer(body)) {
    body = JSON.stringify(body);
    headers['Content-Type'] ??= 'application/json';
  }
  if (cookie) headers.Cookie = cookie;
  if (body !== undefined && headers['Transfer-Encoding'] === undefined) {
    headers['Content-Length'] = Buffer.byteLength(body);
  }

  const done = new Promise((resolve, reject) => {
    const url = new URL(server.url + '/');
    const call = (url.protocol === 'https:' ? https : http).request({
      host: url.hostname, port: url.port, method, headers, agent,
      path: url.pathname.replace(/\/$/, '') + path,
      rejectUnauthorized: false,
    }, (reply) => {
      const parts = [];
      reply.on('data', (part) => parts.push(part));
      reply.on('error', reject);
      reply.on('end', () => {
        const text = Buffer.concat(parts).toString('utf8');
        resolve({
          status: reply.statusCode, headers: reply.headers,
          rawHeaders: reply.rawHeaders, text,
          get json() { return JSON.parse(text); },
        });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
  return within(done, timeout, `${method} ${path}`);
}

// the status, the JSON error's shape, and nothing else in it
export function assertError(reply, status, what = '') {
  assert.equal(reply.status, status, `${what} ${reply.text}`);
  assert.match(reply.headers['content-type'], /^application\/json/, what);
  const body = reply.json;
  assert.deepEqual(Object.keys(body), ['message'], what);
  assert.equal(typeof body.message, 'string', what);
  assert.ok(body.message.trim().length > 3, what);
  assert.doesNotMatch(body.message, /nginx|redis|lua|ERR |\.c\b|script/i, what);
  return body.message;
}

export function assertJson(reply, status, what = '') {
  assert.equal(reply.status, status, `${what} ${reply.text}`);
  assert.equal(reply.headers['content-type'],
               'application/json; charset=utf-8', what);
  assert.match(reply.headers['cache-control'], /no-store/, what);
  assert.equal(reply.headers['x-content-type-options'], 'nosniff', what);
  return reply.json;
}

// {name, value, httponly: true, path: '/', ...}, names in lower case
export function setCookies(reply) {
  return (reply.headers['set-cookie'] ?? []).map((line) => {
    const [pair, ...attributes] = line.split(/; */);
    const cookie = { name: pair.slice(0, pair.indexOf('=')),
                     value: pair.slice(pair.indexOf('=') + 1), line };
    for (const attribute of attributes) {
      const [name, value = true] = attribute.split('=');
      cookie[name.toLowerCase()] = value;
    }
    return cookie;
  });
}

// a browser's view of the chat: who is logged in, with which cookie
export class Session {
  constructor(server, cookie) {
    this.server = server;
    this.cookie = cookie;
  }

  request(path, options = {}) {
    return request(this.server, path, { cookie: this.cookie, ...options });
  }

  get(path, options) { return this.request(path, options); }

  post(path, body, options = {}) {
    return this.request(path, { method: 'POST', body, ...options });
  }

  async logIn(username, password = PASSWORD, options = {}) {
    const reply = await this.post('/login', { username, password }, options);
    if (reply.status === 200 || reply.status === 201) {
      const [cookie] = setCookies(reply);
      this.cookie = `${cookie.name}=${cookie.value}`;
      this.token = cookie.value;
      this.id = reply.json.id;
      this.name = reply.json.username;
    }
    return reply;
  }

  // the private room with somebody else
  roomWith(other) {
    return [this.id, other.id].map(Number).sort((a, b) => a - b).join(':');
  }
}

let count = 0;
// (in figures, none of which looks like another)
export const uniqueName = (base = 'user') =>
    `${base}-${process.pid}-${count++}`;

// logs in (or registers), which must succeed; without a name, somebody new whom
// Redis has got directly, with a hash that takes no time
export async function user(server, name, password, options) {
  const session = new Session(server);
  if (name === undefined) {
    name = uniqueName();
    await seedUsers(server.redis.client, [name]);
  }
  const reply = await session.logIn(name, password, options);
  assert.ok(reply.status === 201 || reply.status === 200,
            `log-in of ${name}: ${reply.status} ${reply.text}`);
  return session;
}

export async function users(server, number) {
  const all = [];
  for (let i = 0; i < number; i++) all.push(await user(server));
  return all;
}

export const open = (server) => new Promise((resolve, reject) => {
  const socket = server.tls
    ? tls.connect({ port: server.port, host: '127.0.0.1',
                    rejectUnauthorized: false }, () => resolve(socket))
    : net.connect(server.port, '127.0.0.1', () => resolve(socket));
  socket.setNoDelay(true);
  socket.once('error', reject);
});

/*
 * Sends bytes on a connection of their own and returns all that comes until
 * the server closes (or `until` matches, or `timeout` ms have passed).
 * step: bytes per write; pause: ms between them.
 */
export async function raw(server, bytes, options = {}) {
  const { step, pause = 1, until: wanted, timeout = LIMIT, socket: given }
      = options;
  const socket = given ?? await open(server);
  let received = Buffer.alloc(0);
  let closed = false;
  socket.on('data', (data) => {
    received = Buffer.concat([received, data]);
  });
  socket.on('close', () => { closed = true; });
  socket.on('error', () => { closed = true; });
  const data = Buffer.from(bytes, typeof bytes === 'string'
    ? 'latin1' : undefined);
  if (step) {
    for (let i = 0; i < data.length && !closed; i += step) {
      socket.write(data.subarray(i, i + step));
      await sleep(pause);
    }
  } else {
    socket.write(data);
  }
  const end = Date.now() + timeout;
  while (!closed && Date.now() < end) {
    if (wanted && wanted.test(received.toString('latin1'))) break;
    await sleep(5);
  }
  socket.destroy();
  return { text: received.toString('utf8'), closed,
           status: Number(/^HTTP\/1\.1 (\d+)/.exec(
             received.toString('latin1'))?.[1]) };
}

// the bytes of a request
export const bytes = (method, path, headers = {}, body = '') =>
  `${method} ${path} HTTP/1.1\r\n`
  + Object.entries({ Host: '127.0.0.1', ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`).join('')
  + `\r\n${body}`;

// a new connection that a given worker has accepted
export async function openOn(server, pid) {
  for (let i = 0; i < 400; i++) {
    const socket = await open(server);
    socket.write('GET /e2e-worker HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    const reply = await within(new Promise((resolve, reject) => {
      let text = '';
      const onData = (data) => {
        text += data;
        const match = /\r\n\r\n(\d+)$/.exec(text);
        const length = /content-length: (\d+)/i.exec(text)?.[1];
        if (match && match[1].length === Number(length)) {
          socket.off('data', onData);
          resolve(match[1]);
        }
      };
      socket.on('data', onData);
      socket.once('error', reject);
    }), 5000, 'the worker says who it is');
    socket.removeAllListeners('error');
    if (Number(reply) === pid) return socket;
    socket.destroy();
  }
  throw new Error(`no connection reached worker ${pid}`);
}

/*
 * An agent for node:http that makes a new connection for every request, to the
 * worker that pick() names by the request's path (a pid, or undefined for
 * whichever accepts).
 */
export class WorkerAgent extends http.Agent {
  constructor(server, pick) {
    super({ keepAlive: false, maxSockets: Infinity });
    this.server = server;
    this.pick = pick;
    this.connections = 0;
  }

  // node takes the path away, which would be a Unix socket's to it
  addRequest(request, options) {
    super.addRequest(request, { ...options, wanted: request.path });
  }

  createConnection(options, ready) {
    this.connections++;
    const pid = this.pick(options.wanted);
    (pid ? openOn(this.server, pid) : open(this.server)).then(
      (socket) => ready(null, socket), ready);
  }
}

// the users' presence is eventual: a session that ends counts after a grace
export const onlineIds = async (session) =>
  Object.keys((await session.get('/users/online')).json);

/*
 * A text/event-stream. events: [{event, data, id}], comments: ['...'].
 */
export class EventStream {
  static async open(session, path, headers = {}) {
    const stream = new EventStream();
    const url = new URL(session.server.url + '/');
    stream.events = [];
    stream.comments = [];
    stream.closed = false;
    await within(new Promise((resolve, reject) => {
      stream.call = (url.protocol === 'https:' ? https : http).request({
        host: url.hostname, port: url.port, agent: false,
        path: url.pathname.replace(/\/$/, '') + path,
        headers: { Accept: 'text/event-stream', Cookie: session.cookie ?? '',
                   ...headers },
        rejectUnauthorized: false,
      }, (reply) => {
        stream.status = reply.statusCode;
        stream.headers = reply.headers;
        reply.setEncoding('utf8');
        let text = '';
        reply.on('data', (part) => {
          text += part;
          const blocks = text.split('\n\n');
          text = blocks.pop();
          blocks.forEach((block) => stream.#block(block));
        });
        reply.on('close', () => { stream.closed = true; });
        reply.on('error', () => { stream.closed = true; });
        resolve();
      });
      stream.call.on('error', (error) => {
        stream.closed = true;
        reject(error);
      });
      stream.call.end();
    }), 5000, `${path} opens`);
    return stream;
  }

  #block(block) {
    const event = { event: 'message', data: [] };
    let isEvent = false;
    for (const line of block.split('\n')) {
      if (line.startsWith(':')) {
        this.comments.push(line.slice(1).trim());
        continue;
      }
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === 'data') event.data.push(value);
      else if (name === 'event' || name === 'id') event[name] = value;
      isEvent ||= name === 'data';
    }
    if (isEvent) {
      this.events.push({ ...event, data: JSON.parse(event.data.join('\n')) });
    }
  }

  waitFor(match, what, ms = 5000) {
    return until(() => this.events.find(match), what, ms);
  }

  close() {
    this.call.destroy();
  }
}
