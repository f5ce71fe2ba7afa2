// The servers that are measured.  Each start function returns
//
//   { name, port, path, sio, pids(), redisPid, stop() }
//
// sio: 1 for those that speak Socket.IO; path: of the WebSocket.

import fs from 'node:fs';
import path from 'node:path';

import { ALL_CORES, LOAD_CORE, SERVER_CORE, build, dir, listens, pidsOf, seed,
         start, stop } from './process.mjs';

const SIO_PATH = '/socket.io/?EIO=4&transport=websocket';

let port = Number(process.env.CHAT_BENCH_PORT ?? 26000);
let serial = 0;

async function redis() {
  const home = path.join(dir, `redis-${++serial}`);
  fs.mkdirSync(home);
  const socket = path.join(home, 'redis.sock');
  const child = start('redis', LOAD_CORE, 'redis-server', [
    '--port', '0', '--unixsocket', socket, '--dir', home, '--save', '',
    '--appendonly', 'no', '--loglevel', 'warning']);
  await listens(child, socket);
  return { child, socket };
}

function nginxConf(home, { modules, workers = 1, http }) {
  const conf = path.join(home, 'nginx.conf');
  fs.writeFileSync(conf, `
daemon off;
user root root;
worker_processes ${workers};
pid ${home}/nginx.pid;
error_log ${home}/error.log warn;
${modules.map((file) => `load_module ${file};`).join('\n')}
events { worker_connections 19000; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${home}/body;
  proxy_temp_path ${home}/proxy;
  fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi;
  scgi_temp_path ${home}/scgi;
  ${http}
}
`);
  return conf;
}

async function nginx(name, options) {
  const home = path.join(dir, `nginx-${++serial}`);
  fs.mkdirSync(home);
  const conf = nginxConf(home, options);
  const core = (options.workers ?? 1) > 1 ? ALL_CORES : SERVER_CORE;
  const child = start(name, core, 'nginx', [
    '-p', home, '-c', conf, '-e', path.join(home, 'error.log')]);
  await listens(child, options.port);
  return { child, log: path.join(home, 'error.log') };
}

export async function startChat({ workers = 1, users = 1000, rooms = 1,
                                  history = 0, directives = '' } = {}) {
  const store = await redis();
  seed(store.socket, { users, rooms, history });
  const at = port++;
  const server = await nginx('chat', {
    port: at, workers,
    modules: [process.env.CHAT_MODULE],
    http: `
  chat_redis redis+unix://${store.socket};
  chat_login_rate off;
  chat_message_rate off;
  chat_max_connections off;
  ${directives}
  server {
    listen 127.0.0.1:${at} reuseport;
    location / { chat on; }
  }` });
  return {
    name: 'this module', port: at, path: SIO_PATH, sio: 1,
    redis: store.socket, redisPid: store.child.pid,
    pids: () => pidsOf(server.child),
    log: server.log,
    async stop() {
      await stop(server.child);
      await stop(store.child);
    },
  };
}

// kind: each or turn
export async function startFloor(kind) {
  const at = port++;
  const child = start('floor', SERVER_CORE, path.join(build, 'floor'),
                      [String(at), kind]);
  await listens(child, at);
  return {
    name: kind === 'each' ? 'floor, a send each' : 'floor, a send a turn',
    port: at, path: '/', sio: 0,
    pids: () => [child.pid],
    stop: () => stop(child),
  };
}

const MODULES = '/usr/lib/nginx/modules';

export async function startNchan() {
  const at = port++;
  const server = await nginx('nchan', {
    port: at,
    modules: [`${MODULES}/ngx_nchan_module.so`],
    http: `
  nchan_shared_memory_size 512M;
  server {
    listen 127.0.0.1:${at} reuseport;
    location / {
      nchan_pubsub websocket;
      nchan_channel_id all;
      nchan_subscriber_first_message newest;
      nchan_message_buffer_length 1000;
      nchan_message_timeout 10s;
    }
  }` });
  return { name: 'nchan', port: at, path: '/', sio: 0,
           pids: () => pidsOf(server.child),
           stop: () => stop(server.child) };
}

async function node(name, script, args) {
  const at = port++;
  const child = start(name, SERVER_CORE, process.execPath,
                      [path.join(import.meta.dirname, '../peers', script),
                       String(at), ...args],
                      { env: { ...process.env, NODE_ENV: 'production' } });
  await listens(child, at);
  return { name, port: at, path: '/', sio: 0, pids: () => [child.pid],
           stop: () => stop(child) };
}

export const startUws = () => node('uWebSockets.js', 'uws.mjs', []);

export async function startSocketio({ users = 1000, history = 0 } = {}) {
  const store = await redis();
  seed(store.socket, { users, history });
  const server = await node('Socket.IO', 'socketio.mjs', [store.socket]);
  return {
    ...server, path: SIO_PATH, sio: 1, redisPid: store.child.pid,
    async stop() {
      await server.stop();
      await stop(store.child);
    },
  };
}

// nginx alone: a body of a size
export async function startReturn(bytes) {
  const at = port++;
  const server = await nginx('return', {
    port: at, modules: [],
    http: `
  server {
    listen 127.0.0.1:${at} reuseport;
    location / {
      default_type application/json;
      return 200 "${'x'.repeat(bytes)}";
    }
  }` });
  return { name: 'nginx return 200', port: at,
           pids: () => pidsOf(server.child),
           stop: () => stop(server.child) };
}

export async function startLua({ users, history }) {
  const store = await redis();
  seed(store.socket, { users, history });
  const at = port++;
  const script = path.join(import.meta.dirname, '../peers/history.lua');
  const server = await nginx('lua', {
    port: at,
    modules: [`${MODULES}/ndk_http_module.so`,
              `${MODULES}/ngx_http_lua_module.so`],
    http: `
  lua_package_path "/usr/share/lua/5.1/?.lua;;";
  server {
    listen 127.0.0.1:${at} reuseport;
    location ~ ^/room/(?<room>[^/]+)/messages$ {
      set $redis_socket ${store.socket};
      content_by_lua_file ${script};
    }
  }` });
  return {
    name: 'Lua', port: at, redisPid: store.child.pid,
    pids: () => pidsOf(server.child),
    async stop() {
      await stop(server.child);
      await stop(store.child);
    },
  };
}
