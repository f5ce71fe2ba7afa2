// Engine.IO and Socket.IO on the wire: polling by hand, the upgrade, the
// heartbeat, packets that break the rules. What is here without a mention of
// rooms and users holds for socket.io 4.8 as well.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { WorkerAgent, bytes, open, openOn, raw, request, setCookies, user,
         users } from './lib/http.mjs';
import { Polling, eventOf } from './lib/polling.mjs';
import { NO_RATE, sleep, start, until } from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';
import { OP, RawWebSocket, frame } from './lib/websocket.mjs';

let server;
let anna;
let ben;
let carl;
let keepers;
before(async () => {
  server = await start({ workers: 2, chat: `chat_max_payload 10000; ${NO_RATE}`,
                         locations: {
    '/beat/': `chat_ping_interval 400ms; chat_ping_timeout 500ms; ${NO_RATE}`,
    '/slow/': NO_RATE } });
  [anna, ben, carl] = await users(server, 3);
  // with these they are online all the time: no news come between the packets
  keepers = await Promise.all([anna, ben, carl].map((s) => connect(s)));
  await Promise.all(keepers.map((k) => k.upgraded()));
  await sleep(200);
});
after(async () => {
  await closeAll(keepers);
  await server.stop();
});

// the same person at another location
const at = (prefix, session) => ({
  ...session, server: { ...server, url: `${server.origin}${prefix}` } });
const query = (text, options = {}) =>
  request(server, `/socket.io/${text}`, { cookie: anna.cookie, ...options });

function engineError(reply, code, message, status = 400) {
  assert.equal(reply.status, status, reply.text);
  assert.match(reply.headers['content-type'], /^application\/json/);
  assert.equal(reply.headers['cache-control'], 'no-store');
  assert.deepEqual(reply.json, { code, message });
}

const unknownSid = (polling) => until(async () => {
  const reply = await polling.get();
  return reply.status === 400 && reply.json.code === 1;
}, 'the session is over');

describe('handshake', () => {
  test('the open packet, over polling', async () => {
    const reply = await query('?EIO=4&transport=polling');
    assert.equal(reply.status, 200);
    assert.match(reply.headers['content-type'], /^text\/plain; charset=UTF-8/i);
    assert.equal(reply.headers['cache-control'], 'no-store');
    const { sid, ...rest } = JSON.parse(reply.text.slice(1));
    assert.match(sid, /^[A-Za-z0-9_-]{20,}$/);
    assert.deepEqual(rest, { upgrades: ['websocket'], pingInterval: 25000,
                             pingTimeout: 20000, maxPayload: 10000 });
    assert.deepEqual(setCookies(reply), []);
  });

  test('and over WebSocket', async () => {
    const ws = await RawWebSocket.open(anna);
    const packet = await ws.text();
    assert.equal(packet[0], '0');
    const { sid, ...rest } = JSON.parse(packet.slice(1));
    assert.ok(sid);
    assert.deepEqual(rest, { upgrades: [], pingInterval: 25000,
                             pingTimeout: 20000, maxPayload: 10000 });
    await ws.close();
  });

  test('sids are not guessable: all differ', async () => {
    const sids = new Set();
    for (let i = 0; i < 20; i++) {
      sids.add((await Polling.open(anna)).sid);
    }
    assert.equal(sids.size, 20);
  });

  test('errors 0 to 3 and 5', async () => {
    engineError(await query(''), 0, 'Transport unknown');
    engineError(await query('?EIO=4'), 0, 'Transport unknown');
    engineError(await query('?EIO=4&transport=tobi'), 0, 'Transport unknown');
    engineError(await query('?EIO=4&transport=constructor'), 0,
                'Transport unknown');
    engineError(await query('?transport=tobi&sid=x&EIO=3'), 0,
                'Transport unknown');
    engineError(await query('?EIO=4&transport=polling&sid=nosuchsid'), 1,
                'Session ID unknown');
    engineError(await query('?EIO=3&transport=polling&sid=nosuchsid'), 1,
                'Session ID unknown');
    engineError(await query('?EIO=4&transport=polling', {
      method: 'POST', body: '4x' }), 2, 'Bad handshake method');
    engineError(await query('?EIO=4&transport=polling', { method: 'PUT' }), 2,
                'Bad handshake method');
    engineError(await query('?EIO=4&transport=websocket'), 3, 'Bad request');
    engineError(await query('?EIO=3&transport=polling'), 5,
                'Unsupported protocol version');
    engineError(await query('?transport=polling'), 5,
                'Unsupported protocol version');
    engineError(await query('?EIO=x&transport=polling'), 5,
                'Unsupported protocol version');
  });

  test('a sid with another transport: 3', async () => {
    const ws = await RawWebSocket.open(anna);
    const { sid } = JSON.parse((await ws.text()).slice(1));
    engineError(await query(`?EIO=4&transport=polling&sid=${sid}`), 3,
                'Bad request');
    ws.send('40');
    assert.match(await ws.text(), /^40/, 'the session is not harmed');
    await ws.close();
    const polling = await Polling.open(anna);
    engineError(await query(`?EIO=4&transport=websocket&sid=${polling.sid}`),
                3, 'Bad request');
  });

  test('odd sids: unknown, and no harm', async () => {
    const { sid } = await Polling.open(anna);
    for (const odd of ['', 'x'.repeat(2000), '%00', `${sid}x`, sid.slice(1),
                       sid.toUpperCase() + sid.toLowerCase(), '*',
                       `%20${sid}`, '../../x', `${sid}%00`]) {
      const reply = await query(`?EIO=4&transport=polling&sid=${odd}`);
      if (odd === '') continue;         // as good as none
      engineError(reply, 1, 'Session ID unknown');
    }
  });

  test('a session\'s requests need the session\'s user', async () => {
    const polling = await Polling.connect(anna);
    for (const cookie of [ben.cookie, undefined]) {
      const path = `/socket.io/?EIO=4&transport=polling&sid=${polling.sid}`;
      const reply = await request(server, path, {
        method: 'POST', cookie,
        body: '42["message",{"roomId":"0","message":"stolen sid"}]' });
      const text = (await request(server, '/room/0/preload')).text;
      // a sid is a secret of its own; what it does is done as its own user
      if (reply.status === 200) {
        assert.ok(!text.includes(`"from":"${ben.id}"`));
      }
    }
  });

  test('other paths below /socket.io/', async () => {
    for (const path of ['/socket.io/x', '/socket.io/socket.io.js',
                        '/socket.iox']) {
      const reply = await request(server, path);
      assert.ok([400, 404].includes(reply.status), `${path} ${reply.status}`);
    }
  });
});

describe('polling', () => {
  test('connect, POST is answered with ok, events both ways', async () => {
    const polling = await Polling.open(anna);
    const reply = await polling.post('40');
    assert.match(reply.headers['content-type'], /^text\/html/);
    assert.equal(reply.headers['cache-control'], 'no-store');
    const packet = (await polling.poll())[0];
    const { sid } = JSON.parse(packet.slice(2));
    assert.notEqual(sid, polling.sid);
    await polling.emit(7, 'no.such.event');
    assert.match(await polling.next((p) => p.startsWith('43')), /^437\[/);
  });

  test('CONNECT with a payload', async () => {
    const polling = await Polling.open(anna);
    await polling.post('40{"token":"x"}');
    assert.match(await polling.next(), /^40\{"sid":"[^"]+"\}$/);
  });

  test('several packets in one payload, events right behind CONNECT',
       async () => {
    const polling = await Polling.open(anna);
    await polling.post(['40', '420["no.such"]', '421["no.such",1]',
                        '422["message",{"roomId":"0","message":"behind"}]']
      .join('\x1e'));
    assert.match(await polling.next(), /^40\{/);
    assert.match(await polling.next((p) => p.startsWith('430')), /^430\[/);
    assert.match(await polling.next((p) => p.startsWith('431')), /^431\[/);
    const ack = await polling.next((p) => p.startsWith('432'));
    assert.equal(JSON.parse(ack.slice(3))[0].ok, true);
    const event = await polling.next((p) => eventOf(p)?.[0] === 'message'
        && eventOf(p)[1].message === 'behind');
    assert.ok(event);
  });

  test('an event before a close packet in one payload still counts',
       async () => {
    const b = await connect(ben);
    const polling = await Polling.connect(anna);
    await polling.post('42["message",{"roomId":"0","message":"farewell"}]'
                       + '\x1e1');
    await b.waitForText('farewell');
    await unknownSid(polling);
    b.close();
  });

  test('a hanging GET waits, and gets what comes', async () => {
    const polling = await Polling.connect(anna);
    const started = Date.now();
    const hanging = polling.poll();
    await sleep(400);
    await polling.emit(1, 'no.such');
    const packets = await hanging;
    assert.ok(Date.now() - started >= 390);
    assert.match(packets.find((p) => p.startsWith('43')), /^431\[/);
  });

  test('a second GET while one waits ends the session', async () => {
    const polling = await Polling.connect(anna);
    const first = polling.get();
    await sleep(100);
    const second = await polling.get();
    assert.equal(second.status, 400);
    const waiting = await first;
    assert.equal(waiting.status, 200);
    assert.equal(waiting.text, '1');
    await unknownSid(polling);
  });

  test('two POSTs at once end the session; a POST counts from its headers',
       async () => {
    const polling = await Polling.connect(anna);
    const body = '420["no.such"]';
    const headers = { Cookie: anna.cookie, 'Content-Type': 'text/plain',
                      'Content-Length': body.length };
    const socket = await open(server);
    socket.write(bytes('POST', polling.path(), headers, body.slice(0, 5)));
    await sleep(150);
    const second = await polling.request('POST', body);
    assert.equal(second.status, 400, second.text);
    socket.destroy();
    await unknownSid(polling);
  });

  test('invalid packets: 400, and the session ends', async () => {
    for (const payload of ['9x', 'abc', '', '4\x1e', '\x1e4', '40\x1e\x1e40',
                           'ÿ', '7', '2', '44{"message":"x"}x', '4']) {
      const polling = await Polling.open(anna);
      const reply = await polling.request('POST', payload);
      // what is wrong on the level of Socket.IO may first be answered with ok
      if (payload !== '' && !/^[24]/.test(payload)) {
        assert.equal(reply.status, 400, JSON.stringify(payload));
      }
      if (reply.status === 400 || payload.startsWith('2')
          || payload === '4') {
        await unknownSid(polling);
      }
    }
  });

  test('maxPayload: exactly that passes, one byte more is 413', async () => {
    const make = (size, fill = 'x') => {
      const head = '420["no.such","';
      const tail = '"]';
      const room = size - head.length - tail.length;
      return head + fill.repeat(Math.floor(room / Buffer.byteLength(fill)))
        + 'x'.repeat(room % Buffer.byteLength(fill)) + tail;
    };
    for (const fill of ['x', 'ä', '漢', '😀']) {
      const polling = await Polling.connect(anna);
      const exact = make(10000, fill);
      assert.equal(Buffer.byteLength(exact), 10000);
      await polling.post(exact);
      assert.match(await polling.next(), /^430\[/);
      const over = await polling.request('POST', make(10001, fill));
      assert.equal(over.status, 413, fill);
    }
    // chunked, and only declared
    const polling = await Polling.connect(anna);
    const chunked = await polling.request('POST', make(10001), {
      headers: { 'Transfer-Encoding': 'chunked' } });
    assert.equal(chunked.status, 413);
    const declared = await raw(server, bytes('POST', polling.path(), {
      Cookie: anna.cookie, 'Content-Length': 1e12,
      'Content-Type': 'text/plain' }), { until: /\r\n\r\n/, timeout: 5000 });
    assert.equal(declared.status, 413);
  });

  test('a large payload (in nginx\'s temporary file) and a large reply',
       async () => {
    const big = await start({ workers: 2, chat: NO_RATE });
    try {
      const ben = await user(big);
      const polling = await Polling.connect(ben);
      const text = 'é'.repeat(30000);
      await polling.post(Array.from({ length: 12 }, (_, i) =>
        `42${i}["message",{"roomId":"0","message":"${i} ${text}"}]`)
        .join('\x1e'));
      const got = [];
      while (got.length < 12) {
        for (const packet of await polling.poll()) {
          const event = eventOf(packet);
          if (event?.[0] === 'message') got.push(event[1].message);
        }
      }
      assert.deepEqual(got, Array.from({ length: 12 }, (_, i) =>
        `${i} ${text}`));
      const exact = `420["no.such","${'x'.repeat(1048576 - 17)}"]`;
      assert.equal(exact.length, 1048576);
      await polling.post(exact);
      assert.match(await polling.next((p) => p.startsWith('430')), /^430\[/);
      assert.equal((await polling.request('POST', `${exact}x`)).status, 413);
    } finally {
      await big.stop();
    }
  });

  test('a client gone in a hanging GET: what was to be sent stays queued',
       async () => {
    const b = await connect(ben);
    const polling = await Polling.connect(anna);
    for (let round = 0; round < 3; round++) {
      const socket = await open(server);
      socket.write(bytes('GET', polling.path(), { Cookie: anna.cookie }));
      await sleep(100);
      socket.destroy();
      await sleep(100);
      const text = `queued ${round}`;
      await b.send('0', text);
      await polling.next((p) => eventOf(p)?.[1]?.message === text);
    }
    b.close();
  });

  test('HEAD, PUT, DELETE and OPTIONS of a session', async () => {
    const polling = await Polling.connect(anna);
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const reply = await polling.request(method);
      assert.ok(reply.status >= 400 && reply.status < 500,
                `${method} ${reply.status}`);
    }
  });

  test('the close packet ends the session, a waiting GET gets noop',
       async () => {
    const polling = await Polling.connect(anna);
    const hanging = polling.get();
    await sleep(100);
    await polling.post('1');
    const reply = await hanging;
    assert.equal(reply.status, 200);
    assert.match(reply.text, /^[16]$/);
    await unknownSid(polling);
  });

  test('a POST byte by byte', async () => {
    const polling = await Polling.connect(anna);
    const body = '429["no.such"]';
    const reply = await raw(server, bytes('POST', polling.path(), {
      Cookie: anna.cookie, 'Content-Type': 'text/plain;charset=UTF-8',
      'Content-Length': body.length, Connection: 'close' }, body), { step: 1 });
    assert.equal(reply.status, 200);
    assert.ok(reply.text.endsWith('ok'));
    assert.match(await polling.next(), /^439\[/);
  });

  test('keep-alive: all over one connection', async () => {
    const polling = await Polling.open(anna);
    const socket = await open(server);
    let text = '';
    socket.on('data', (data) => { text += data; });
    const send = (method, body = '') => socket.write(bytes(
      method, polling.path(), { Cookie: anna.cookie,
        ...(body ? { 'Content-Length': body.length,
                     'Content-Type': 'text/plain' } : {}) }, body));
    send('POST', '40');
    await until(() => /\r\n\r\n(2\r\n)?ok/.test(text), 'ok');
    send('GET');
    await until(() => /40\{"sid"/.test(text), 'connected');
    send('POST', '425["no.such"]');
    send('GET');
    await until(() => /435\[/.test(text), 'ack');
    socket.destroy();
  });
});

describe('heartbeat', () => {
  test('over polling: ping, pong, and the end without one', async () => {
    const ben = at('/beat', anna);
    const polling = await Polling.connect(ben);
    for (let i = 0; i < 4; i++) {
      const started = Date.now();
      assert.deepEqual(await polling.poll(), ['2']);
      const took = Date.now() - started;
      assert.ok(took > 200 && took < 900, `${took} ms`);
      await polling.post('3');
    }
    assert.deepEqual(await polling.poll(), ['2']);
    await sleep(900);
    await unknownSid(polling);
  });

  test('over WebSocket', async () => {
    const ben = at('/beat', anna);
    const ws = await RawWebSocket.connect(ben);
    for (let i = 0; i < 4; i++) {
      const started = Date.now();
      assert.equal(await ws.text(), '2');
      const took = Date.now() - started;
      assert.ok(took > 250 && took < 900, `${took} ms`);
      ws.send('3');
    }
    assert.equal(await ws.text(), '2');
    const started = Date.now();
    await ws.gone(3000);
    const took = Date.now() - started;
    assert.ok(took > 300 && took < 1200, `${took} ms`);
  });

  test('a ping of the client is an error', async () => {
    const polling = await Polling.connect(anna);
    await polling.request('POST', '2');
    await unknownSid(polling);
    const ws = await RawWebSocket.connect(anna);
    ws.send('2');
    await ws.gone();
  });

  test('socket.io-client stays connected over many of them', async () => {
    const ben = at('/beat', anna);
    const clients = await Promise.all([['polling'], ['websocket']].map(
      (transports) => connect(ben, { transports })));
    await sleep(2500);
    for (const client of clients) {
      assert.deepEqual(client.reasons, []);
      assert.equal((await client.send('0', 'alive')).ok, true);
      client.close();
    }
  });
});

describe('upgrade', () => {
  const upgrade = (polling, options = {}) => RawWebSocket.open(
    polling.session, { query: `&sid=${polling.sid}`, ...options });

  test('probe, noop, upgrade', async () => {
    const polling = await Polling.connect(anna);
    const hanging = polling.get();
    await sleep(50);
    const ws = await upgrade(polling);
    ws.send('2probe');
    assert.equal(await ws.text(), '3probe');
    const reply = await hanging;
    assert.equal(reply.text, '6');
    ws.send('5');
    ws.emit(3, 'no.such');
    assert.match(await ws.text((t) => t.startsWith('43')), /^433\[/);
    await ws.close();
  });

  test('the probe in the same segment as the handshake', async () => {
    const polling = await Polling.connect(anna);
    const ws = await upgrade(polling, { early: frame(OP.text, '2probe') });
    assert.equal(await ws.text(), '3probe');
    ws.write(Buffer.concat([frame(OP.text, '5'),
                            frame(OP.text, '4211["no.such"]')]));
    assert.match(await ws.text((t) => t.startsWith('43')), /^4311\[/);
    await ws.close();
  });

  test('until 5, events keep going over polling', async () => {
    const b = await connect(ben);
    const polling = await Polling.connect(anna);
    const ws = await upgrade(polling);
    ws.send('2probe');
    await ws.text();
    await b.send('0', 'before the five');
    await polling.next((p) => eventOf(p)?.[1]?.message === 'before the five');
    assert.deepEqual(ws.frames, []);
    ws.send('5');
    await b.send('0', 'behind the five');
    await ws.text((t) => eventOf(t)?.[1]?.message === 'behind the five');
    await ws.close();
    b.close();
  });

  test('after the upgrade, polling is a bad request', async () => {
    const polling = await Polling.connect(anna);
    const ws = await upgrade(polling);
    ws.send('2probe');
    await ws.text();
    ws.send('5');
    ws.emit(1, 'no.such');
    await ws.text((t) => t.startsWith('43'));
    const reply = await polling.get();
    assert.equal(reply.status, 400);
    ws.emit(2, 'no.such');
    await ws.text((t) => t.startsWith('432'));
    await ws.close();
  });

  test('a failed or abandoned probe leaves polling as it was', async () => {
    const b = await connect(ben);
    const polling = await Polling.connect(anna);
    const abandon = [
      (ws) => ws.destroy(),
      async (ws) => {
        ws.send('2probe');
        await ws.text();
        ws.destroy();
      },
      async (ws) => { ws.send('4nonsense'); await ws.gone(); },
      async (ws) => { ws.send('2wrong'); await ws.gone(); },
      (ws) => ws.close(),
    ];
    for (const [i, how] of abandon.entries()) {
      const ws = await upgrade(polling);
      assert.equal(ws.status, 101, String(i));
      await how(ws);
      await b.send('0', `still polling ${i}`);
      await polling.next((p) =>
        eventOf(p)?.[1]?.message === `still polling ${i}`);
      await polling.emit(i, 'no.such');
      await polling.next((p) => p.startsWith(`43${i}`));
    }
    // and it can still upgrade
    const ws = await upgrade(polling);
    ws.send('2probe');
    assert.equal(await ws.text(), '3probe');
    ws.send('5');
    ws.emit(77, 'no.such');
    await ws.text((t) => t.startsWith('4377'));
    await ws.close();
    b.close();
  });

  test('a second WebSocket is refused and the first stays', async () => {
    const polling = await Polling.connect(anna);
    const first = await upgrade(polling);
    first.send('2probe');
    await first.text();
    const during = await upgrade(polling);
    if (during.status === 101) await during.gone();
    else assert.equal(during.status, 400);
    during.destroy();
    first.send('5');
    first.emit(1, 'no.such');
    await first.text((t) => t.startsWith('431'));
    const later = await upgrade(polling);
    if (later.status === 101) await later.gone();
    else assert.equal(later.status, 400);
    later.destroy();
    first.emit(2, 'no.such');
    await first.text((t) => t.startsWith('432'));
    await first.close();
  });

  test('an upgrade that is not completed in 10 s is dropped', async () => {
    const polling = await Polling.connect(anna);
    const ws = await upgrade(polling);
    ws.send('2probe');
    await ws.text();
    const started = Date.now();
    await ws.gone(13000);
    const took = Date.now() - started;
    assert.ok(took > 8500, `${took} ms`);
    await polling.emit(1, 'no.such');
    await polling.next((p) => p.startsWith('431'));
  });

  test('the close packet over WebSocket ends session and connection at once',
       async () => {
    const ws = await RawWebSocket.connect(anna);
    ws.send('1');
    await ws.gone(1000);
    const polling = new Polling(anna);
    polling.sid = ws.handshake.sid;
    await unknownSid(polling);
  });

  test('nothing is lost or doubled when messages flow meanwhile', async () => {
    const b = await connect(ben, { transports: ['websocket'] });
    const room = ben.roomWith(carl);
    await b.send(room, 'start');
    let stop = false;
    const ids = [];
    const talk = (async () => {
      while (!stop) ids.push((await b.send(room, `m ${ids.length}`)).id);
    })();
    const clients = [];
    for (let i = 0; i < 8; i++) {
      const pids = server.workerPids();
      clients.push(await connect(carl, {
        agent: new WorkerAgent(server, () => pids[i % pids.length]) }));
      await sleep(60);
    }
    await Promise.all(clients.map((c) => c.upgraded()));
    await sleep(300);
    stop = true;
    await talk;
    for (const client of clients) {
      await until(() => client.messages(room).at(-1)?.id === ids.at(-1),
                  'the last message');
      const got = client.messages(room).map((m) => m.id);
      assert.deepEqual(got, ids.slice(ids.indexOf(got[0])));
      assert.deepEqual(client.reasons, []);
      client.close();
    }
    b.close();
  });
});

describe('Socket.IO packets', () => {
  test('without a session: CONNECT_ERROR with a message', async () => {
    const nobody = { server };
    const ws = await RawWebSocket.open(nobody);
    if (ws.status === 101) {
      await ws.text();
      ws.send('40');
      const packet = await ws.text();
      assert.match(packet, /^44\{/);
      assert.equal(typeof JSON.parse(packet.slice(2)).message, 'string');
      ws.destroy();
    }
    const polling = await Polling.open(nobody);
    await polling.post('40');
    const packet = await polling.next();
    assert.match(packet, /^44\{"message":"/);
    await assert.rejects(connect(nobody), /./);
  });

  test('other namespaces', async () => {
    const ws = await RawWebSocket.open(anna);
    await ws.text();
    ws.send('40/admin,');
    assert.equal(await ws.text(),
                 '44/admin,{"message":"Invalid namespace"}');
    ws.send('40/admin?x=y,{"a":1}');
    assert.match(await ws.text(),
                 /^44\/admin(\?x=y)?,\{"message":"Invalid namespace"\}$/);
    ws.send('40');
    assert.match(await ws.text(), /^40\{/);
    await ws.close();
  });

  test('ack ids come back digit for digit', async () => {
    const ws = await RawWebSocket.connect(anna);
    for (const id of ['0', '4294967296', '9007199254740991']) {
      ws.emit(id, 'no.such');
      assert.match(await ws.text(), new RegExp(`^43${id}\\[`));
    }
    await ws.close();
  });

  test('what closes the connection', async () => {
    const before = ['42["message",{}]', '41', '430[]', '45', '4'];
    const behind = ['40', '40{}', '42["connect"]', '42["connect_error"]',
                    '42["disconnect"]', '42["disconnecting"]',
                    '42["newListener"]', '42["removeListener"]', '42',
                    '42{}', '42[]', '42[null]', '42[{}]', '42["x"', '42["x"]]',
                    '42nonsense', '49', '4x', '425', '45["x"]', '45x-["x"]',
                    '42[true]', '421', '43x', '40[]', '41{}'];
    for (const packet of before) {
      const ws = await RawWebSocket.open(anna);
      await ws.text();
      ws.send(packet);
      await ws.gone().catch((error) => {
        throw new Error(`before connect: ${packet}: ${error.message}`);
      });
    }
    for (const packet of behind) {
      const ws = await RawWebSocket.connect(anna);
      ws.send(packet);
      await ws.gone().catch((error) => {
        throw new Error(`behind connect: ${packet}: ${error.message}`);
      });
    }
  });

  test('and over polling', async () => {
    for (const packet of ['42["connect"]', '42{}', '49', '42["x"']) {
      const polling = await Polling.connect(anna);
      await polling.request('POST', packet);
      await unknownSid(polling);
    }
  });

  // socket.io-client 3.0, the original client's, may do that
  test('a second CONNECT over polling, before anything else, is answered as '
       + 'the first', async () => {
    const polling = await Polling.open(anna);
    await polling.post('40\x1e40');
    const first = await polling.next();
    assert.match(first, /^40\{/);
    await polling.emit(1, 'no.such');
    const packets = [await polling.next()];
    while (!packets.at(-1).startsWith('431')) {
      packets.push(await polling.next());
    }
    packets.pop();
    for (const packet of packets) assert.equal(packet, first);
    // but not in the middle of the talk
    await polling.request('POST', '40');
    await unknownSid(polling);
  });

  test('limits on depth and elements, without harm to the worker',
       async () => {
    const deep = (n) => `42["x",${'['.repeat(n)}${']'.repeat(n)}]`;
    const ok = await RawWebSocket.connect(anna);
    ok.send(deep(20).replace('42', '421'));
    assert.match(await ok.text(), /^431\[/);
    await ok.close();
    for (const packet of [deep(4900), deep(40), `42["x"${',0'.repeat(4990)}]`,
                          `42["x",${'{"a":'.repeat(1900)}1${
                            '}'.repeat(1900)}]`]) {
      const ws = await RawWebSocket.connect(anna);
      ws.send(packet);
      if (packet.includes(',0,0')) {
        ws.emit(1, 'no.such');
        assert.match(await ws.text((t) => t.startsWith('431')), /^431/);
        await ws.close();
      } else {
        await ws.gone();
      }
    }
    const many = at('/slow', anna);
    const ws = await RawWebSocket.connect(many);
    ws.send(`42["x"${',0'.repeat(400000)}]`);
    await ws.gone();
  });

  test('binary attachments end in a clean close or are served', async () => {
    for (const packet of ['451-["x",{"_placeholder":true,"num":0}]',
                          '4599999999-["x",{"_placeholder":true,"num":0}]',
                          '450-["x"]']) {
      const ws = await RawWebSocket.connect(anna);
      ws.send(packet);
      ws.write(frame(OP.binary, Buffer.alloc(10)));
      await sleep(50);
      if (!ws.ended && !ws.closed) {
        ws.emit(1, 'no.such');
        await Promise.race([ws.gone(), ws.text((t) => t.startsWith('431'))])
          .catch(() => {});
      }
      ws.destroy();
    }
    const ws = await RawWebSocket.connect(anna);
    ws.write(frame(OP.binary, Buffer.alloc(10)));
    await ws.gone();
  });

  test('events of a number, and names like methods of an object', async () => {
    const ws = await RawWebSocket.connect(anna);
    let id = 0;
    for (const name of ['5', '"__proto__"', '"constructor"', '"toString"',
                        '""', '"message "', '"\\u006eo"']) {
      ws.send(`42${++id}[${name}]`);
      assert.match(await ws.text((t) => t.startsWith(`43${id}`)),
                   /"error"/, name);
    }
    // escapes in a name are no way around it
    ws.send('42["disconn\\u0065ct"]');
    await ws.gone();
  });

  test('DISCONNECT leaves the connection for a while', async () => {
    const b = await connect(ben);
    const ws = await RawWebSocket.connect(anna);
    ws.send('41');
    await sleep(100);
    await b.send('0', 'after 41');
    await b.waitForText('after 41');
    await sleep(100);
    assert.equal(ws.closed || ws.ended, false);
    assert.deepEqual(ws.frames.filter((f) => /after 41/.test(f.payload)), []);
    ws.send('40');
    assert.match(await ws.text(), /^40\{/);
    await b.send('0', 'after the second 40');
    await ws.text((t) => t.includes('after the second 40'));
    await ws.close();
    b.close();
  });

  test('packets in the same segment as the handshake', async () => {
    const ws = await RawWebSocket.open(anna, {
      early: Buffer.concat([
        frame(OP.text, '40'), frame(OP.text, '420["no.such"]'),
        frame(OP.text, '421["message",{"roomId":"0","message":"early"}]')]) });
    assert.match(await ws.text(), /^0\{/);
    assert.match(await ws.text(), /^40\{/);
    assert.match(await ws.text((t) => t.startsWith('430')), /^430\[/);
    assert.match(await ws.text((t) => t.startsWith('431')), /"ok":true/);
    await ws.close();
  });

  test('a connection that another worker accepts first answers REST, then '
       + 'upgrades', async () => {
    for (const pid of server.workerPids()) {
      const socket = await openOn(server, pid);
      const ws = await RawWebSocket.connect(anna, { socket });
      ws.emit(1, 'no.such');
      await ws.text((t) => t.startsWith('431'));
      await ws.close();
    }
  });
});
