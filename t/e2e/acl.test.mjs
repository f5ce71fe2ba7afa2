// The Redis user of ngx_chat_module/redis.acl, as whom the module speaks to
// Redis in all these tests, may do what the module does and nothing else.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { REDIS_USER, RedisServer, root } from './lib/server.mjs';

const sources = path.join(root, 'ngx_chat_module');

let redis;
let chat;

before(async () => {
  redis = new RedisServer(fs.mkdtempSync(path.join(os.tmpdir(), 'chat-acl-')));
  await redis.start();
  await redis.client.set('foreign', 'secret');
  chat = redis.connect({ ...REDIS_USER, enableReadyCheck: false });
});
after(async () => {
  await redis.stop();
  fs.rmSync(redis.dir, { recursive: true });
});

const refused = (...words) => test(words.join(' '), () => assert.rejects(
  chat.call(...words),
  /NOPERM|user executing the script can't|ACL failure in script/));

for (const words of [
  'FLUSHALL', 'FLUSHDB', 'CONFIG GET dir', 'CONFIG SET dir /', 'KEYS *',
  'SCAN 0', 'RANDOMKEY', 'SHUTDOWN NOSAVE', 'ACL WHOAMI',
  'ACL SETUSER chat +@all', 'MODULE LIST', 'REPLICAOF NO ONE', 'SAVE',
  'MIGRATE 127.0.0.1 1 foreign 0 1', 'DUMP user:1', 'CLIENT KILL TYPE normal',
  'MONITOR', 'SCRIPT FLUSH', 'FUNCTION LIST', 'SWAPDB 0 1', 'INFO', 'MULTI',
]) {
  refused(...words.split(' '));
}

for (const words of [
  'GET foreign', 'SET foreign x', 'DEL foreign', 'INCR total_users:x',
  'ZRANGE roomy 0 -1', 'EXPIRE foreign 1', 'SMEMBERS online_users:x',
  'PUBLISH foreign x', 'PUBLISH MESSAGES:x x', 'SUBSCRIBE foreign',
  'SUBSCRIBE __keyspace@0__:user:1', 'PSUBSCRIBE *',
]) {
  refused(...words.split(' '));
}

// nor by a detour
for (const call of ["'GET', 'foreign'", "'SET', 'foreign', 'x'", "'FLUSHALL'",
                    "'KEYS', '*'", "'PUBLISH', 'foreign', 'x'"]) {
  refused('EVAL', `return redis.call(${call})`, '0');
}
refused('EVAL', 'return redis.call("GET", KEYS[1])', '1', 'foreign');

test('the foreign key is as it was', async () => {
  assert.equal(await redis.client.get('foreign'), 'secret');
});

// what the sources name, in C ("GET user:%V", "PING") and in Lua ('GET')
function named(commands) {
  const found = new Set();
  for (const entry of fs.readdirSync(sources, { recursive: true })) {
    if (!/\.(c|lua)$/.test(entry)) continue;
    const text = fs.readFileSync(path.join(sources, entry), 'utf8');
    for (const [, word] of text.matchAll(/["']([A-Z]+)(?=["' ])/g)) {
      if (commands.has(word.toLowerCase())) found.add(word.toLowerCase());
    }
  }
  found.delete('auth');                 // needs no right
  found.delete('readonly');             // an error's name
  found.delete('script');               // of which LOAD is all
  return [...found, 'script|load'].sort();
}

test('every command that the sources name, and no other', async () => {
  const commands = new Set(await redis.client.call('COMMAND', 'LIST'));
  const list = await redis.client.call('ACL', 'LIST');
  const rights = list.find((line) => line.startsWith('user chat '));
  assert.match(rights, / -@all /);
  const allowed = [...rights.matchAll(/ \+(\S+)/g)].map(([, name]) => name);
  assert.deepEqual(allowed.sort(), named(commands));
});

test('every key and channel that the sources name, and no other', () => {
  const header = fs.readFileSync(
    path.join(sources, 'store/ngx_http_chat_keys.h'), 'utf8');
  const patterns = new Set();
  for (const [, kind, name] of header.matchAll(
    /^#define NGX_HTTP_CHAT_(KEY|CHANNEL)\w* +"([^"]+)"/gm)) {
    if (name.startsWith(':')) continue;           // goes behind another
    const own = kind === 'KEY' && name.startsWith('chat:');
    patterns.add((kind === 'KEY' ? '~' : '&')
                 + (own ? 'chat:*' : name.replace(/:$/, ':*')));
  }
  const line = fs.readFileSync(path.join(sources, 'redis.acl'), 'utf8');
  assert.deepEqual(line.match(/[~&]\S+/g).sort(), [...patterns].sort());
});
