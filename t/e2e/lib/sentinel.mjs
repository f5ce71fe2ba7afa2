// A Redis that is replicated and watched by Sentinels: the server under test's
// own is the first master.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import Redis from 'ioredis';

import { RedisServer, ended, redisLogin, releasePort, reservePort, start,
         until } from './server.mjs';

export const MASTER = 'chat-master';

export class Sentinel {
  constructor(dir, port, lines) {
    this.port = port;
    this.conf = path.join(dir, `sentinel-${port}.conf`);
    this.log = `${this.conf}.log`;
    fs.writeFileSync(this.conf, [
      `port ${port}`, 'bind 127.0.0.1', `dir ${dir}`, ...lines, '',
    ].join('\n'));
  }

  start() {
    const log = fs.openSync(this.log, 'a');
    this.child = spawn('redis-server', [this.conf, '--sentinel'],
                       { stdio: ['ignore', log, log] });
    fs.closeSync(log);
  }

  async command(...words) {
    const client = new Redis(this.port, '127.0.0.1', {
      password: this.password, maxRetriesPerRequest: 1,
      enableReadyCheck: false }).on('error', () => {});
    try {
      return await client.call(...words);
    } finally {
      client.disconnect();
    }
  }

  async kill9() {
    this.child.kill('SIGKILL');
    await ended(this.child);
  }
}

/*
 * start() of server.mjs with such a Redis. More options: password (of Redis and
 * of the Sentinels), sentinels (3), lines (more of the Sentinels'
 * configuration), url(ports) (what chat_redis says).
 *
 * The server has besides: master and replica (RedisServer, each with its port)
 * and sentinels.
 */
export async function startWatched(options = {}) {
  const { password, lines = [] } = options;
  const secret = password ? ['--requirepass', password,
                             '--masterauth', password] : [];
  const ports = await Promise.all(Array.from(
    { length: 2 + (options.sentinels ?? 3) }, () => reservePort()));
  const [masterPort, replicaPort, ...sentinelPorts] = ports;
  const args = (port) => ['--port', String(port), '--bind', '127.0.0.1',
                          '--repl-diskless-sync-delay', '0', ...secret];
  let replica;
  let sentinels = [];

  const ends = async () => {
    for (const sentinel of sentinels) {
      if (sentinel.child) await sentinel.kill9();
    }
    if (replica) await replica.stop();
    ports.forEach(releasePort);
  };

  const seed = async (client, { dir }) => {
    const replicaDir = path.join(dir, 'replica');
    fs.mkdirSync(replicaDir);
    replica = new RedisServer(replicaDir, [
      ...args(replicaPort), '--replicaof', `127.0.0.1 ${masterPort}`]);
    await replica.start();
    await until(async () => /master_link_status:up/.test(
      await replica.client.info('replication')), 'the replica is in step');

    sentinels = sentinelPorts.map((port) => new Sentinel(dir, port, [
      `sentinel monitor ${MASTER} 127.0.0.1 ${masterPort} 2`,
      `sentinel down-after-milliseconds ${MASTER} 1000`,
      `sentinel failover-timeout ${MASTER} 5000`,
      ...(password ? [`sentinel auth-pass ${MASTER} ${password}`,
                      `requirepass ${password}`,
                      `sentinel sentinel-pass ${password}`] : []),
      ...lines,
    ]));
    for (const sentinel of sentinels) {
      sentinel.password = password;
      sentinel.start();
    }
    for (const sentinel of sentinels) {
      await until(async () => {
        const state = await sentinel.command('SENTINEL', 'MASTER', MASTER)
          .catch(() => []);
        const of = (name) => Number(state[state.indexOf(name) + 1]);
        return state.length && of('num-slaves') === 1
            && of('num-other-sentinels') === sentinels.length - 1;
      }, 'the Sentinels know each other', 15000);
    }
    if (options.seed) await options.seed(client);
  };

  const server = await start({
    ...options, seed, ends, redisArgs: args(masterPort),
    redisUrl: () => options.url?.(sentinelPorts, masterPort)
        ?? `sentinel://${password ? `:${password}` : redisLogin}@${
          sentinelPorts.map((port) => `127.0.0.1:${port}`).join()}/${MASTER}`,
  });
  server.redis.port = masterPort;
  replica.port = replicaPort;
  return Object.assign(server, { master: server.redis, replica, sentinels });
}

// what has been written before is on the replica too
export async function replicated(redis) {
  await redis.client.set('test:replicated', '1');
  const count = await redis.client.wait(1, 5000);
  if (count < 1) throw new Error('no replica has it');
}
