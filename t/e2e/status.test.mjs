// chat_status: what it counts, over workers, reloads and crashes, and the format
// that Prometheus reads.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { EventStream, request, user, users } from './lib/http.mjs';
import { Polling } from './lib/polling.mjs';
import { subscribed, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { RawWebSocket } from './lib/websocket.mjs';

let server;
let outside;

before(async () => {
  server = await start({
    workers: 2, chat: 'chat_login_rate 2r/m; chat_message_rate 1r/m burst=4;'
                      + 'chat_send_queue 4k;',
    server: 'location = /status { chat_status; }',
  });
  outside = { ...server, url: server.origin };
});
// who is killed on purpose is missed
after(() => server.stop({ allow: [/exited on signal 9/] }));

const json = async () => (await request(outside, '/status')).json;
const total = async () => (await json()).total;

// what it has become, once it is
const become = (match, what) => until(async () => {
  const now = await total();
  return match(now) && now;
}, what, 10000);

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="[^"\\\n]*",?)*)\})? (\S+)$/;

// the text format 0.0.4, and the rules that promtool checks (Debian's prometheus,
// which has it, is too large to be installed for this): {series: value}
function exposition(text) {
  assert.ok(text.endsWith('\n'));
  const series = new Map();
  const families = new Map();
  let family;
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment) {
      const [, kind, name, rest] = comment;
      assert.match(name, METRIC);
      if (kind === 'HELP') {
        assert.ok(!families.has(name), `${name} twice`);
        family = { name, help: rest, samples: [] };
        families.set(name, family);
      } else {
        assert.equal(name, family.name);
        assert.equal(family.type, undefined);
        assert.equal(family.samples.length, 0);
        assert.match(rest, /^(counter|gauge|histogram)$/);
        family.type = rest;
      }
      continue;
    }
    const [, name, labels = '', value] = SAMPLE.exec(line)
        ?? assert.fail(`no sample: ${line}`);
    const base = family.type === 'histogram'
      ? name.replace(/_(bucket|sum|count)$/, '') : name;
    assert.equal(base, family.name, line);
    assert.match(value, /^\d+(\.\d+)?$/, line);
    const key = labels ? `${name}{${labels}}` : name;
    assert.ok(!series.has(key), `${key} twice`);
    series.set(key, Number(value));
    family.samples.push({ name, labels, value: Number(value) });
  }
  for (const { name, type, samples } of families.values()) {
    assert.ok(type, `${name} has a type`);
    assert.ok(samples.length, `${name} has samples`);
    assert.equal(/_total$/.test(name), type === 'counter', name);
    assert.doesNotMatch(name, /_(count|sum|bucket|ms|milliseconds|kb)$/);
    if (type !== 'histogram') continue;
    const buckets = samples.filter((s) => s.name === `${name}_bucket`);
    const ends = buckets.map((s) => /^le="(.*)"$/.exec(s.labels)[1]);
    assert.equal(ends.pop(), '+Inf');
    buckets.reduce((a, b) => {
      assert.ok(a.value <= b.value, 'buckets add up');
      return b;
    });
    ends.map(Number).reduce((a, b) => {
      assert.ok(a < b, 'buckets are in order');
      return b;
    });
    assert.equal(series.get(`${name}_count`), buckets.at(-1).value);
    assert.ok(series.has(`${name}_sum`));
  }
  return series;
}

const prometheus = async () => exposition(
  (await request(outside, '/status?format=prometheus')).text);

describe('what is counted', () => {
  test('connections by transport, sessions, users, deliveries, bytes',
       async () => {
    const [anna, ben] = await users(server, 2);
    const before = await total();
    const sockets = [await connect(anna, { transports: ['websocket'] }),
                     await connect(ben, { transports: ['websocket'] })];
    const polling = await Polling.connect(anna);
    const stream = await EventStream.open(ben, '/events');
    const now = await become((t) => t.sessions === 4, 'four sessions');
    assert.deepEqual(now.connections, { polling: 1, websocket: 2, sse: 1 });
    assert.ok(now.users >= 2 && now.users <= 4);
    assert.ok(now.rooms >= 2);          // General, in both workers
    assert.equal((await sockets[0].send('0', 'x'.repeat(1000))).ok, true);
    await sockets[1].waitForText('x'.repeat(1000));
    await stream.waitFor((e) => e.event === 'message', 'message');
    const sent = await become((t) => t.deliveries - before.deliveries === 4,
                              'four deliveries');
    assert.equal(sent.messages - before.messages, 1);
    assert.ok(sent.received_bytes - before.received_bytes >= 1000);
    assert.ok(sent.sent_bytes - before.sent_bytes >= 3000);
    assert.ok(sent.send_queue_max_bytes >= 1000);
    await polling.post('1');
    stream.close();
    await closeAll(...sockets);
    await become((t) => t.sessions === 0 && t.connections.polling === 0
                        && t.connections.websocket === 0
                        && t.connections.sse === 0, 'all have gone');
  });

  test('messages refused, by cause', async () => {
    const anna = await user(server);
    const client = await connect(anna, { transports: ['websocket'] });
    const before = (await total()).messages_refused;
    assert.ok((await client.send('7:9', 'not mine')).error);
    assert.ok((await client.send('0', ' ')).error);
    // half a surrogate pair can't be part of a key
    assert.match((await client.send('0', 'x', { nonce: '\ud800' })).error,
                 /check the nonce/);
    assert.ok((await client.send(`${anna.id}:999999`, 'to nobody')).error);
    assert.match((await client.send('0', 'too many')).error, /too many/);
    const now = (await total()).messages_refused;
    const more = Object.fromEntries(Object.entries(now).map(
      ([cause, count]) => [cause, count - before[cause]]));
    assert.deepEqual(more, { room: 2, muted: 0, invalid: 2, rate: 1,
                             unavailable: 0 });
    await closeAll(client);
  });

  test('log-ins by result, and passwords', async () => {
    const known = await user(server);
    const before = await total();
    const nobody = () => request(server, '/login', {
      method: 'POST', body: { username: known.name, password: 'wrong' } });
    assert.equal((await known.logIn(known.name)).status, 200);
    for (const status of [404, 404, 429]) {
      assert.equal((await nobody()).status, status);
    }
    const other = await user(server, `${known.name}x`, 'secret');
    assert.ok(other.id);
    const now = await total();
    const more = Object.fromEntries(Object.entries(now.logins).map(
      ([result, count]) => [result, count - before.logins[result]]));
    assert.deepEqual(more, { ok: 1, wrong: 2, limited: 1, created: 1,
                             unavailable: 0, chat_user: 0 });
    assert.equal(now.passwords - before.passwords, 4);
    // known's is of bcrypt
    const hashes = (scheme) =>
      now.password_hashes[scheme] - before.password_hashes[scheme];
    assert.deepEqual([hashes('bcrypt'), hashes('argon2id')], [3, 1]);
    assert.ok(now.password_seconds > before.password_seconds);
    assert.equal(now.password_queue, 0);
  });

  test('relays and moves', async () => {
    const anna = await user(server);
    const before = await total();
    // polls over new connections, of which some reach the other worker
    const polling = await Polling.connect(anna);
    await until(async () => {
      await polling.post('42["nothing"]');
      return (await total()).relays > before.relays;
    }, 'a relay', 10000);
    await polling.post('1');
    await until(async () => {
      const client = await connect(anna);
      await client.upgraded();
      await closeAll(client);
      return (await total()).moves > before.moves;
    }, 'a move', 15000);
  });

  test('a client that reads too slowly', async () => {
    const [anna, ben] = await users(server, 2);
    const before = await total();
    const slow = await RawWebSocket.connect(anna);
    slow.send('421["room.join","0"]');
    await slow.text((text) => text.startsWith('431'));
    slow.socket.pause();
    // more than its queue may hold
    await server.redis.client.publish('MESSAGES', JSON.stringify({
      serverId: 'other', type: 'message',
      data: { from: ben.id, date: 1, message: 'x'.repeat(10000),
              roomId: '0' } }));
    await become((t) => t.slow_closes === before.slow_closes + 1,
                 'it is closed');
    slow.socket.destroy();
  });
});

describe('what lasts', () => {
  test('a reload: counters go on, gauges are those of who lives', async () => {
    const before = await total();
    const client = await connect(await user(server),
                                 { transports: ['websocket'] });
    await client.send('0', 'before the reload');
    const old = await server.reload();
    await until(async () => !(await json()).workers
      .some(({ pid }) => old.includes(pid)), 'the old workers are gone', 15000);
    const now = await become((t) => t.connections.websocket === 1
                                    && t.sessions === 1, 'it was handed over');
    assert.equal(now.messages, before.messages + 1);
    assert.equal(now.handovers, before.handovers + 1);
    assert.ok(now.sent_bytes > before.sent_bytes);
    assert.deepEqual(now.redis_links_up, { command: 2, subscriber: 2 });
    await closeAll(client);
    await become((t) => t.connections.websocket === 0, 'it has gone');
  });

  test('kill -9: likewise', async () => {
    const clients = [];
    for (let i = 0; i < 8; i++) {
      clients.push(await connect(await user(server),
                                 { transports: ['websocket'] }));
    }
    const before = await total();
    assert.equal(before.connections.websocket, 8);
    const victims = server.workerPids();
    victims.forEach((pid) => process.kill(pid, 'SIGKILL'));
    await until(() => server.workerPids().length === 2
      && !server.workerPids().some((pid) => victims.includes(pid)), 'new ones');
    await subscribed(server);
    const now = await become((t) => t.connections.websocket === 0
                                    && t.sessions === 0, 'no ghosts');
    assert.equal((await json()).workers.length, 2);
    for (const name of ['messages', 'deliveries', 'sent_bytes', 'passwords']) {
      assert.ok(now[name] >= before[name], name);
    }
    await closeAll(clients);
  });

  test('kill -9 of a worker that nobody replaces: likewise', async () => {
    const clients = [];
    const [victim] = server.workerPids();
    const of = async () => (await json()).workers
      .find(({ pid }) => pid === victim);
    await until(async () => {
      clients.push(await connect(await user(server),
                                 { transports: ['websocket'] }));
      return (await of()).connections.websocket;
    }, 'a connection of it', 10000);
    await clients[0].send('0', 'counted there or here');
    const before = await total();
    // it hears of the reload, and dies before it can do anything about it
    process.kill(victim, 'SIGSTOP');
    process.kill(server.nginxPid, 'SIGHUP');
    await until(() => server.workerPids().length >= 3, 'new workers', 15000);
    process.kill(victim, 'SIGKILL');
    await until(async () => !await of(), 'it is missed', 10000);
    await until(() => server.workerPids().length === 2, 'two are left', 15000);
    await closeAll(clients);
    const now = await become((t) => t.connections.websocket === 0
                                    && t.sessions === 0, 'no ghosts');
    for (const name of ['messages', 'deliveries', 'sent_bytes', 'passwords']) {
      assert.ok(now[name] >= before[name], name);
    }
  });

  test('Redis goes and comes: links, and messages refused meanwhile',
       async () => {
    const client = await connect(await user(server),
                                 { transports: ['websocket'] });
    const before = await total();
    await server.redis.kill9();
    await become((t) => t.redis_links_up.command === 0
                        && t.redis_links_up.subscriber === 0, 'all are down');
    assert.equal((await total()).redis_links.command, 2);
    assert.equal((await client.send('0', 'in vain')).retry, true);
    assert.equal((await request(server, '/login', {
      method: 'POST', body: { username: 'x', password: 'y' } })).status, 503);
    await server.redis.start();
    const now = await become((t) => t.redis_links_up.command === 2
                                    && t.redis_links_up.subscriber === 2,
                             'all are up');
    assert.equal(now.redis_reconnects.command,
                 before.redis_reconnects.command + 2);
    assert.equal(now.redis_reconnects.subscriber,
                 before.redis_reconnects.subscriber + 2);
    assert.equal(now.messages_refused.unavailable,
                 before.messages_refused.unavailable + 1);
    assert.equal(now.logins.unavailable, before.logins.unavailable + 1);
    await closeAll(client);
  });
});

describe('formats', () => {
  test('JSON: the total is the workers\' sum, what is gone included',
       async () => {
    const { total: all, workers } = await json();
    assert.equal(workers.length, 2);
    assert.deepEqual(workers.map(({ pid }) => pid).sort(),
                     server.workerPids().sort());
    for (const name of ['websocket', 'polling', 'sse']) {
      assert.equal(all.connections[name],
                   workers.reduce((n, w) => n + w.connections[name], 0));
    }
    assert.equal(all.send_queue_max_bytes,
                 Math.max(...workers.map((w) => w.send_queue_max_bytes)));
    assert.ok(all.messages >= workers.reduce((n, w) => n + w.messages, 0));
  });

  test('Prometheus: the format, and the same figures', async () => {
    const series = await prometheus();
    const all = await total();
    const of = (name) => series.get(`nginx_chat_${name}`);
    assert.equal(of('messages_total'), all.messages);
    assert.equal(of('deliveries_total'), all.deliveries);
    assert.equal(of('password_seconds_total'), all.password_seconds);
    assert.equal(of('redis_links_up{link="command"}'), 2);
    assert.equal(of('logins_total{result="wrong"}'), all.logins.wrong);
    assert.equal(of('workers'), 2);
    assert.ok(of('redis_round_trip_seconds_count') > 10);
    for (const pid of server.workerPids()) {
      assert.equal(of(`worker_connections{pid="${pid}"}`), 0);
    }
  });

  test('the dashboard asks for what there is', async () => {
    const series = [...(await prometheus()).keys()];
    const names = new Set(series.map((key) => key.replace(/\{.*/, '')));
    const dashboard = JSON.parse(fs.readFileSync(
      new URL('../../docker/grafana-dashboard.json', import.meta.url)));
    const asked = new Set(dashboard.panels.flatMap(({ targets }) => targets)
      .flatMap(({ expr }) => expr.match(/nginx_chat_\w+/g)));
    for (const name of asked) assert.ok(names.has(name), name);
    // and for all of it
    const shown = (name) => [...asked].some((other) =>
      name.startsWith(other.replace(/_bucket$/, '')));
    for (const name of names) assert.ok(shown(name), `${name} is shown`);
  });
});
