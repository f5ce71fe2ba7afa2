// What is measured, section by section.  Each returns rows of the table:
// { figure, chat, floor, nchan, uws, socketio, note }, cells as text.

import fs from 'node:fs';

import { load } from './process.mjs';
import { PAGE, beside, fan, fanOptions, rest, using } from './measure.mjs';
import { startChat } from './servers.mjs';

const PEERS = ['nchan', 'uws', 'socketio'];
const USERS = 1000;

export const scales = {
  quick: {
    quick: true, seconds: 1, repeats: 1, receivers: [500], steady: 2,
    idle: 2000, accepted: 300, growth: [10, 1000],
  },
  full: {
    seconds: 3, repeats: 3, receivers: [500, 5000], steady: 20, idle: 10000,
    accepted: 2000, many: 100000, growth: [10, 100, 1000, 10000],
    rooms: [1, 10, 1000], history: [1000, 10000, 100000, 1000000],
  },
};

const grouped = (n) => Math.round(n).toString()
  .replace(/\B(?=(\d{3})+$)/g, ',');
const number = (n) => (n >= 100 ? grouped(n) : n.toPrecision(n < 1 ? 2 : 3));
const times = (n) => `${n.toFixed(2)} ×`;
const ms = (us) => number(us / 1000);

// cells of all targets; floor is the name of the column's
const cells = (results, floor, cell) => Object.fromEntries(
  Object.entries(results).map(([target, result]) =>
    [target === floor ? 'floor' : target, cell(result, target)]));

const withRatio = (key) => (result) => (result.ratio === 1
  ? number(result[key]) : `${number(result[key])} (${times(result.ratio)})`);

// how fast it was at most, for "latency": messages/s to 500 receivers
const fastest = {};

const closed = (scale, clients, window) => (target) => fan(target, {
  clients, window, users: USERS, seconds: scale.seconds });

export async function fanOut(scale) {
  const rows = [];
  for (const clients of scale.receivers) {
    const results = await beside('turn', ['chat', ...PEERS], scale.repeats,
                                 closed(scale, clients, 16), 'server_us');
    const each = await closed(scale, clients, 16)('each');
    if (clients === 500) {
      Object.entries(results).forEach(([target, result]) => {
        fastest[target] = result.messages / result.seconds;
      });
    }
    rows.push({
      figure: `CPU µs per delivery, ${grouped(clients)} receivers, 16 `
        + 'messages on their way',
      ...cells(results, 'turn', withRatio('server_us')),
      note: `floor: a send a turn; with a send each ${
        number(each.server_us)}; Redis ${
        number(results.chat.redis_us_per_message)} µs per message`,
    }, {
      figure: 'the same: deliveries/s',
      ...cells(results, 'turn', (r) => grouped(r.deliveries_per_s)),
      note: `cores of server and load generator in %, messages per read: ${
        Object.entries(results).map(([target, r]) =>
          `${target === 'turn' ? 'floor' : target} ${
            Math.round(r.server_share * 100)}, ${
            Math.round(r.load_share * 100)}, ${
            number(r.deliveries_per_read)}`).join('; ')}`,
    });
  }

  const alone = await beside('each', ['chat', ...scale.quick ? [] : PEERS],
                             scale.repeats,
                             closed(scale, 500, 1), 'server_us');
  rows.push({
    figure: 'CPU µs per delivery, 500 receivers, one message at a time',
    ...cells(alone, 'each', withRatio('server_us')),
    note: 'floor: a send each',
  });
  return rows;
}

export async function latency(scale) {
  const delay = (r) => `${ms(r.p50_us)} / ${ms(r.p99_us)}`;
  const targets = ['turn', 'chat', ...PEERS];
  const steady = {};
  const loaded = {};
  const rates = {};
  for (const target of targets) {
    steady[target] = await fan(target, {
      clients: 500, users: USERS, rate: 10, seconds: scale.steady });
    if (scale.quick) continue;
    if (!fastest[target]) {
      const most = await closed(scale, 500, 16)(target);
      fastest[target] = most.messages / most.seconds;
    }
    rates[target] = Math.max(1, Math.round(fastest[target] * 0.8));
    loaded[target] = await fan(target, {
      clients: 500, users: USERS, rate: rates[target],
      seconds: scale.seconds });
  }
  return [{
    figure: 'p50 / p99 in ms from due to received, 10 messages/s to 500',
    ...cells(steady, 'turn', delay),
  }, ...scale.quick ? [] : [{
    figure: 'the same at 80 % of each one\'s most messages/s',
    ...cells(loaded, 'turn', (r, target) =>
      `${delay(r)} at ${grouped(rates[target])}/s`),
  }]];
}

export async function memory(scale) {
  const idle = {};
  for (const target of ['turn', 'chat', ...PEERS]) {
    const users = target === 'chat' ? scale.idle : 100;
    idle[target] = await fan(target, { clients: scale.idle, users });
  }
  const rows = [{
    figure: `KB per idle connection (PSS), ${grouped(scale.idle)} connections`,
    ...cells(idle, 'turn', (r) => number(r.pss_bytes / 1024)),
    note: 'logged in: this module (each another user) and Socket.IO (100 '
      + 'users)',
  }];
  if (scale.many) rows.push(await manyIdle(scale.many));

  const accept = (target, users) => fan(target, {
    clients: scale.accepted, users });
  const peers = scale.quick ? [] : PEERS;
  const results = await beside('turn', ['chat', ...peers], 1, (target) =>
    accept(target, scale.accepted), 'connect_server_us');
  const one = await accept('chat', 1);
  rows.push({
    figure: `CPU µs per accepted connection, ${
      grouped(scale.accepted)} connections`,
    ...cells(results, 'turn', withRatio('connect_server_us')),
    note: `logged in: as above, each another user, and everybody hears of them:
      this module told ${grouped(results.chat.connect_notes)} times; with all
      of one user ${number(one.connect_server_us)} µs (${
      times(one.connect_server_us / results.turn.connect_server_us)})`
      .replace(/\s+/g, ' '),
  }, {
    figure: 'the same: connections per second of CPU',
    ...cells(results, 'turn', (r) => grouped(1e6 / r.connect_server_us)),
  });
  return rows;
}

// several workers, and several generators with an address each
async function manyIdle(clients) {
  const parts = 6;
  const server = await startChat({ workers: parts, users: USERS });
  const holds = [];
  try {
    const all = fanOptions(server, { clients: Math.ceil(clients / parts),
                                     users: USERS, hold: 1 });
    const before = await load('pss', { server: all.server });
    for (let i = 0; i < parts; i++) {
      const hold = load('fan', { ...all, from: `127.0.0.${i + 2}` });
      holds.push(hold);
      await hold.ready;
    }
    const after = await load('pss', { server: all.server });
    return {
      figure: `the same with ${grouped(clients)} connections, ${parts} workers`,
      chat: number((after.pss_bytes - before.pss_bytes) / 1024
                   / (all.clients * parts)),
      note: `${grouped(USERS)} users`,
    };
  } finally {
    holds.forEach((hold) => hold.end());
    await Promise.all(holds);
    await server.stop();
  }
}

export async function pages(scale) {
  const options = { path: PAGE, users: 100, clients: 16,
                    seconds: scale.seconds };
  let bytes = 2191;
  const run = async (target) => {
    const result = await rest(target, options, { history: 1000, bytes });
    if (target === 'chat') bytes = result.body_bytes;
    return result;
  };
  await run('chat');            // for the size
  const results = await beside('return', ['chat', 'lua', 'socketio'],
                               scale.repeats, run, 'server_us');
  const { lua, ...others } = results;
  return [{
    figure: 'CPU µs per history page (15 messages)',
    ...cells(others, 'return', withRatio('server_us')),
    note: `floor: nginx \`return 200\` of the same size; in Lua ${
      number(lua.server_us)} (${times(lua.ratio)}), which is ${
      times(lua.server_us / results.chat.server_us)} this module; Redis: ${
      number(results.chat.redis_us)}, Lua ${number(lua.redis_us)}`,
  }, {
    figure: 'the same: pages/s, 16 connections',
    ...cells(others, 'return', (r) => grouped(r.requests_per_s)),
    note: `Lua ${grouped(lua.requests_per_s)}`,
  }];
}

export async function logIns(scale) {
  const talk = { clients: 500, users: 500, rate: 10, seconds: scale.steady };
  const without = await fan('chat', talk);
  const [logins, during] = await using('chat', { users: 500 }, (server) => {
    const fanning = fanOptions(server, talk);
    return Promise.all([
      load('rest', { port: server.port, server: fanning.server, path: '/login',
                     body: '{"username":"bench%d","password":"password123"}',
                     users: 500, clients: 8, warmup: 2,
                     seconds: scale.steady }),
      load('fan', fanning)]);
  });
  return [{
    figure: 'log-ins/s (Argon2id, 64 MB, 2 passes)',
    chat: number(logins.requests_per_s),
    note: `${number(logins.server_us / 1000)} ms of CPU each`,
  }, {
    figure: 'message p99 in ms at 10/s to 500: without / with log-ins that '
      + 'saturate the pool',
    chat: `${ms(without.p99_us)} / ${ms(during.p99_us)} (${
      times(during.p99_us / without.p99_us)})`,
    note: 'one core for all of the server',
  }];
}

export async function growth(scale) {
  const rows = [];
  const listed = async (values, run, cell) => {
    const texts = [];
    for (const value of values) texts.push(cell(await run(value)));
    return texts.join(' / ');
  };
  const us = (r) => number(r.server_us);
  const names = (values) => values.map(grouped).join(' / ');

  const few = [];
  for (const clients of scale.growth) {
    few.push(await beside('turn', ['chat'], 1, closed(scale, clients, 16),
                          'server_us'));
  }
  rows.push({
    figure: `CPU µs per delivery, ${names(scale.growth)} receivers`,
    floor: few.map((r) => us(r.turn)).join(' / '),
    chat: few.map((r) => withRatio('server_us')(r.chat)).join(' / '),
    note: '16 messages on their way',
  });
  if (scale.quick) return rows;

  rows.push({
    figure: `the same to 100 receivers in all of ${names(scale.rooms)} rooms`,
    chat: await listed(scale.rooms, (rooms) => fan('chat', {
      clients: 100, users: 100, rooms, window: 16,
      seconds: scale.seconds }), us),
  });

  rows.push({
    figure: 'the same to 500 receivers with 1 / 2 workers',
    chat: await listed([1, 2], (workers) => fan('chat', {
      clients: 500, users: USERS, window: 16, seconds: scale.seconds },
      { workers }), us),
    note: '2 workers share the load generator\'s core',
  });

  rows.push({
    figure: `CPU µs per history page with ${names(scale.history)} messages in `
      + 'the room',
    chat: await listed(scale.history, (history) => rest('chat', {
      path: PAGE, users: 100, clients: 16, seconds: scale.seconds },
      { history }), (r) => `${us(r)} + ${number(r.redis_us)}`),
    note: 'server + Redis',
  }, {
    figure: 'the same per message that is appended (one receiver)',
    chat: await listed(scale.history, (history) => fan('chat', {
      clients: 1, users: 100, window: 16, seconds: scale.seconds },
      { history }), (r) => `${us(r)} + ${number(r.redis_us_per_message)}`),
    note: 'server + Redis',
  });
  return rows;
}

export async function deflate(scale) {
  const talk = { clients: 500, users: USERS, window: 16, size: 400, deflate: 1,
                 seconds: scale.seconds };
  const off = await fan('chat', talk);
  const on = await fan('chat', talk, { directives: 'chat_deflate on;' });
  const cell = (key) => `${number(off[key])} / ${number(on[key])}`;
  return [{
    figure: 'texts of 400 bytes, chat_deflate off / on: CPU µs per delivery',
    chat: cell('server_us'),
    note: `bytes per delivery: ${cell('bytes_per_delivery')}`,
  }];
}

export const sections = {
  fan: fanOut, latency, memory, pages, logins: logIns, growth };

// a module from before there was compression
if (fs.readFileSync(process.env.CHAT_MODULE).includes('chat_deflate')) {
  sections.deflate = deflate;
}
