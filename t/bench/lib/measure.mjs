// Single measurements: a fresh server, one run of the load generator, the end.

import { load } from './process.mjs';
import { startChat, startFloor, startLua, startNchan, startReturn,
         startSocketio, startUws } from './servers.mjs';

// Texts of 64 bytes.  A chat message is that much longer than its text, and
// those who send bare texts send as much.
const TEXT = 64;
const AROUND = 95;

export const PAGE = '/room/0/messages?size=15';

const start = {
  chat: startChat,
  each: () => startFloor('each'),
  turn: () => startFloor('turn'),
  nchan: startNchan,
  uws: startUws,
  socketio: startSocketio,
  return: ({ bytes }) => startReturn(bytes),
  lua: startLua,
};

const common = (server) => ({
  port: server.port, server: server.pids().join(), redis: server.redisPid });

export const fanOptions = (server, options) => ({
  ...common(server), path: server.path, sio: server.sio,
  size: server.sio ? TEXT : TEXT + AROUND,
  senders: Math.min(10, options.clients), ...options });

export async function using(target, options, work) {
  const server = await start[target](options);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

// server: what it is started with; options: the generator's
export const fan = (target, options, server = {}) =>
  using(target, { users: options.users, rooms: options.rooms, ...server },
        (s) => load('fan', fanOptions(s, options)));

export const rest = (target, options, server = {}) =>
  using(target, { users: options.users, ...server },
        (s) => load('rest', { ...common(s), ...options }));

const median = (values) => {
  const sorted = values.slice().sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]
    : (sorted[half - 1] + sorted[half]) / 2;
};

// Each target between two runs of the floor, several times.  Returns for each
// target, and the floor, the medians of its figures, and of "ratio": its
// `figure` against the floor's right before and after.
export async function beside(floor, targets, repeats, run, figure) {
  const runs = { [floor]: [] };
  targets.forEach((target) => { runs[target] = []; });

  for (let i = 0; i < repeats; i++) {
    let before = await run(floor);
    runs[floor].push({ ...before, ratio: 1 });
    for (const target of targets) {
      const result = await run(target);
      const after = await run(floor);
      result.ratio = result[figure] / ((before[figure] + after[figure]) / 2);
      runs[target].push(result);
      runs[floor].push({ ...after, ratio: 1 });
      before = after;
    }
  }

  return Object.fromEntries(Object.entries(runs).map(([target, results]) =>
    [target, Object.fromEntries(Object.keys(results[0])
      .filter((key) => typeof results[0][key] === 'number')
      .map((key) => [key, median(results.map((r) => r[key]))]))]));
}
