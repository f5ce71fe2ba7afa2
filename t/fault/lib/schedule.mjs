// What a run does, from its seed: hosts and workers, users, their clients and
// rooms, and which faults happen when. Times are in ms from the begin of the
// traffic. Users, clients and hosts are named by their index.

import { Random } from './random.mjs';

export const KINDS = ['websocket', 'polling', 'upgrade', 'events', 'raw'];

/*
 * The faults, with their weights:
 *   kill          kill -9 of a worker
 *   reload        HUP
 *   redis-kill    kill -9 of Redis, which starts again after `ms`
 *   redis-pause   SIGSTOP, SIGCONT after `ms`
 *   drop-bus      CLIENT KILL TYPE pubsub
 *   drop-links    CLIENT KILL TYPE normal
 *   cut           a client's connections end, with RST or FIN
 *   deaf          what the server sends is lost for `ms`, then a cut
 *   stall         nothing gets through, either way, for `ms`
 *   slow          a client reads nothing for `ms`, while somebody says a lot
 *   link          a host's link to everything, or to Redis, is down for `ms`
 */
const FAULTS = [
  [3, 'kill'], [2, 'reload'], [2, 'redis-kill'], [2, 'redis-pause'],
  [3, 'drop-bus'], [2, 'drop-links'], [5, 'cut'], [3, 'deaf'], [2, 'stall'],
  [2, 'slow'],
];
const HOST_FAULTS = [...FAULTS, [5, 'link']];

export function schedule(seed, seconds) {
  const random = new Random(seed);
  const plan = { seed, seconds };

  plan.hosts = random.chance(0.35) ? 2 : 1;
  plan.workers = plan.hosts === 2 ? random.int(1, 2) : random.int(2, 4);
  plan.drain = random.pick([100, 300, 1000]);
  plan.users = random.int(5, 9);
  plan.clients = clients(random.fork(), plan);
  plan.rooms = rooms(random.fork(), plan);
  plan.faults = faults(random.fork(), plan);
  plan.random = random.next();          // the seed of what clients decide

  return plan;
}

// every kind at least once; the first clients belong to different users
function clients(random, plan) {
  const list = [];
  const count = Math.max(random.int(8, 16), plan.users);
  const end = plan.seconds * 1000;

  for (let i = 0; i < count; i++) {
    list.push({
      user: i < plan.users ? i : random.int(0, plan.users - 1),
      kind: i < KINDS.length ? KINDS[i] : random.pick(KINDS),
      host: random.int(0, plan.hosts - 1),
      roams: random.chance(0.5),        // to any host, when it comes back
      every: random.int(150, 600),      // ms between two messages
      from: random.chance(0.2) ? random.int(0, end) : null,
      until: null,
    });
  }

  // up to two leave for good, of those who are there from the beginning
  for (const client of random.sample(list.slice(KINDS.length),
                                     random.int(0, 2))) {
    if (client.from === null) client.until = random.int(end / 4, end);
  }

  return list;
}

// General, a named room, private rooms; a late one is made by its first message
function rooms(random, plan) {
  const users = Array.from({ length: plan.users }, (_, i) => i);
  const pairs = users.flatMap((a) => users.slice(a + 1).map((b) => [a, b]));

  return [
    { type: 'general', users },
    { type: 'named', users: random.sample(users, random.int(2, plan.users)) },
    ...random.sample(pairs, random.int(3, 6)).map((pair, i) => (
      { type: 'private', users: pair, late: i === 0 })),
  ];
}

function faults(random, plan) {
  const end = plan.seconds * 1000;
  const list = [];

  for (let at = random.int(200, 700); at < end; at += random.int(100, 1400)) {
    list.push(fault(random, plan, at));
  }

  return list;
}

function fault(random, plan, at) {
  const kind = random.weighted(plan.hosts > 1 ? HOST_FAULTS : FAULTS);
  const client = () => random.int(0, plan.clients.length - 1);
  const ms = (from, to) => random.int(from, Math.min(to, plan.seconds * 600));

  switch (kind) {
  case 'kill':
    return { at, kind, host: random.int(0, plan.hosts - 1),
             worker: random.int(0, plan.workers - 1) };
  case 'reload':
    return { at, kind, host: random.int(0, plan.hosts - 1) };
  case 'redis-kill':
    return { at, kind, ms: ms(0, 3000) };
  case 'redis-pause':
    return { at, kind, ms: ms(200, random.chance(0.3) ? 8000 : 2000) };
  case 'cut':
    return { at, kind, client: client(), how: random.pick(['rst', 'fin']) };
  case 'deaf':
    return { at, kind, client: client(), ms: ms(50, 1500) };
  case 'stall':
    return { at, kind, client: client(), ms: ms(300, 6000) };
  case 'slow':
    return { at, kind, client: random.chance(0.6) ? KINDS.indexOf('raw')
      : client(), ms: ms(2000, 5000), by: client() };
  case 'link':
    return { at, kind, host: random.int(0, plan.hosts - 1),
             of: random.pick(['both', 'redis']), ms: ms(500, 10000) };
  default:
    return { at, kind };
  }
}
