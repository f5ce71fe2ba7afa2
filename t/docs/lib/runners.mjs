// What runs a block, by what it is: the first of these that match. A runner
// throws if the block doesn't do what it should.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { redisLogin, RedisServer, until } from '../../e2e/lib/server.mjs';
import { blocks, commands, read, root } from './blocks.mjs';
import { inBrowser, inNode, inPython, inShell } from './examples.mjs';
import { isolated, Program, result, temporary } from './sandbox.mjs';

const MODULE = process.env.CHAT_MODULE
    ?? path.join(root, '.build/normal/objs/ngx_http_chat_module.so');

const has = (...texts) => (block) =>
  texts.every((text) => block.text.includes(text));
const lang = (name, ...texts) => (block) =>
  block.lang === name && has(...texts)(block);

// -- nginx: in a frame that fits where it belongs

const split = (text, pattern) => {
  const [lines, rest] = [[], []];
  for (const line of text.split('\n')) {
    (pattern.test(line) ? lines : rest).push(line);
  }
  return [lines.join('\n'), rest.join('\n')];
};

function framed(text, dir) {
  if (/^http \{/m.test(text)) return text;
  const [main, rest] = split(text, /^load_module /);
  const inner = /^server \{/m.test(rest) ? rest
    : `server { listen 127.0.0.1:80; ${rest} }`;
  return `
${main || `load_module ${MODULE};`}
events { }
http {
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) =>
    `${name}_temp_path ${dir}/${name};`).join('\n  ')}
  ${inner}
}`;
}

// with the files that a site has of its own
async function nginxTakes(block, what = framed) {
  const dir = temporary();
  try {
    await result('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
      'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost',
      '-keyout', `${dir}/key`, '-out', `${dir}/pem`]);
    const text = what(block.text, dir)
      .replace('modules/ngx_http_chat_module.so', MODULE)
      .replace(/include mime.types/, 'include /etc/nginx/mime.types')
      .replace(/\/etc\/ssl\/\S*\.pem/, `${dir}/pem`)
      .replace(/\/etc\/ssl\/\S*\.key/, `${dir}/key`);
    fs.writeFileSync(`${dir}/nginx.conf`, text);
    const [status, output] = await result(...isolated(
      `nginx -t -e stderr -p ${dir} -c ${dir}/nginx.conf`,
      ['/var/lib/nginx']));
    assert.equal(status, 0, output);
    assert.doesNotMatch(output, /\[(warn|error|crit|alert|emerg)\]/);
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

// the default of chat_log, printed in more than one line
async function logFormat(block) {
  const format = block.lines.join(' ');
  const code = read('ngx_chat_module/ngx_http_chat_conf_log.c')
    .replace(/"\n\s*"/g, '').replace(/\\"/g, '"');
  assert.ok(code.includes(`"${format}"`), 'it is the default in the code');
  await nginxTakes(block, (_, dir) =>
    framed(`location / { chat on; chat_log ${dir}/log '${format}'; }`, dir));
}

// -- ./chat

// "./chat run" in a network where its port is free, without the state, and
// without the /run, of somebody's real one; the others by what names them
async function chatItself(block) {
  const [, help] = await result('./chat', ['help'], { cwd: root });
  for (const line of commands(block)) {
    const [program, name] = line.split(' ');
    assert.equal(program, './chat');
    assert.match(help, new RegExp(`^  ${name}\\b`, 'm'), line);
  }
  const ci = read('.ci/run');
  for (const line of ['./chat test', './chat matrix']) {
    assert.ok(commands(block).includes(line), line);
    assert.match(ci, new RegExp(`^\\s*${line}\\b`, 'm'), `CI runs ${line}`);
  }
  assert.ok(commands(block).includes('./chat run'));
  const inside = (script) => isolated(script, [`${root}/.state`, '/run']);
  const chat = new Program(...inside(`
    ./chat run & chat=$!
    trap 'kill -INT $chat; wait $chat; exit $?' TERM
    until curl -sf http://127.0.0.1:8080/ | grep -q '<title>'; do
        kill -0 $chat || exit
        sleep 0.1
    done
    echo 'the client is served'
    wait $chat`), { cwd: root });
  try {
    const all = [/^The chat is at http:\/\/127.0.0.1:8080\/$/m,
                 /^the client is served$/m];
    await until(() => all.every((line) => line.test(chat.output))
                      || !chat.running, 'the chat runs', 60000)
      .catch((error) => assert.fail(`${error.message}:\n${chat.output}`));
    all.forEach((line) => assert.match(chat.output, line));
  } finally {
    await chat.end();
  }
}

// -- what needs a Debian of its own: the suite "package" runs it

// each line as it is here stands in these files, or is run here
const inSuite = (files, here = []) => async (block) => {
  const lines = files.flatMap((file) =>
    read(file).split('\n').map((line) => line.trim()));
  for (const command of commands(block)) {
    if (here.includes(command)) {
      const [status, output] = await result('bash', ['-c', command],
                                            { cwd: root, timeout: 300000 });
      assert.equal(status, 0, output);
    } else {
      assert.ok(lines.includes(command), `${files.join(' or ')} runs "${
        command}"`);
    }
  }
};

// the suite takes the block from the document itself
const takenBy = (file, text) => async (block) => {
  assert.ok(read(file).includes(`block README.md '${text}'`),
            `${file} takes the block with ${text}`);
  const same = blocks(block.file).filter(has(text));
  assert.equal(same.length, 1, `one block has ${text}`);
};

// what t/package/hardened does is what the unit says
async function unit({ lines }) {
  const hardened = read('t/package/hardened');
  const [section, ...settings] = lines;
  assert.equal(section, '[Service]');
  const values = {};
  for (const line of settings) {
    const [, name, value] = /^([A-Za-z]+)=(.*)$/.exec(line)
        ?? assert.fail(`no setting: ${line}`);
    values[name] = value;
  }
  const names = values.CapabilityBoundingSet.split(' ')
    .map((name) => name.replace('CAP_', '').toLowerCase());
  assert.ok(hardened.includes(
    ` --bounding-set=-all,${names.map((name) => `+${name}`)} `));
  assert.equal(values.NoNewPrivileges, 'yes');
  assert.match(hardened, /--no-new-privs/);
  assert.equal(values.ProtectSystem, 'strict');
  assert.match(hardened, /for dir in \/usr \/etc \/var; do/);
  const written = values.ReadWritePaths.split(' ');
  assert.ok(hardened.includes(
    `for dir in ${written.filter((dir) => dir !== '/run').join(' ')}; do`));
  assert.match(hardened, /tmpfs/);
  assert.equal(values.PrivateTmp, 'yes');
  assert.equal(values.ProtectHome, 'yes');
  const stop = values.ExecStop.replace(/^-/, '').split(' ');
  assert.ok(fs.existsSync(stop[0]), stop[0]);
}

// -- Redis

// the file that all blocks of this kind make together
async function redisConf(block) {
  const dir = temporary();
  const socket = `${dir}/redis.sock`;
  const text = blocks(block.file).filter((other) => isRedisConf(other))
    .map((other) => other.text).join('')
    .replace('/run/redis/redis.sock', socket);
  fs.writeFileSync(`${dir}/redis.conf`, `dir ${dir}\n${text}`);
  const redis = new Program('redis-server', [`${dir}/redis.conf`]);
  const ask = async (...args) =>
    (await result('redis-cli', ['--no-auth-warning', '-s', socket, ...args]))[1]
      .trim();
  try {
    await until(() => fs.existsSync(socket) || !redis.running, 'Redis', 10000);
    const [user, password] = redisLogin.split(':');
    const login = ['--user', user, '--pass', password];
    assert.match(await ask('ping'), /^NOAUTH/, redis.output);
    assert.equal(await ask(...login, 'set', 'chat:docs', 'x'), 'OK');
    assert.match(await ask(...login, 'set', 'other', 'x'), /^NOPERM/);
    assert.match(await ask(...login, 'flushall'), /^NOPERM/);
  } finally {
    await redis.end();
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

const isRedisConf = (block) => block.lang === ''
  && /^(user chat on|port 0|maxmemory|requirepass)/.test(block.text);

// The commands for Debian's Redis, as typed, in a Debian that has only these
// folders and what stands for systemctl. `before` and `after` are commands that
// prepare and look.
async function redisShell(block, before, after) {
  const dir = temporary();
  // (a copy waits for others who may want one, 5 seconds)
  fs.writeFileSync(`${dir}/redis.conf`, `${
    fs.readFileSync('/etc/redis/redis.conf')}\nrepl-diskless-sync-delay 0\n`);
  const [status, output] = await result(...isolated(`
    cat >${dir}/systemctl <<'END'
#!/bin/bash
for unit in "\${@:2}"; do
    case $1-$unit in
    start-redis-server)
        setpriv --reuid redis --regid redis --clear-groups redis-server \\
            /etc/redis/redis.conf --daemonize yes --logfile ${dir}/log
        until redis-cli ping >/dev/null 2>&1; do sleep 0.05; done ;;
    stop-redis-server)
        # refused while it begins its append-only file
        while redis-cli ping >/dev/null 2>&1; do
            redis-cli shutdown || sleep 0.05
        done ;;
    *-nginx) ;;
    *) exit 1 ;;
    esac
done
END
    chmod 755 ${dir} ${dir}/systemctl
    touch ${dir}/log && chmod 666 ${dir}/log
    export PATH=${dir}:$PATH
    cp ${dir}/redis.conf /etc/redis/
    mkdir -p /run/redis /var/lib/redis
    chown redis: /run/redis /var/lib/redis /etc/redis /etc/redis/redis.conf
    trap 'redis-cli shutdown nosave' EXIT
    set -e
    systemctl start redis-server
    ${before}
    ${block.text}
    ${after}`, ['/etc/redis', '/var/lib', '/var/backups', '/run']));
  fs.rmSync(dir, { recursive: true, force: true });
  assert.equal(status, 0, output);
}

const KEPT = `
    systemctl stop redis-server
    systemctl start redis-server
    test "$(redis-cli get said)" = before`;

const backupOf = (block) =>
  blocks(block.file).find(has('redis-cli --rdb')).text;

// -- Prometheus: what it is told to ask for is there, and its own tool agrees

async function prometheus(block, server) {
  const value = (pattern) => pattern.exec(block.text)?.[1]
      ?? assert.fail(`no ${pattern}`);
  const where = value(/metrics_path: (\S+)/);
  const format = value(/format: \[(\S+)\]/);
  assert.match(value(/targets: \['(\S+)'\]/), /^[\w.-]+:\d+$/);
  const reply = await fetch(`${server.origin}${where}?format=${format}`);
  assert.equal(reply.status, 200);
  const [, table] = /^### chat_status$(.*?)^### /ms.exec(read('README.md'));
  const names = table.match(/^\| `.*? \|/gm).flatMap((cell) =>
    [...cell.matchAll(/`(\w+)[`{]/g)].map(([, name]) => `nginx_chat_${name}`));
  const types = [...(await reply.text()).matchAll(/^# TYPE (\w+)/gm)];
  assert.deepEqual(types.map(([, name]) => name).sort(), names.sort());
  const dir = temporary();
  fs.writeFileSync(`${dir}/prometheus.yml`, block.text);
  const [status, output] = await result('sh', ['-c',
    `! command -v promtool || promtool check config ${dir}/prometheus.yml`]);
  fs.rmSync(dir, { recursive: true, force: true });
  assert.equal(status, 0, output);
}

// -- an event stream: the same fields as a real one

async function eventStream(block) {
  const shape = (text) => text.trim().split('\n').map((line) => {
    const [, name, value] = /^(\w+): (.*)$/.exec(line);
    return [name, name === 'data' ? Object.entries(JSON.parse(value))
      .map(([key, of]) => [key, typeof of]) : /^[\d.]+$/.test(value)];
  });
  // the example's own message has its nonce besides
  assert.deepEqual(shape(block.text),
                   shape(inShell.event().replace(/,"nonce":"[^"]*"/, '')));
}

// -- the table

export const RUNNERS = [
  ['./chat', lang('sh', './chat run'), chatItself],
  ['the package', lang('sh', 'dpkg-buildpackage'),
   inSuite(['t/package/build', 't/package/use'], ['./chat build client'])],
  ['the sample site', lang('sh', 'chat-site.conf'),
   inSuite(['debian/tests/chat'])],
  ['built by hand', lang('sh', 'nginx-for-chat'),
   takenBy('t/package/source', 'nginx-for-chat')],
  ['another nginx', lang('sh', '/path/to/this/folder'),
   takenBy('t/package/source', '/path/to/this/folder')],
  ['nginx', lang('nginx'), (block) => nginxTakes(block)],
  ['chat_log', has('$remote_addr - $chat_user'), logFormat],
  ['systemd', lang('ini', '[Service]'), unit],
  ['Redis', isRedisConf, redisConf],
  ['restore', lang('sh', 'dump.rdb'), (block) => redisShell(block,
    `redis-cli config set appendonly yes
     redis-cli set said before
     ${backupOf(block)}
     redis-cli set said after`,
    `test "$(redis-cli get said)" = before
     ${KEPT}`)],
  ['backup', lang('sh', 'redis-cli --rdb'), (block) => redisShell(block,
    'redis-cli set said before',
    'test "$(head -c 5 /var/backups/chat.rdb)" = REDIS')],
  ['append-only file', lang('sh', 'appendonly yes'), (block) => redisShell(
    block, 'redis-cli set said before',
    `grep -x 'appendonly yes' /etc/redis/redis.conf
     ${KEPT}`)],
  ['Prometheus', lang('yaml', 'scrape_configs'), prometheus],
  ['an event stream', has('event: message'), eventStream],
  ['curl', lang('sh', 'curl ', '/socket.io/'), inShell],
  ['a browser', lang('js', "'./socket.io.esm.min.js'"), inBrowser],
  ['Node', lang('js', "from 'node:"), inNode],
  ['Python', lang('python'), inPython],
];
