// Hosts of their own: network namespaces, each with one link to the clients
// and one to Redis, which can be taken down. Needs root, and ip of iproute2.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';

import { redisLogin } from '../../e2e/lib/server.mjs';

const REDIS_PORT = 16379;

const ip = (...args) => {
  try {
    execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    throw new Error(`ip ${args.join(' ')}: ${error.stderr ?? error}`);
  }
};

export class Network {
  constructor(hosts) {
    // 198.18.0.0/15 is for tests (RFC 2544); a /24 of it by our process
    this.net = `198.${18 + (process.pid >> 8) % 2}.${process.pid % 256}`;
    this.hosts = Array.from({ length: hosts }, (_, i) => this.#host(i));
    this.links = this.hosts.flatMap((host) => [host.client, host.redis]);
    this.down = () => this.remove();
  }

  #host(i) {
    const name = `chat${process.pid}h${i}`;
    const link = (kind, at) => ({
      outside: `c${process.pid}${kind}${i}`, inside: kind,
      gateway: `${this.net}.${at + 1}`, address: `${this.net}.${at + 2}`,
    });
    return { name, client: link('c', i * 8), redis: link('r', i * 8 + 4) };
  }

  create() {
    process.on('exit', this.down);
    for (const { name, client, redis } of this.hosts) {
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      for (const { outside, inside, gateway, address } of [client, redis]) {
        ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside,
           'netns', name);
        ip('address', 'add', `${gateway}/30`, 'dev', outside);
        ip('-n', name, 'address', 'add', `${address}/30`, 'dev', inside);
        ip('link', 'set', outside, 'up');
        ip('-n', name, 'link', 'set', inside, 'up');
      }
    }
    // a host whose link is down is nowhere else either
    ip('route', 'add', 'unreachable', `${this.net}.0/24`);
  }

  // what start() of e2e's server.mjs needs
  get options() {
    return {
      redisArgs: ['--port', String(REDIS_PORT), '--protected-mode', 'no',
                  '--bind', ...this.hosts.map(({ redis }) => redis.gateway)],
      places: this.hosts.map(({ name, client, redis }) => ({
        address: client.address,
        wrapper: ['nsenter', `--net=/run/netns/${name}`, '--'],
        redisUrl: () =>
          `redis://${redisLogin}@${redis.gateway}:${REDIS_PORT}`,
      })),
    };
  }

  // of: 'both' or 'redis'
  set(host, of, state) {
    const { client, redis } = this.hosts[host];
    for (const link of of === 'both' ? [client, redis] : [redis]) {
      ip('link', 'set', link.outside, state);
    }
  }

  remove() {
    process.off('exit', this.down);
    const quietly = (...args) => { try { ip(...args); } catch { /* gone */ } };
    quietly('route', 'del', 'unreachable', `${this.net}.0/24`);
    for (const { name, client, redis } of this.hosts) {
      quietly('link', 'del', client.outside);
      quietly('link', 'del', redis.outside);
      if (fs.existsSync(`/run/netns/${name}`)) quietly('netns', 'del', name);
    }
  }
}
