// TLS to Redis: rediss:// and sentinels://, where hiredis has it; where it does
// not, that nginx -t says so.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { assertError, request, users } from './lib/http.mjs';
import { MASTER, Sentinel } from './lib/sentinel.mjs';
import { NO_RATE, redisLogin, releasePort, reservePort, sleep, start, until }
  from './lib/server.mjs';
import { closeAll, connect } from './lib/sio.mjs';

// what the module is built with
const capable = fs.existsSync('/usr/include/hiredis/hiredis_ssl.h');

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-e2e-tls-'));
after(() => fs.rmSync(dir, { recursive: true }));
const file = (name) => path.join(dir, name);

const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
             '-nodes'];

function authority(name) {
  openssl('req', '-x509', ...KEY, '-days', '2', '-subj', `/CN=${name}`,
          '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`));
}

function certificate(name, by, alternative, ...dates) {
  openssl('req', '-x509', ...KEY, '-subj', `/CN=${name}`,
          '-CA', file(`${by}.pem`), '-CAkey', file(`${by}.key`),
          '-addext', `subjectAltName=${alternative}`,
          '-addext', 'basicConstraints=critical,CA:false',
          '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`),
          ...dates.length ? dates : ['-days', '2']);
}

const redisFiles = (name) => ['--tls-cert-file', file(`${name}.pem`),
                              '--tls-key-file', file(`${name}.key`)];
const TRUST = `chat_redis_ssl_trusted_certificate ${file('ca.pem')};`;
const CLIENT = `chat_redis_ssl_certificate ${file('client.pem')};
  chat_redis_ssl_certificate_key ${file('client.key')};`;

/*
 * A server whose Redis speaks TLS at a port, and wants certificates. Options
 * are start()'s, and name: the certificate of Redis; host: in the address;
 * args: more for Redis.
 */
async function withTls(options, use) {
  const { name = 'localhost', host = 'localhost', args = [] } = options;
  const port = await reservePort();
  let server;
  try {
    server = await start({
      chat: NO_RATE, http: TRUST + CLIENT,
      redisUrl: () => `rediss://${redisLogin}@${host}:${port}`,
      redisArgs: ['--tls-port', String(port), '--bind', '127.0.0.1',
                  '--tls-ca-cert-file', file('ca.pem'), ...redisFiles(name),
                  ...args],
      ...options,
    });
    server.tlsPort = port;
    await use(server);
  } finally {
    await server?.stop();
    releasePort(port);
  }
}

const send = (client, room, text) => until(async () => {
  const ack = await client.send(room, text, { nonce: text.slice(0, 60) });
  return ack.ok ? ack : sleep(50);
}, 'it is taken', 15000);

// both links of each worker say so, once for each outage; and nothing waits
async function away(server, pattern, workers = 1) {
  await until(() => server.errorLog().match(pattern)?.length === 2 * workers,
              String(pattern), 10000);
  for (let i = 0; i < 2; i++) {
    const started = Date.now();
    assertError(await request(server, '/room/0/preload'), 503);
    assert.equal((await request(server, '/links')).status, 200);
    assert.ok(Date.now() - started < 2000, 'at once');
  }
}

const isAway = (why) => new RegExp(
  `chat: redis \\S+ is away \\((command|subscriber) link\\): ${why}`, 'g');

const CUT = '(TLS: )?(Connection reset by peer|Broken pipe)';

const served = (server) => until(async () =>
  (await request(server, '/room/0/preload')).status === 200, 'served', 10000);

function refusedBy(configuration) {
  const conf = file('nginx.conf');
  const [port] = process.env.CHAT_E2E_PORTS?.split('-') ?? [23000];
  fs.writeFileSync(conf, `pid ${file('pid')};
load_module ${process.env.CHAT_MODULE};
events {}
http {
  access_log off;
  ${configuration}
  server { listen 127.0.0.1:${port}; location / { chat on; } }
}`);
  // an nginx that refuses its configuration leaves memory to the system
  const run = spawnSync(process.env.NGINX ?? '/usr/sbin/nginx',
                        ['-t', '-e', 'stderr', '-p', dir, '-c', conf], { env: {
    ...process.env,
    ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` } });
  assert.notEqual(run.status, 0, 'nginx -t fails');
  return String(run.stderr);
}

if (!capable) {
  for (const address of ['rediss://localhost', 'sentinels://localhost/m']) {
    test(`${address}: nginx -t says what is missing`, () => {
      assert.match(refusedBy(`chat_redis ${address};`), new RegExp(
        'TLS in chat_redis needs libhiredis_ssl of hiredis 1.0 or later, and '
        + 'the module was built without in .*nginx.conf:6'));
    });
  }
} else {
  authority('ca');
  authority('other-ca');
  certificate('localhost', 'ca', 'DNS:localhost');
  certificate('address', 'ca', 'IP:127.0.0.1');
  certificate('client', 'ca', 'DNS:nginx');
  certificate('another', 'ca', 'DNS:redis.example.com');
  certificate('untrusted', 'other-ca', 'DNS:localhost');
  certificate('expired', 'ca', 'DNS:localhost', '-not_before',
              '20200101000000Z', '-not_after', '20200201000000Z');

  test('a chat over TLS: messages short and long, a reload, Redis restarted',
       () => withTls({ http: `${TRUST}${CLIENT} chat_max_message 1000000;
                       chat_max_payload 8m; client_max_body_size 8m;
                       chat_send_queue 64m; chat_redis_read_timeout 30s;`,
  }, async (server) => {
    const { redis } = server;
    const [anna, ben] = await users(server, 2);
    const room = anna.roomWith(ben);
    const a = await connect(anna, { transports: ['websocket'] });
    const b = await connect(ben, { transports: ['websocket'] });
    await send(a, room, 'short');
    await b.waitForText('short');
    // nothing but TLS and the tests' own socket
    assert.match(await redis.client.client('LIST'), new RegExp(
      `laddr=127.0.0.1:${server.tlsPort}`));

    // more than the system takes while Redis doesn't read
    const texts = Array.from({ length: 12 }, (_, i) =>
      `long ${i} `.padEnd(900000, 'x'));
    redis.pause();
    const acks = texts.map((text) => a.send(room, text, {
      nonce: text.slice(0, 9) }));
    await sleep(1000);
    redis.resume();
    for (const ack of await Promise.all(acks)) {
      assert.equal(ack.ok, true, JSON.stringify(ack));
    }
    await b.waitForText(texts.at(-1));
    assert.deepEqual(b.texts(room).slice(1).map((text) => text.length),
                     texts.map((text) => text.length));
    assert.doesNotMatch(server.errorLog(), /is away/);

    await server.reload();
    await send(b, room, 'after the reload');
    await a.waitForText('after the reload');
    await redis.kill9();
    await until(async () => (await anna.get('/me')).status === 503, '503');
    await redis.start();
    await served(server);
    await send(a, room, 'after the restart');
    await b.waitForText('after the restart');
    assert.match(server.errorLog(), isAway(
      `(TLS: the server closed the connection|Connection refused|${CUT})`));
    await closeAll(a, b);
  }));

  for (const [what, options, why] of [
    ['of an authority that is not named', { name: 'untrusted' },
     'its certificate is refused: unable to get local issuer certificate'],
    ['of an authority that is not the system\'s', { http: CLIENT },
     'its certificate is refused: '
     + '(unable to get local issuer|self-signed) certificate'],
    ['of another host', { name: 'another' },
     'its certificate is refused: hostname mismatch'],
    ['without the address', { host: '127.0.0.1' },
     'its certificate is refused: IP address mismatch'],
    ['of another name than chat_redis_ssl_name',
     { http: `${TRUST}${CLIENT} chat_redis_ssl_name other;` },
     'its certificate is refused: hostname mismatch'],
    ['that has expired', { name: 'expired' },
     'its certificate is refused: certificate has expired'],
    // (the alert is lost if the end comes before our first command has left)
    ['of our own missing', { http: TRUST },
     `(TLS: .*alert certificate required|${CUT})`],
    ['of our own refused',
     { http: `${TRUST}
        chat_redis_ssl_certificate ${file('untrusted.pem')};
        chat_redis_ssl_certificate_key ${file('untrusted.key')};` },
     `(TLS: .*alert unknown ca|${CUT})`],
  ]) {
    test(`a certificate ${what}`, () => withTls({
      workers: 1, ready: false, ...options,
      // nginx has TLS of its own, which must not see errors of ours
      tls: { cert: file('localhost.pem'), key: file('localhost.key') },
    }, async (server) => {
      await away(server, isAway(why));
      // it is tried again, and Redis has a good one by then
      if (!options.name) return;
      await server.redis.client.config(
        'SET', 'tls-cert-file', file('localhost.pem'),
        'tls-key-file', file('localhost.key'));
      await served(server);
      await until(() => server.errorLog().match(/is back/g)?.length === 2,
                  'both links are back');
    }));
  }

  for (const [what, options] of [
    ['the address in the certificate', { name: 'address', host: '127.0.0.1' }],
    ['the name of chat_redis_ssl_name', {
      name: 'another', host: '127.0.0.1',
      http: `${TRUST}${CLIENT}
        chat_redis_ssl_name redis.example.com;` }],
  ]) {
    test(what, () => withTls({ workers: 1, ...options }, served));
  }

  test('files that can\'t be loaded, and half a pair', () => {
    const redis = 'chat_redis rediss://localhost;';
    const pem = file('client.pem');
    fs.writeFileSync(file('secret'), openssl('ec', '-aes128', '-passout',
      'pass:x', '-in', file('client.key')));
    for (const [directives, why] of [
      ['chat_redis_ssl_trusted_certificate none;',
       /cannot load ".*\/none" for TLS to redis: no such file/i],
      [`chat_redis_ssl_trusted_certificate ${file('ca.key')};`,
       /cannot load ".*\/ca.key" for TLS to redis: /],
      [`chat_redis_ssl_certificate ${pem};`,
       /"chat_redis_ssl_certificate" needs "chat_redis_ssl_certificate_key"/],
      [`chat_redis_ssl_certificate_key ${pem};`,
       /"chat_redis_ssl_certificate_key" needs "chat_redis_ssl_certificate"/],
      [`chat_redis_ssl_certificate ${pem};
        chat_redis_ssl_certificate_key ${file('ca.key')};`,
       /cannot load ".*\/ca.key" for TLS to redis: key values mismatch/],
      [`chat_redis_ssl_certificate ${pem};
        chat_redis_ssl_certificate_key ${file('secret')};`,
       /cannot load ".*\/secret" for TLS to redis: /],
    ]) {
      assert.match(refusedBy(redis + directives), why);
    }
  });

  test('a Sentinel over TLS names the master', async () => {
    const port = await reservePort();
    let sentinel;
    try {
      await withTls({
        workers: 1, name: 'address', host: '127.0.0.1',
        redisUrl: () => `sentinels://${redisLogin}@127.0.0.1:${port}/${MASTER}`,
        seed: async (client, redis) => {
          const at = redis.args.indexOf('--tls-port');
          sentinel = new Sentinel(dir, port, [
            'port 0', `tls-port ${port}`, 'tls-replication yes',
            `tls-cert-file ${file('address.pem')}`,
            `tls-key-file ${file('address.key')}`,
            `tls-ca-cert-file ${file('ca.pem')}`,
            `sentinel monitor ${MASTER} 127.0.0.1 ${redis.args[at + 1]} 1`,
          ]);
          sentinel.start();
        },
      }, async (server) => {
        const [anna] = await users(server, 1);
        const a = await connect(anna);
        await send(a, '0', 'found');
        await a.waitForText('found');
        await closeAll(a);
      });
    } finally {
      await sentinel?.kill9();
      releasePort(port);
    }
  });

  // what is there instead of a Redis with TLS; it is tried again and again, but
  // not without end
  for (const [what, answer, why] of [
    ['the end in the middle of the handshake',
     (socket) => socket.once('data', () => socket.end()),
     'TLS: the server closed the connection'],
    ['a reset in the middle of the handshake',
     (socket) => socket.once('data', () => socket.resetAndDestroy()),
     // (OpenSSL and hiredis may have other words for what the system said)
     '.+'],
    ['no answer at all', (socket) => socket.resume(),
     'the TLS handshake timed out'],
    ['an answer in the clear',
     (socket) => socket.once('data', () => socket.write('-ERR unknown\r\n')),
     'TLS: wrong version number'],
  ]) {
    test(what, async () => {
      const port = await reservePort();
      const sockets = new Set();
      let tries = 0;
      const fake = net.createServer((socket) => {
        tries++;
        sockets.add(socket.on('error', () => {}));
        answer(socket);
      });
      await new Promise((done) => { fake.listen(port, '127.0.0.1', done); });
      const server = await start({
        workers: 1, ready: false,
        http: `${TRUST} chat_redis_connect_timeout 1s;`,
        redisUrl: () => `rediss://${redisLogin}@localhost:${port}`,
      });
      try {
        const began = Date.now();
        await away(server, isAway(why));
        await until(() => tries >= 6, 'it tries again', 15000);
        // two links; the backoff is at least 50 ms, and 500 in the end
        assert.ok(tries <= 2 * (6 + (Date.now() - began) / 500), `${tries}`);
      } finally {
        await server.stop();
        sockets.forEach((socket) => socket.destroy());
        fake.close();
        releasePort(port);
      }
    });
  }

  test('TLS to a port without it, and the other way round', async () => {
    const plain = await reservePort();
    try {
      await withTls({
        workers: 1, ready: false, args: ['--port', String(plain)],
        redisUrl: () => `rediss://${redisLogin}@localhost:${plain}`,
      }, (server) => away(server, isAway(
        '(TLS: wrong version number|the TLS handshake timed out)')));
      await withTls({
        workers: 1, ready: false,
        redisUrl: (redis) => `redis://${redisLogin}@localhost:${
          redis.args[redis.args.indexOf('--tls-port') + 1]}`,
      }, (server) => away(server, isAway(
        '(Server closed the connection|(TLS: )?Connection reset by peer)')));
    } finally {
      releasePort(plain);
    }
  });
}
