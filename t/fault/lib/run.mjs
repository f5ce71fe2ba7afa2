// One run of a schedule: starts the servers and the clients, lets them talk
// while the faults happen, waits until all is well again, and makes the record
// that check.mjs looks at.

import fs from 'node:fs';
import path from 'node:path';

import { seedUsers } from '../../e2e/lib/data.mjs';
import { Session } from '../../e2e/lib/http.mjs';
import { NO_RATE, sleep, start, until } from '../../e2e/lib/server.mjs';
import { createClient } from './client.mjs';
import { Network } from './netns.mjs';
import { Proxy } from './proxy.mjs';
import { Random } from './random.mjs';

// short times, so that a run sees many of them; a short queue, and short
// buffers of the kernel, so that a slow reader is one soon
const CONF = `${NO_RATE} chat_ping_interval 1500ms; chat_ping_timeout 2500ms;
  chat_presence_grace 1s; chat_send_queue 128k;`;
const LISTEN = 'sndbuf=16k';

const SETTLE = 40000;                   // ms for everything to come back
const PRESENCE = 10000;                 // ms for the presence to be right

class Run {
  constructor(plan) {
    this.plan = plan;
    this.random = new Random(plan.random);
    this.clients = [];
    this.events = [];                   // what happened, for people
    this.killed = [];
    this.problems = [];
    this.began = Date.now();
  }

  note(text) {
    const now = Date.now();
    this.events.push(`${((now - this.began) / 1000).toFixed(3)} ${
      new Date(now).toISOString().slice(11, 23)} ${text}\n`);
  }

  async begin() {
    const { plan } = this;
    if (plan.hosts > 1) {
      this.network = new Network(plan.hosts);
      this.network.create();
    }
    this.server = await start({
      hosts: plan.hosts, workers: plan.workers, drainTime: `${plan.drain}ms`,
      chat: CONF, listen: LISTEN, ...this.network?.options,
      seed: (redis) => this.#seed(redis),
    });
    this.redis = this.server.redis;

    await Promise.all(plan.clients.map((_, i) => this.#client(i)));
    await this.#connect((client) => client.plan.from === null);
    await this.#greet();
    this.began = Date.now();
  }

  // users, and the rooms with their ids
  async #seed(redis) {
    this.users = await seedUsers(redis, Array.from({ length: this.plan.users },
                                                   (_, i) => `user${i}`));
    for (const room of this.plan.rooms) {
      const members = room.users.map((i) => this.users[i].id);
      room.members = members;
      if (room.type === 'general') {
        room.id = '0';
      } else if (room.type === 'named') {
        room.id = 'lobby';
        await redis.set(`room:${room.id}:name`, 'Lobby');
        for (const id of members) await redis.sadd(`user:${id}:rooms`, room.id);
      } else {
        room.id = [...members].sort((a, b) => a - b).join(':');
      }
    }
  }

  async #client(i) {
    const plan = this.plan.clients[i];
    const hosts = this.server.hosts.map(({ address, port }) => (
      { host: address, port }));
    const proxy = new Proxy(hosts[plan.host]);
    await proxy.listen();
    const session = new Session({ url: proxy.url });
    await session.logIn(this.users[plan.user].name);
    const name = `c${i}-${plan.kind}`;
    const mine = this.plan.rooms.filter(({ users }) =>
      users.includes(plan.user));
    this.clients[i] = createClient({
      name, plan, session, proxy, hosts, random: this.random.fork(),
      rooms: mine.map(({ id }) => id),
      foreign: this.plan.rooms.filter((room) => !mine.includes(room))
        .map(({ id }) => id),
      note: (text) => this.note(`${name} ${text}`),
      position: async (room) => {
        const [, score] = await this.redis.client.zrange(
          `room:${room}`, -1, -1, 'WITHSCORES');
        return score ? Number(score).toFixed(6) : '0';
      },
    });
  }

  async #connect(which) {
    const some = this.clients.filter(which);
    some.forEach((client) => client.connect());
    await until(() => some.every((client) => client.ready),
                'all clients connect', 20000);
  }

  // every room but a late one has a message, which everybody has seen
  async #greet() {
    const here = this.clients.filter(({ plan }) => plan.from === null);
    const greetings = this.plan.rooms.filter(({ late }) => !late)
      .map(({ id }) => [id, this.#sayer(here, id)])
      .filter(([, sayer]) => sayer)
      .map(([id, sayer]) => sayer.send(id, { label: '-hello' }));
    await until(() => greetings.every(({ room, text }) => here
      .filter(({ rooms }) => rooms.includes(room))
      .every((client) => client.has(room, text))), 'all are greeted', 20000);
  }

  #sayer(clients, room) {
    return clients.find(({ rooms, plan, left }) => !left
      && plan.kind !== 'events' && rooms.includes(room));
  }

  // the traffic, with the faults in it
  async play() {
    const { plan } = this;
    const timed = [];
    const at = (ms, what) => timed.push((async () => {
      await sleep(Math.max(0, this.began + ms - Date.now()));
      await what();
    })());

    this.clients.forEach((client) => {
      const { from, until: end } = client.plan;
      if (from === null) client.talk();
      else at(from, () => { client.connect(); client.talk(); });
      if (end !== null) {
        at(end, () => {
          this.note(`${client.name} leaves`);
          client.left = true;
          client.close();
        });
      }
    });
    plan.faults.forEach((fault) => at(fault.at, () => this.#fault(fault)));
    at(plan.seconds * 1000, () => {});
    await Promise.all(timed);
  }

  async #fault(fault) {
    const { kind, ms } = fault;
    const client = this.clients[fault.client];
    const host = this.server.hosts[fault.host];
    const note = (text = '') => this.note(`** ${kind} ${client?.name ?? ''} ${
      text}`);

    switch (kind) {
    case 'kill': {
      const pids = host.workerPids();
      const pid = pids[fault.worker % pids.length];
      if (!pid) return;
      note(`host ${fault.host} worker ${pid}`);
      this.killed.push(pid);
      process.kill(pid, 'SIGKILL');
      return;
    }
    case 'reload':
      note(`host ${fault.host}`);
      host.child.kill('SIGHUP');
      return;
    case 'redis-kill':
      await this.#redisFault(async () => {
        note(`for ${ms} ms`);
        await this.redis.kill9();
        await sleep(ms);
        await this.redis.start();
        note('over');
      });
      return;
    case 'redis-pause':
      await this.#redisFault(async () => {
        note(`for ${ms} ms`);
        this.redis.pause();
        await sleep(ms);
        this.redis.resume();
        note('over');
      });
      return;
    case 'drop-bus':
    case 'drop-links':
      note();
      this.redis.client.client('KILL', 'TYPE', kind === 'drop-bus'
        ? 'pubsub' : 'normal').catch(() => {});
      return;
    case 'cut':
      note(fault.how);
      client.proxy.cut(fault.how);
      return;
    case 'deaf':
      note(`for ${ms} ms`);
      client.proxy.deaf = true;
      await sleep(ms);
      client.proxy.cut();
      client.proxy.deaf = false;
      return;
    case 'stall':
      note(`for ${ms} ms`);
      client.proxy.stalled = true;
      await sleep(ms);
      client.proxy.stalled = false;
      return;
    case 'slow':
      note(`for ${ms} ms`);
      client.proxy.slow = true;
      this.#flood(this.clients[fault.by]);
      await sleep(ms);
      client.proxy.slow = false;
      return;
    case 'link':
      note(`${fault.of} of host ${fault.host}, for ${ms} ms`);
      this.network.set(fault.host, fault.of, 'down');
      await sleep(ms);
      this.network.set(fault.host, fault.of, 'up');
      note('over');
      return;
    default:
      throw new Error(`unknown fault ${kind}`);
    }
  }

  // one at a time: what comes while Redis is away has happened already
  async #redisFault(happen) {
    if (this.redisFault) return;
    this.redisFault = true;
    await happen();
    this.redisFault = false;
  }

  // more than the queue and the kernel hold for one client
  #flood(client) {
    const sayer = client.ready && client.plan.kind !== 'events' ? client
      : this.clients.find((other) => other.ready
                          && other.plan.kind !== 'events');
    for (let i = 0; sayer && i < 50; i++) sayer.send('0', { size: 8000 });
  }

  // all is up again; everybody comes back and gets what there is
  async settle() {
    this.note('** settling');
    this.clients.forEach((client) => { client.talking = false; });
    this.healed = Date.now();
    const here = this.here = this.clients.filter(({ left }) => !left);
    const end = Date.now() + SETTLE;

    const settled = await this.#waitFor(end, () =>
      here.every((client) => client.settled));
    if (!settled) {
      here.filter((client) => !client.settled).forEach((client) => {
        this.problems.push(`${client.name} did not come back: ${
          client.ready ? `${client.outstanding} messages without an answer`
            : `joined ${[...client.joined]} of ${client.rooms}`}`);
      });
    }

    // the last message of each room
    const last = this.plan.rooms.map(({ id }) => [id, this.#sayer(here, id)])
      .filter(([, sayer]) => sayer)
      .map(([id, sayer]) => sayer.send(id, { label: '-last' }));
    await this.#waitFor(Date.now() + SETTLE / 2, () =>
      last.every(({ room, text, acks }) => acks.length && here
        .filter(({ rooms }) => rooms.includes(room))
        .every((client) => client.has(room, text))));
    await sleep(300);                   // for what should not come any more
    this.note('** settled');
  }

  async #waitFor(end, check) {
    while (!check()) {
      if (Date.now() > end) return false;
      await sleep(20);
    }
    return true;
  }

  async record() {
    const redis = this.redis.client;
    const history = {};
    for (const { id } of this.plan.rooms) {
      const rows = await redis.zrange(`room:${id}`, 0, -1, 'WITHSCORES');
      history[id] = [];
      for (let i = 0; i < rows.length; i += 2) {
        const { id: position, from, message } = JSON.parse(rows[i]);
        history[id].push({ id: position, score: rows[i + 1], from,
                           text: message });
      }
    }
    const online = await this.#online();
    const log = await this.#end(online);

    return {
      rooms: Object.fromEntries(this.plan.rooms.map(({ id, members }) => (
        [id, { members }]))),
      history, online, log: [...this.problems, ...log],
      sends: this.clients.flatMap(({ sends }) => sends),
      clients: this.clients.map((client) => client.report()),
    };
  }

  // who is online, by each host, once it is right or its time is over
  async #online() {
    const expected = [...new Set(this.here.map(({ user }) => user))];
    const wanted = [...expected].sort().join();
    const end = this.healed + PRESENCE;
    const seen = [];
    for (const host of this.server.hosts) {
      const session = new Session(host, this.clients[0].session.cookie);
      await this.#waitForAsync(Math.max(end, Date.now()), async () => {
        const reply = await session.get('/users/online');
        seen[this.server.hosts.indexOf(host)] = reply.status === 200
          ? Object.keys(reply.json) : [`status ${reply.status}`];
        return seen.at(-1).sort().join() === wanted;
      });
    }
    return { expected, seen, left: [] };
  }

  async #waitForAsync(end, check) {
    while (!await check()) {
      if (Date.now() > end) return false;
      await sleep(100);
    }
    return true;
  }

  // everybody goes, then the servers; what is left of them
  async #end(online) {
    this.clients.forEach((client) => client.close());
    await this.#waitForAsync(Date.now() + PRESENCE, async () => {
      online.left = await this.redis.client.smembers('online_users');
      return online.left.length === 0;
    });
    return this.stop();
  }

  async stop() {
    this.clients.forEach((client) => { client.close(); client.proxy.close(); });
    try {
      await this.server?.stop({
        keep: true,
        allow: this.killed.map((pid) => new RegExp(
          `\\[alert\\].*worker process ${pid} exited on signal 9$`)),
      });
      return [];
    } catch (error) {
      return error.message.split('\n').filter((line) => !/^\(kept/.test(line));
    } finally {
      this.network?.remove();
      this.network = undefined;
    }
  }
}

/*
 * {record, dir}: dir has the servers' logs and, in record.json and events.log,
 * what happened. Whoever calls removes it.
 */
export async function play(plan) {
  const run = new Run(plan);
  try {
    await run.begin();
    await run.play();
    await run.settle();
    const record = await run.record();
    const { dir } = run.server;
    fs.writeFileSync(path.join(dir, 'events.log'), run.events.join(''));
    fs.writeFileSync(path.join(dir, 'record.json'),
                     JSON.stringify({ plan, ...record }, null, 1));
    return { record, dir };
  } catch (error) {
    await run.stop();
    throw error;
  }
}
