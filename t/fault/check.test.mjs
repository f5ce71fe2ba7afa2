// The checker itself, with histories made by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { check, micros } from './lib/check.mjs';
import { Random } from './lib/random.mjs';
import { KINDS, schedule } from './lib/schedule.mjs';

const id = (n) => `1700000000.00000${n}`;
const entry = (n, from = '1') => ({ id: id(n), score: id(n), from,
                                    text: `text ${n}` });
const event = (n, more = {}) => ({ id: id(n), from: '1', text: `text ${n}`,
                                   ...more });
const send = (n, more = {}) => ({ client: 'a', user: '1', room: '0',
                                  text: `text ${n}`, allowed: true,
                                  acks: [{ id: id(n) }], refusals: [],
                                  ...more });
const client = (events, more = {}, room = {}) => ({
  name: 'b', user: '2', stays: true,
  rooms: { 0: { start: id(0), gaps: 0, events, ...room } }, ...more });

// three messages in General, all well; change() makes it worse
function record(change = () => {}) {
  const made = {
    rooms: { 0: { members: ['1', '2', '3'] }, '1:3': { members: ['1', '3'] } },
    history: { 0: [entry(1), entry(2), entry(3)], '1:3': [] },
    sends: [send(1), send(2), send(3)],
    clients: [client([event(1), event(2), event(3)])],
    online: { expected: ['1', '2'], seen: [['2', '1']], left: [] },
    log: [],
  };
  change(made);
  return made;
}

const kinds = (change) => check(record(change)).map(({ kind }) => kind);
const is = (expected, change) => assert.deepEqual(kinds(change), expected);

test('all is well', () => is([]));

test('a record of nothing', () => assert.deepEqual(check({
  rooms: {}, history: {}, sends: [], clients: [], log: [],
  online: { expected: [], seen: [], left: [] } }), []));

test('acknowledged, but not in the history', () => is(['lost'], (r) => {
  r.history[0].splice(1, 1);
  r.clients = [];
}));

test('acknowledged, but in another room', () => is(['alien', 'lost'], (r) => {
  r.history['1:3'].push(r.history[0].pop());
  r.clients = [];
}));

test('acknowledged with another position', () => is(['ack'], (r) => {
  r.sends[1].acks.push({ id: id(7) });
}));

test('twice in the history', () => is(['doubled'], (r) => {
  r.history[0].push({ ...entry(4), text: 'text 3' });
  r.sends[2].acks.push({ id: id(4) });
  r.clients[0].rooms[0].events.push(event(4, { text: 'text 3' }));
}));

test('positions that do not grow', () => {
  is(['position'], (r) => {
    r.history[0].reverse();
    r.history[0].splice(0, 1);
    r.sends.pop();
    r.clients = [];
  });
  is(['position'], (r) => { r.history[0][1].score = '1700000000.000009'; });
});

test('in the history, but nobody sent it', () => is(['alien'], (r) => {
  r.history[0].push(entry(4));
  r.clients = [];
}));

test('in the history as somebody else\'s', () => is(['alien'], (r) => {
  r.history[0][0].from = '3';
  r.clients = [];
}));

test('no ack', () => {
  is(['unanswered'], (r) => { r.sends[0].acks = []; });
  is([], (r) => {
    r.sends[0].acks = [];
    r.clients.push(client([], { name: 'a', stays: false }, { start: null }));
  });
});

test('refused for a while, and then acknowledged', () => is([], (r) => {
  r.sends[0].refusals.push({ retry: true, error: 'Redis is away' });
}));

test('refused for good though it was allowed', () => is(['refused'], (r) => {
  Object.assign(r.sends[2], { acks: [], refusals: [{ retry: false }] });
  r.history[0].pop();
  r.clients[0].rooms[0].events.pop();
}));

test('what is not allowed', () => {
  const foreign = (more) => (r) => r.sends.push(
    send(4, { user: '2', room: '1:3', allowed: false, acks: [], ...more }));
  is([], foreign({ refusals: [{ retry: false }] }));
  is(['unanswered'], foreign());
  is(['unanswered'], foreign({ refusals: [{ retry: true }] }));
  is(['lost', 'allowed'], foreign({ acks: [{ id: id(4) }] }));
  is(['allowed'], (r) => {
    foreign({ refusals: [{ retry: false }] })(r);
    r.history['1:3'].push(entry(4, '2'));
  });
});

test('missing at the beginning, in the middle, at the end', () => {
  for (const n of [0, 1, 2]) {
    is(['missing'], (r) => { r.clients[0].rooms[0].events.splice(n, 1); });
  }
  is(['missing'], (r) => { r.clients[0].rooms[0].events = []; });
});

test('older than the join: may come, but then all from there on', () => {
  is([], (r) => { r.clients[0].rooms[0].start = id(2); });
  is([], (r) => {
    Object.assign(r.clients[0].rooms[0], { start: id(2), events: [event(3)] });
  });
  is([], (r) => {
    Object.assign(r.clients[0].rooms[0], { start: id(3), events: [] });
  });
  is(['missing'], (r) => {
    Object.assign(r.clients[0].rooms[0], {
      start: id(2), events: [event(1), event(3)] });
  });
});

test('who has left misses nothing up to then', () => {
  is([], (r) => {
    r.clients = [client([event(1), event(2)], { stays: false })];
  });
  is(['missing'], (r) => {
    r.clients = [client([event(1), event(3)], { stays: false })];
  });
  is([], (r) => {
    r.clients = [client([], { stays: false }, { start: null })];
  });
});

test('who stays has joined', () => is(['absent'], (r) => {
  r.clients = [client([], {}, { start: null })];
}));

test('received twice', () => {
  is(['repeated'], (r) => { r.clients[0].rooms[0].events.push(event(3)); });
  is(['repeated'], (r) => {
    r.clients[0].rooms[0].events.splice(2, 0, event(1, { seam: true }));
  });
});

test('received in another order', () => is(['reordered'], (r) => {
  r.clients[0].rooms[0].events = [event(1), event(3), event(2)];
}));

test('received, but not in the history', () => is(['phantom'], (r) => {
  r.clients[0].rooms[0].events.push(event(9));
}));

test('received as something else', () => {
  is(['altered'], (r) => { r.clients[0].rooms[0].events[1].text = 'other'; });
  is(['altered'], (r) => { r.clients[0].rooms[0].events[1].from = '3'; });
});

test('received by who is no member', () => is(['foreign'], (r) => {
  r.clients[0].rooms['1:3'] = { start: null, gaps: 0, events: [event(1)] };
}));

test('told of a gap', () => is(['gap'], (r) => {
  r.clients[0].rooms[0].gaps = 1;
}));

test('presence', () => {
  is(['presence'], (r) => { r.online.seen.push(['1']); });
  is(['presence'], (r) => { r.online.seen.push(['1', '2', '3']); });
  is(['ghost'], (r) => { r.online.left = ['2']; });
});

test('lines in the log', () => is(['log'], (r) => {
  r.log.push('[alert] worker process 1 exited on signal 11');
}));

test('positions are compared to the microsecond', () => {
  assert.equal(micros('1700000000.000001') - micros('1700000000'), 1n);
  assert.equal(micros('1700000000.1'), micros('1700000000.100000'));
  assert.equal(micros('x'), null);
});

test('a seed makes the same schedule every time, another one another', () => {
  const text = (seed) => JSON.stringify(schedule(seed, 6));
  assert.equal(text(7), text(7));
  assert.notEqual(text(7), text(8));
  const all = Array.from({ length: 200 }, (_, i) => schedule(i, 6));
  for (const plan of all) {
    KINDS.forEach((kind) => assert.ok(plan.clients.some((one) =>
      one.kind === kind)));
    assert.ok(plan.faults.length > 1);
  }
  const faults = new Set(all.flatMap((plan) =>
    plan.faults.map(({ kind }) => kind)));
  assert.equal(faults.size, 11);
  assert.ok(all.some(({ hosts }) => hosts === 1));
  assert.ok(all.some(({ hosts }) => hosts === 2));
});

test('random numbers are spread', () => {
  const random = new Random(1);
  const counts = new Array(10).fill(0);
  for (let i = 0; i < 10000; i++) counts[random.int(0, 9)]++;
  counts.forEach((n) => assert.ok(n > 850 && n < 1150, String(counts)));
});
