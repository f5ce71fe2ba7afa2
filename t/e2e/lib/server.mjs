// Starts and ends the processes under test: a private Redis and one or more
// nginx on it, each in a folder of its own, and looks at what they leave
// behind. Whoever calls start() must await stop(), also when a test fails.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import Redis from 'ioredis';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)),
                          '../../..');
const nginxBinary = process.env.NGINX ?? '/usr/sbin/nginx';
const chatModule = process.env.CHAT_MODULE
    ?? path.join(root, '.build/normal/objs/ngx_http_chat_module.so');

// the user as whom the module speaks to Redis, with the password of the file
const acl = fs.readFileSync(path.join(root, 'ngx_chat_module/redis.acl'),
                            'utf8').trim().split(' ').slice(1);
export const REDIS_USER = { username: acl[0], password: 'PASSWORD' };
export const redisLogin = Object.values(REDIS_USER).join(':');

// for the chat's location, where a test does more than a person
export const NO_RATE = 'chat_login_rate off; chat_message_rate off;';

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// waits until check() gives something true, and returns that
export async function until(check, what, ms = 15000, step = 20) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await sleep(step);
  }
}

export function within(promise, ms, what) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`not within ${ms} ms: ${what}`)),
                       ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export const alive = (pid) => {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // a zombie has ended
  try {
    return !/\) Z /.test(fs.readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

export const subscribed = (server) => until(async () => {
  const [, count] = await server.redis.client.pubsub('NUMSUB', 'MESSAGES');
  return count >= server.workerPids().length;
}, 'the subscriptions are back', 10000);

// Two test files may run at once: a port belongs to who could create its lock.
const [firstPort, lastPort] =
    (process.env.CHAT_E2E_PORTS ?? '23000-23499').split('-').map(Number);
const lockOf = (port) => path.join(os.tmpdir(), `chat-e2e-port-${port}`);
const lockedPorts = new Set();

process.on('exit', () => lockedPorts.forEach(releasePort));

export async function reservePort() {
  const count = lastPort - firstPort + 1;
  const start = Math.floor(Math.random() * count);
  for (let i = 0; i < count; i++) {
    const port = firstPort + (start + i) % count;
    try {
      const owner = Number(fs.readFileSync(lockOf(port), 'utf8'));
      if (owner && !alive(owner)) fs.rmSync(lockOf(port), { force: true });
    } catch { /* not locked */ }
    try {
      fs.writeFileSync(lockOf(port), String(process.pid), { flag: 'wx' });
    } catch {
      continue;
    }
    lockedPorts.add(port);
    const free = await new Promise((done) => {
      const probe = net.createServer().once('error', () => done(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
    });
    if (free) return port;
    releasePort(port);
  }
  throw new Error(`no free port from ${firstPort} to ${lastPort}`);
}

export function releasePort(port) {
  fs.rmSync(lockOf(port), { force: true });
  lockedPorts.delete(port);
}

export const ended = (child) => new Promise((done) => {
  if (child.exitCode !== null || child.signalCode !== null) done();
  else child.once('exit', done);
});

export class RedisServer {
  constructor(dir, args = []) {
    this.dir = dir;
    this.args = args;
    this.password = /--requirepass\n(.*)/.exec(args.join('\n'))?.[1];
    this.socket = path.join(dir, 'redis.sock');
    this.clients = [];
  }

  get pid() { return this.child?.pid; }

  async start() {
    const log = fs.openSync(path.join(this.dir, 'redis.log'), 'a');
    this.child = spawn('redis-server', [
      '--port', '0', '--unixsocket', this.socket, '--dir', this.dir,
      '--save', '', '--appendonly', 'yes', '--appendfsync', 'no',
      // or it waits for a replica that is late, when it is told to end
      '--shutdown-timeout', '0',
      '--daemonize', 'no', '--user', ...acl, ...this.args,
    ], { stdio: ['ignore', log, log] });
    fs.closeSync(log);
    await until(() => this.#answers(), 'redis-server answers', 30000);
  }

  #answers() {
    return new Promise((done) => {
      const socket = net.connect(this.socket);
      socket.on('error', () => done(false));
      socket.on('connect', () => socket.write('PING\r\n'));
      socket.on('data', (data) => {
        socket.destroy();
        done(/^(\+PONG|-NOAUTH)/.test(data));
      });
    });
  }

  // what chat_redis says
  get url() { return `redis+unix://${redisLogin}@${this.socket}`; }

  // one more client; closed by stop()
  connect(options = {}) {
    const client = new Redis(this.socket, {
      maxRetriesPerRequest: 50, retryStrategy: () => 100,
      password: this.password, ...options,
    }).on('error', () => {});
    this.clients.push(client);
    return client;
  }

  // the client for the tests' own questions
  get client() {
    return this.own ??= this.connect();
  }

  // the messages of a channel as they come, in an array
  async listen(channel) {
    const texts = [];
    const client = this.connect();
    client.on('message', (_, text) => texts.push(text));
    await client.subscribe(channel);
    return texts;
  }

  async kill9() {
    this.child.kill('SIGKILL');
    await ended(this.child);
  }

  pause() { this.child.kill('SIGSTOP'); }

  resume() { this.child.kill('SIGCONT'); }

  async stop() {
    this.clients.forEach((client) => client.disconnect());
    if (!this.child) return;
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    try {
      await within(ended(this.child), 10000, 'redis-server ends');
    } finally {
      this.child.kill('SIGKILL');
    }
  }
}

function configuration(o) {
  const location = (prefix, directives, extra = '') => `
    location ${prefix} {
      chat on;
      ${directives}
      ${extra}
    }`;

  return `
daemon off;
master_process on;
${process.getuid() === 0 ? 'user root root;' : ''}
worker_processes ${o.workers};
worker_shutdown_timeout ${o.shutdownTimeout};
pid ${o.dir}/nginx.pid;
error_log ${o.dir}/error.log ${o.logLevel};
load_module ${o.module};
${o.orphan ? 'env LD_PRELOAD;   # nginx keeps it for a new binary' : ''}
${o.main}
events { worker_connections ${o.connections}; }
http {
  access_log off;
  client_body_temp_path ${o.dir}/body;
  proxy_temp_path ${o.dir}/proxy;
  fastcgi_temp_path ${o.dir}/fastcgi;
  uwsgi_temp_path ${o.dir}/uwsgi;
  scgi_temp_path ${o.dir}/scgi;
  keepalive_requests 100000;
  chat_redis ${o.redisUrl(o.redis)};
  chat_demo_data ${o.demoData ? 'on' : 'off'};
  chat_drain_time ${o.drainTime};
  ${o.perAddress}
  ${o.http}
  server {
    listen ${o.address}:${o.port}${o.tls ? ' ssl' : ''}${
      o.http2 ? ' http2' : ''} reuseport ${o.listen};
    ${o.tls ? `ssl_certificate ${o.tls.cert};
    ssl_certificate_key ${o.tls.key};` : ''}
    ${o.server}
    location = /e2e-worker { return 200 "$pid"; }
    ${location(o.prefix, o.chat, o.location)}
    ${Object.entries(o.locations)
      .map(([prefix, directives]) => location(prefix, directives)).join('')}
  }
}
`;
}

// nginx takes a USR2 only when the process that started it has gone since
const ORPHAN = `
  pid=$0/nginx.pid
  started() { for i in $(seq 100); do [ -s "$pid" ] || sleep 0.05; done; }
  ("$@" & started)
  trap 'kill -QUIT $(cat "$pid")' QUIT
  trap 'kill -TERM $(cat "$pid")' TERM
  while [ -s "$pid" ] || [ -s "$pid.oldbin" ]; do sleep 0.1; done`;

class Nginx {
  constructor(options) {
    this.options = options;
    this.port = options.port;
    this.address = options.address;
    this.redis = options.redis;
    this.clients = options.clients;
    this.tls = Boolean(options.tls);
    this.origin = `${options.tls ? 'https' : 'http'}://${
      this.address}:${this.port}`;
    this.url = this.origin + options.prefix.replace(/\/$/, '');
  }

  // with "orphan" the master of the newest binary
  get nginxPid() {
    if (!this.options.orphan) return this.child.pid;
    try {
      return Number(fs.readFileSync(`${this.options.dir}/nginx.pid`));
    } catch {
      return NaN;
    }
  }

  async start() {
    const { dir } = this.options;
    fs.mkdirSync(dir, { recursive: true });
    const conf = path.join(dir, 'nginx.conf');
    fs.writeFileSync(conf, configuration(this.options));
    const out = fs.openSync(path.join(dir, 'stderr.log'), 'a');
    const env = { ...process.env };
    const [command, ...args] = [
      ...this.options.wrapper,
      ...this.options.orphan ? ['sh', '-c', ORPHAN, dir] : [], nginxBinary];
    if (process.env.NGINX_LD_PRELOAD) {
      env.LD_PRELOAD = process.env.NGINX_LD_PRELOAD;
    }
    this.child = spawn(command, [...args, '-p', dir, '-c', conf],
                       { stdio: ['ignore', out, out], env });
    fs.closeSync(out);
    await until(async () => {
      if (this.child.exitCode !== null) {
        throw new Error(`nginx didn't start:\n${this.errorLog()}`);
      }
      return await this.#listens()
          && this.workerPids().length >= this.options.workers;
    }, 'nginx listens', 60000);
    if (this.options.ready) await this.#ready();
  }

  #listens() {
    return new Promise((done) => {
      const socket = net.connect(this.port, this.address);
      socket.on('error', () => done(false));
      socket.on('connect', () => { socket.destroy(); done(true); });
    });
  }

  // every worker has its links to Redis: what each serves depends on it
  async #ready() {
    const client = this.options.redis.client;
    await until(async () => {
      const [, count] = await client.pubsub('NUMSUB', 'MESSAGES');
      return count >= this.options.subscribersBefore + this.options.workers;
    }, 'every worker subscribes', 60000);
  }

  workerPids() {
    let children;
    try {
      children = fs.readFileSync(
        `/proc/${this.nginxPid}/task/${this.nginxPid}/children`, 'utf8');
    } catch {
      return [];
    }
    return children.split(' ').filter(Boolean).map(Number).filter((pid) => {
      try {
        // under valgrind no title shows
        return /worker process(?! is shutting down)|^\S*valgrind/.test(
          fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
      } catch {
        return false;
      }
    });
  }

  // new workers serve and the old ones are on their way out
  async reload() {
    const before = this.workerPids();
    process.kill(this.nginxPid, 'SIGHUP');
    await until(() => {
      const now = this.workerPids();
      return now.length >= this.options.workers
          && !now.some((pid) => before.includes(pid));
    }, 'nginx reloads', 15000);
    return before;
  }

  errorLog() {
    return ['error.log', 'stderr.log'].map((name) => {
      try {
        return fs.readFileSync(path.join(this.options.dir, name), 'utf8');
      } catch {
        return '';
      }
    }).join('');
  }

  // lines that no run may leave behind
  complaints(allow = []) {
    const bad = new RegExp('\\[(alert|crit|emerg)\\]|runtime error:|Sanitizer'
                           + '|stack smashing|double free|corrupted|NOPERM');
    return this.errorLog().split('\n').filter((line) => bad.test(line)
        && !allow.some((pattern) => pattern.test(line)));
  }

  async stop(allow = []) {
    const workers = this.workerPids();
    const problems = [];
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill('SIGQUIT');
      const gone = await within(ended(this.child), 15000, '').then(
        () => true, () => false);
      if (!gone) {
        problems.push('nginx did not end within 15 s of SIGQUIT');
        this.child.kill('SIGTERM');
        await within(ended(this.child), 5000, '').catch(() => {
          workers.forEach((pid) => alive(pid) && process.kill(pid, 'SIGKILL'));
          this.child.kill('SIGKILL');
        });
      }
    }
    const left = workers.filter(alive);
    if (left.length) {
      problems.push(`workers outlived their master: ${left}`);
      left.forEach((pid) => process.kill(pid, 'SIGKILL'));
    }
    problems.push(...this.complaints(allow));
    if (this.child.exitCode !== 0) {
      problems.push(`nginx exit code ${this.child.exitCode}, `
                    + `signal ${this.child.signalCode}`);
    }
    releasePort(this.port);
    return problems;
  }
}

/*
 * Options, all optional:
 *   workers         worker processes (2)
 *   hosts           nginx instances on the same Redis (1)
 *   module          the module (the one under test)
 *   prefix          location of the chat ('/')
 *   chat, location, server, http, main
 *                   more configuration, by its place ('chat' and 'location'
 *                   both stand in the chat's location)
 *   locations       {prefix: directives}: more chat locations
 *   demoData        chat_demo_data (false)
 *   tls             {cert, key} files
 *   http2           HTTP/2 without TLS (false)
 *   connections     worker_connections (2048)
 *   logLevel        'info'
 *   shutdownTimeout '5s'
 *   drainTime       chat_drain_time ('300ms')
 *   perAddress      chat_max_connections (off: all tests are one address)
 *   listen          more of the listen directive's parameters
 *   redisUrl(redis) what chat_redis says
 *   redisArgs       more of redis-server's arguments ([])
 *   places          [{address, wrapper}]: where each host listens, and the
 *                   command that nginx is started by
 *   seed(client, redis)
 *                   fills Redis before nginx starts
 *   ends            ends what else the test has started, called by stop()
 *   orphan          start nginx such that it takes USR2 (false)
 *   ready           wait for the workers' subscriptions (true)
 */
export async function start(options = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-e2e-'));
  const redis = new RedisServer(dir, options.redisArgs);
  const hosts = [];
  const clients = new Set();            // what stop() closes if no test has
  const defaults = {
    workers: 2, module: chatModule, prefix: '/', chat: '', location: '',
    server: '', http: '', main: '', locations: {}, demoData: false,
    connections: 2048, logLevel: 'info', shutdownTimeout: '5s', drainTime: '300ms', ready: true,
    perAddress: 'chat_max_connections off;',
    address: '127.0.0.1', wrapper: [], listen: '', orphan: false,
    redisUrl: (redis) => redis.url,
  };

  const stop = async ({ allow = [], keep = false } = {}) => {
    const problems = [];
    clients.forEach((client) => client.close());
    for (const host of hosts) problems.push(...await host.stop(allow));
    try {
      await redis.stop();
    } finally {
      await options.ends?.();
    }
    if (problems.length === 0 && !keep && !process.env.CHAT_E2E_KEEP) {
      fs.rmSync(dir, { recursive: true, force: true });
    }
    if (problems.length) {
      throw new Error([...problems.slice(0, 20), `(kept: ${dir})`].join('\n'));
    }
  };

  try {
    await redis.start();
    if (options.seed) await options.seed(redis.client, redis);
    for (let i = 0; i < (options.hosts ?? 1); i++) {
      const host = new Nginx({
        ...defaults, ...options, ...options.places?.[i], redis, clients,
        dir: path.join(dir, `nginx${i}`),
        port: await reservePort(),
        subscribersBefore: i * (options.workers ?? defaults.workers),
      });
      hosts.push(host);
      await host.start();
    }
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }

  const first = hosts[0];
  return {
    dir, redis, clients, hosts, stop,
    url: first.url, origin: first.origin, port: first.port,
    tls: Boolean(options.tls),
    get nginxPid() { return first.nginxPid; },
    workerPids: () => first.workerPids(),
    reload: () => first.reload(),
    errorLog: () => hosts.map((host) => host.errorLog()).join(''),
    complaints: (allow) => hosts.flatMap((host) => host.complaints(allow)),
  };
}
