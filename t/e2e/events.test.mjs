// The event streams: /stream for the original client, /events for clients
// without a socket.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { EventStream, WorkerAgent, assertError, uniqueName, users }
  from './lib/http.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';

let server;
before(async () => { server = await start({ workers: 2, chat: NO_RATE }); });
after(() => server.stop());

const on = (n) => {
  const pid = server.workerPids()[n];
  return { agent: new WorkerAgent(server, () => pid) };
};
const ofRoom = (stream, room) => stream.events
  .filter((e) => e.event === 'message' && e.data.roomId === room);

test('/stream: heartbeat comments, the first at once, and no event',
     async () => {
  const [anna, ben] = await users(server, 2);
  const started = Date.now();
  const stream = await EventStream.open(anna, '/stream');
  assert.equal(stream.status, 200);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  assert.match(stream.headers['cache-control'], /no-store|no-cache/);
  await until(() => stream.comments.length, 'the first heartbeat', 1000);
  const b = await connect(ben);
  await b.send('0', 'not for the stream');
  await b.send(anna.roomWith(ben), 'nor this');
  await until(() => stream.comments.length > 1, 'the second', 17000);
  const took = Date.now() - started;
  assert.ok(took > 14000 && took < 16500, `${took} ms`);
  assert.deepEqual(stream.events, []);
  assert.equal(stream.closed, false);
  stream.close();
  await closeAll(b);
});

test('/events: the events of a socket, with positions as ids', async () => {
  const [anna, ben, carl] = await users(server, 3);
  const stream = await EventStream.open(anna, '/events');
  assert.equal(stream.status, 200);
  assert.match(stream.headers['content-type'], /^text\/event-stream/);
  await until(() => stream.comments.length, 'a comment at once', 1000);
  const b = await connect(ben, on(1));
  const c = await connect(carl, on(0));
  const general = await b.send('0', 'multi\nline\r\n\u0000 é <b>');
  const room = anna.roomWith(ben);
  const first = await b.send(room, 'private');
  const foreign = ben.roomWith(carl);
  await b.send(foreign, 'not for anna');
  const last = await c.send('0', 'last one');
  await stream.waitFor((e) => e.data.message === 'last one', 'last one');

  const got = stream.events.filter((e) => e.event === 'message');
  assert.deepEqual(got.map((e) => e.data), [
    { id: general.id, from: ben.id, date: general.date,
      message: 'multi\nline\r\n\u0000 é <b>', roomId: '0' },
    { id: first.id, from: ben.id, date: first.date, message: 'private',
      roomId: room },
    { id: last.id, from: carl.id, date: last.date, message: 'last one',
      roomId: '0' }]);
  got.forEach((e) => assert.ok(e.id, 'messages have an id'));
  const types = stream.events.filter((e) => e.event !== 'message')
    .map((e) => [e.event, e.data.id, e.id]);
  assert.deepEqual(types, [['user.connected', ben.id, undefined],
                           ['user.connected', carl.id, undefined],
                           ['show.room', room, undefined]]);
  assert.ok(!JSON.stringify(stream.events).includes(foreign));
  stream.close();
  await closeAll(b, c);
});

test('Last-Event-ID: what came meanwhile, once, in order, then live',
     async () => {
  const [anna, ben, carl] = await users(server, 3);
  const b = await connect(ben);
  const c = await connect(carl);
  const room = anna.roomWith(ben);
  const mark = uniqueName('resume');
  const stream = await EventStream.open(anna, '/events');
  await b.send('0', `${mark} 1`);
  await b.send(room, `${mark} 2`);
  await b.send('0', `${mark} 3`);
  await stream.waitFor((e) => e.data.message === `${mark} 3`, '3');
  const { id } = stream.events.at(-1);
  stream.close();
  await sleep(50);
  await b.send(room, `${mark} 4`);
  await c.send('0', `${mark} 5`);
  await c.send(ben.roomWith(carl), `${mark} not hers`);
  await b.send('0', `${mark} 6`);
  await b.send(room, `${mark} 7`);

  const again = await EventStream.open(anna, '/events',
                                       { 'Last-Event-ID': id });
  await b.send('0', `${mark} 8`);
  await again.waitFor((e) => e.data.message === `${mark} 8`, '8');
  await sleep(200);
  const own = again.events.filter((e) => e.data.message?.startsWith?.(mark));
  const general = own.filter((e) => e.data.roomId === '0');
  assert.deepEqual(general.map((e) => e.data.message),
                   [5, 6, 8].map((n) => `${mark} ${n}`));
  assert.deepEqual(ofRoom(again, room).map((e) => e.data.message),
                   [4, 7].map((n) => `${mark} ${n}`));
  assert.equal(own.length, 5);
  again.close();
  await closeAll(b, c);
});

test('Last-Event-ID that is no position', async () => {
  const [anna] = await users(server, 1);
  const a = await connect(anna);
  for (const id of ['x', '', '-1', '1e9', '\u00ff', '9'.repeat(500)]) {
    const stream = await EventStream.open(anna, '/events',
                                          { 'Last-Event-ID': id });
    if (stream.status === 200) {
      // taken for none: live events only
      const text = uniqueName('odd');
      await a.send('0', text);
      await stream.waitFor((e) => e.data.message === text, text);
      assert.equal(stream.events.filter((e) => e.event === 'message').length,
                   1);
    } else {
      assert.equal(stream.status, 400);
    }
    stream.close();
  }
  await closeAll(a);
});

test('a log-out ends the streams of the session', async () => {
  const [anna, ben] = await users(server, 2);
  const streams = [await EventStream.open(anna, '/events'),
                   await EventStream.open(anna, '/stream'),
                   await EventStream.open(anna, '/events')];
  const other = await EventStream.open(ben, '/events');
  await anna.request('/logout', { method: 'POST' });
  await until(() => streams.every((s) => s.closed), 'closed', 3000);
  assert.equal(other.closed, false);
  other.close();
});

test('other methods: 405', async () => {
  const [anna] = await users(server, 1);
  for (const route of ['/stream', '/events']) {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const reply = await anna.request(route, { method });
      assertError(reply, 405, `${method} ${route}`);
      assert.match(reply.headers.allow, /GET/);
    }
    const head = await anna.request(route, { method: 'HEAD', timeout: 3000 });
    assert.equal(head.status, 200);
    assert.match(head.headers['content-type'], /^text\/event-stream/);
  }
});

test('200 streams get each message once', async () => {
  const [anna, ben] = await users(server, 2);
  const b = await connect(ben);
  const streams = await Promise.all(Array.from({ length: 200 }, () =>
    EventStream.open(anna, '/events')));
  const ids = [];
  for (let i = 0; i < 20; i++) ids.push((await b.send('0', `to all ${i}`)).id);
  await until(() => streams.every((s) => ofRoom(s, '0').length >= 20),
              'all get all');
  for (const stream of streams) {
    assert.deepEqual(ofRoom(stream, '0').map((e) => e.data.id), ids);
    stream.close();
  }
  await closeAll(b);
});
