// Coming back: what was missed, in order, before anything live, and nothing
// twice at the seam.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { EventStream, uniqueName, users } from './lib/http.mjs';
import { Polling, eventOf } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect, dial, TRANSPORTS } from './lib/sio.mjs';

let server;
before(async () => {
  server = await start({
    chat: `${NO_RATE} chat_send_queue 256k;`,
  });
});
after(() => server.stop());

const POSITIONS = (list) => list.map((m) => m.id);

function assertAscending(ids) {
  for (let i = 1; i < ids.length; i++) {
    assert.ok(Number(ids[i - 1]) < Number(ids[i]),
              `${ids[i - 1]} before ${ids[i]}`);
  }
}

// sends until stopped, each message a moment after the last
function chatter(client, roomId, mark) {
  let going = true;
  const sent = [];
  const done = (async () => {
    while (going) {
      const text = `${mark} ${sent.length}`;
      sent.push(text);
      const ack = await client.send(roomId, text);
      assert.ok(ack.ok, JSON.stringify(ack));
    }
  })();
  return { sent, stop: () => { going = false; return done; } };
}

for (const [name, transports] of Object.entries(TRANSPORTS)) {
  test(`reconnects while messages flow: none twice, in order (${name})`,
       async () => {
    const [anna, ben] = await users(server, 2);
    const mark = uniqueName('seam');
    const a = await connect(anna, { transports: ['websocket'] });
    const got = [];
    const first = await connect(ben, { transports });
    await first.emit('room.join', '0');
    const flow = chatter(a, '0', mark);
    await until(() => first.messages('0').length > 5, 'messages flow');

    let b = first;
    const keep = () => got.push(...b.messages('0'));
    for (let i = 0; i < 12; i++) {
      b.close();
      keep();
      const last = got.at(-1).id;
      await sleep(5 * i);
      b = dial(ben, { transports });
      const joined = new Promise((done) => b.socket.once('connect', () => {
        // a slow client: live messages have come in the meantime
        setTimeout(() => b.socket.emit('room.join', '0', { after: last }, done),
                   i % 3 * 40);
      }));
      const ack = await joined;
      assert.equal(ack.ok, true, JSON.stringify(ack));
      await until(() => b.messages('0').length > 5, 'messages flow again');
    }
    await flow.stop();
    await b.waitForText(flow.sent.at(-1));
    b.close();
    keep();
    const texts = got.map((m) => m.message);
    const from = flow.sent.indexOf(texts[0]);
    assert.deepEqual(texts, flow.sent.slice(from));
    assertAscending(POSITIONS(got));
    await closeAll(a);
  });
}

describe('a new socket', () => {
  test('that says nothing gets what came at once after a moment', async () => {
    const [anna, ben] = await users(server, 2);
    const a = await connect(anna);
    const b = await connect(ben);
    const text = uniqueName('silent');
    await a.send('0', text);
    await b.waitForText(text, 2000);
    await closeAll(a, b);
  });

  test('that speaks gets it before its own echo', async () => {
    const [anna, ben] = await users(server, 2);
    const a = await connect(anna);
    const b = await connect(ben);
    const text = uniqueName('first');
    await a.send('0', text);
    const ack = await b.send('0', `${text} own`);
    assert.ok(ack.ok);
    await b.waitForText(`${text} own`);
    assert.deepEqual(b.texts('0'), [text, `${text} own`]);
    await closeAll(a, b);
  });

  test('joins one room with a position; the other rooms are not kept waiting',
       async () => {
    const [anna, ben] = await users(server, 2);
    const room = anna.roomWith(ben);
    const a = await connect(anna);
    const { id } = await a.send(room, 'one');
    const text = uniqueName('other');
    const b = await connect(ben);
    await a.send('0', text);
    await a.send(room, 'two');
    await b.emit('room.join', room, { after: id });
    assert.deepEqual(b.texts(room), ['two']);
    await b.waitForText(text, 2000);
    await a.send(room, 'three');
    await b.waitForText('three');
    assert.deepEqual(b.texts(room), ['two', 'three']);
    await closeAll(a, b);
  });
});

test('more than the queue holds: a polling client gets all of it', async () => {
  const [anna, ben] = await users(server, 2);
  const room = anna.roomWith(ben);
  const a = await connect(anna);
  const { id } = await a.send(room, 'start');
  const sent = [];
  for (let i = 0; i < 150; i++) {
    sent.push(`${i} ${'x'.repeat(3000)}`);
    assert.ok((await a.send(room, sent[i])).ok);
  }
  const poll = await Polling.connect(ben);
  await poll.emit(0, 'room.join', room, { after: id });
  const packets = [];
  await until(async () => {
    packets.push(...await poll.poll());
    return packets.some((p) => p.startsWith('430'));
  }, 'the ack', 10000);
  const texts = packets.filter((p) => p.startsWith('42["message"'))
    .map((p) => eventOf(p)[1]).filter((m) => m.roomId === room)
    .map((m) => m.message);
  assert.deepEqual(texts, sent);
  await closeAll(a);
});

describe('an event stream', () => {
  test('resumes all rooms in one order, whatever cuts it', async () => {
    const [anna, ben, carl] = await users(server, 3);
    const b = await connect(ben);
    const c = await connect(carl);
    const rooms = ['0', anna.roomWith(ben), anna.roomWith(carl)];
    const mark = uniqueName('merge');
    const { id } = await b.send('0', `${mark} start`);
    const sent = [];
    for (let i = 0; i < 150; i++) {
      const roomId = rooms[i % 7 % 3];
      const text = `${mark} ${i}`;
      const ack = await (roomId === rooms[2] ? c : b).send(roomId, text);
      assert.ok(ack.ok, JSON.stringify(ack));
      sent.push(text);
    }
    const got = [];
    let last = id;
    for (let i = 0; got.length < sent.length && i < 50; i++) {
      const stream = await EventStream.open(anna, '/events',
                                            { 'Last-Event-ID': last });
      await until(() => stream.events.some((e) => e.event === 'message'),
                  'messages');
      stream.close();
      const messages = stream.events.filter((e) => e.event === 'message');
      got.push(...messages.slice(0, 40));
      last = got.at(-1).id;
    }
    assert.deepEqual(got.map((e) => e.data.message), sent);
    assertAscending(got.map((e) => e.id));
    await closeAll(b, c);
  });

  test('resumes more rooms than replays are allowed at once', async () => {
    const many = await users(server, 2);
    const [anna, ben] = many;
    const names = Array.from({ length: 300 }, (_, i) => `many${i}`);
    await server.redis.client.sadd(`user:${anna.id}:rooms`, ...names);
    await server.redis.client.sadd(`user:${ben.id}:rooms`, ...names);
    const b = await connect(ben);
    const mark = uniqueName('many');
    const { id } = await b.send('0', mark);
    for (const i of [0, 150, 299]) {
      const ack = await b.send(`many${i}`, `${mark} ${i}`);
      assert.ok(ack.ok, JSON.stringify(ack));
    }
    const stream = await EventStream.open(anna, '/events',
                                          { 'Last-Event-ID': id });
    await stream.waitFor((e) => e.data.message === `${mark} 299`, 'the last');
    const messages = stream.events.filter((e) => e.event === 'message');
    assert.deepEqual(messages.map((e) => e.data.message),
                     [0, 150, 299].map((i) => `${mark} ${i}`));
    stream.close();
    await closeAll(b);
  });
});
