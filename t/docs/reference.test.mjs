// The documents' tables against the code, both ways: variables, routes, errors,
// close codes, limits; and that all links lead somewhere. (Directives, and
// SECURITY.md, are in t/setup/docs.sh; log lines in log-lines.test.mjs; the
// figures of chat_status where the block for Prometheus runs.)

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';

import { read, root } from './lib/blocks.mjs';

const README = read('README.md');
const PROTOCOL = read('ngx_chat_module/PROTOCOL.md');
const code = (name) => read(`ngx_chat_module/${name}`);

// what is between a heading, of whatever level, and the next one
const section = (text, heading) => {
  const match = new RegExp(`^#+ ${heading}$(.*?)(?=^#|(?![^]))`, 'ms')
    .exec(text);
  assert.ok(match, heading);
  return match[1];
};

const all = (text, pattern) => [...text.matchAll(pattern)].map((m) => m[1]);
const same = (documented, coded) => {
  assert.ok(coded.length > 0, 'there are some');
  assert.deepEqual([...new Set(documented)].sort(), [...new Set(coded)].sort());
};

// of the rows of a table, what stands in ticks in the first column
const firstColumn = (text, pattern) =>
  all(text, /^\| (.*?)(?<!\\) \|/gm).flatMap((cell) => all(cell, pattern));

describe('README', () => {
  test('variables', () => same(
    firstColumn(section(README, 'Variables'), /`\$(\w+)`/g),
    all(code('http/ngx_http_chat_variables.c'),
        /^ *\{ ngx_string\("(\w+)"\), NULL/gm)));

  test('variables of chat_log', () => same(
    firstColumn(section(README, 'chat_log'), /`\$(\w+)`/g),
    all(code('ngx_http_chat_conf_log.c'),
        /^ *\{ ngx_string\("(\w+)"\), NGX/gm)));

  test('the benchmark\'s figures, where they are compared', () => {
    const cells = (text, row) => {
      const line = text.split('\n').find((l) => l.startsWith(`| ${row}`));
      return line.split('|').slice(2).map((cell) =>
        Number(/[\d.]+/.exec(cell.replace(',', ''))?.[0]));
    };
    const [, bench] = /<!-- bench:(.*?)<!-- \/bench -->/s.exec(README);
    const beside = section(README, 'Beside others');
    for (const [here, there] of [
      ['CPU for a delivery', 'CPU µs per delivery, 500 receivers, 16'],
      ['memory for an idle', 'KB per idle connection (PSS), 10,000'],
    ]) {
      const [ours, nchan, socketio, , uws] = cells(beside, here);
      const [chat, , nchanThere, uwsThere, socketioThere] = cells(bench, there);
      assert.deepEqual([ours, nchan, socketio, uws],
                       [chat, nchanThere, socketioThere, uwsThere], here);
    }
  });

  test('the picture is small', () => {
    const [file] = all(README, /!\[[^\]]*\]\((\S+)\)/g);
    assert.ok(fs.statSync(path.join(root, file)).size < 60000, file);
  });
});

describe('PROTOCOL.md', () => {
  test('routes', () => same(
    firstColumn(section(PROTOCOL, 'Routes'), /^`(?:GET |POST )?(\/[^` ?]*)/g)
      .map((route) => route.replace(/(\/rooms?\/)[^/]+/, '$1*')),
    all(code('http/ngx_http_chat_http.c'), /^ *\{ "(\/[^"]+)",/gm)));

  test('methods', () => {
    const posts = all(code('http/ngx_http_chat_http.c'),
                      /^ *\{ "(\/[^"]+)", NGX_HTTP_POST,/gm);
    same(firstColumn(section(PROTOCOL, 'Routes'), /^`POST (\/[^` ]*)/g), posts);
  });

  test('errors of acknowledgements', () => {
    const texts = ['message', 'join', 'socket'].flatMap((name) => all(
      code(`live/ngx_http_chat_${name}.c`).replace(/"\n\s*"/g, ''),
      /"([A-Z][a-z]* [a-z][^"\\%]*)"/g));
    same(all(section(PROTOCOL, 'The socket'), /^\| (`[A-Z][a-z]* .*?) \|/gm)
      .flatMap((cell) => all(cell, /`([A-Z][^`]+)`/g)), texts);
  });

  test('errors of Engine.IO', () => {
    const [, list] = /polling_errors\[\] = \{(.*?)\}/s.exec(
      code('live/ngx_http_chat_polling.c'));
    same(firstColumn(section(PROTOCOL, 'The socket'), /^\d `([^`]+)`/g),
         all(list, /"([^"]+)"/g));
  });

  test('close codes', () => {
    const files = fs.readdirSync(path.join(root, 'ngx_chat_module/live'))
      .filter((name) => name.endsWith('.c'));
    same(firstColumn(section(PROTOCOL, 'Close codes'), /^(\d+)/g), [
      ...files.flatMap((name) => all(code(`live/${name}`),
        /(?:session_close|conn_fail|conn_close)\(\w+, (\d{4}),/g)),
      ...all(code('proto/chat_ws.c'),
             /#define CHAT_WS_(?:PROTOCOL|BAD_TEXT|TOO_BIG) +(\d+)/g),
    ]);
  });

  test('limits', () => {
    const value = (file, name) => new RegExp(`#define ${name} +\\(?(\\d+)`)
      .exec(code(file))[1];
    const text = section(PROTOCOL, 'Limits');
    for (const [what, file, name] of [
      [/(\d+) levels/, 'proto/chat_json.h', 'CHAT_JSON_MAX_DEPTH'],
      [/([\d,]+) elements/, 'proto/chat_json.h', 'CHAT_JSON_MAX_ELEMENTS'],
      [/(\d+) digits/, 'proto/chat_sio.h', 'CHAT_SIO_MAX_ACK'],
      [/1 to (\d+) characters/, 'proto/chat_name.h', 'CHAT_NAME_MAX'],
      [/([\d,]+) bytes/, 'auth/ngx_http_chat_password.h',
       'NGX_HTTP_CHAT_PASSWORD_MAX'],
      [/acknowledged \| (\d+);/, 'live/ngx_http_chat_hub.h',
       'NGX_HTTP_CHAT_MAX_SENDS'],
      [/at a time \| (\d+) \|/, 'live/ngx_http_chat_hub.h',
       'NGX_HTTP_CHAT_MAX_REPLAYS'],
    ]) {
      assert.equal(what.exec(text)?.[1].replace(',', ''), value(file, name),
                   `${what}`);
    }
  });
});

// what Grafana 10 wants of a dashboard (what it asks for is tested in
// t/e2e/status.test.mjs, and in a Prometheus by dashboard.mjs)
describe('the Grafana dashboard', () => {
  const dashboard = JSON.parse(read('docker/grafana-dashboard.json'));
  const { panels, templating } = dashboard;

  test('has a name, and a version that Grafana 10 knows', () => {
    assert.ok(dashboard.title);
    assert.match(dashboard.uid, /^[\w-]{1,40}$/);
    assert.ok(dashboard.schemaVersion >= 36 && dashboard.schemaVersion <= 39);
    assert.equal(dashboard.id ?? null, null);
    assert.match(dashboard.time.from, /^now-\d+[mhd]$/);
    assert.ok(Array.isArray(dashboard.annotations.list));
  });

  test('panels: their own ids, places that don\'t overlap, targets', () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set();
    for (const { type, title, gridPos, targets, datasource } of panels) {
      assert.match(type, /^(stat|timeseries)$/, title);
      assert.ok(title && gridPos.x >= 0 && gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), title);
          taken.add(`${x} ${y}`);
        }
      }
      assert.equal(new Set(targets.map(({ refId }) => refId)).size,
                   targets.length, title);
      for (const source of [datasource, ...targets.map((t) => t.datasource)]) {
        assert.deepEqual(source, { type: 'prometheus', uid: '${datasource}' });
      }
    }
  });

  test('variables: those that it has, and no others', () => {
    const names = templating.list.map(({ name }) => name);
    const used = all(JSON.stringify(dashboard), /\$\{?(\w+)/g)
      .filter((name) => !name.startsWith('__'));
    same(used, names);
  });
});

// GitHub's anchor of a heading
const anchors = (text) => all(text, /^#+ (.*)$/gm).map((heading) =>
  heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replace(/ /g, '-'));

describe('links', () => {
  for (const name of ['README.md', 'ngx_chat_module/PROTOCOL.md',
                      'ngx_chat_module/SECURITY.md', 'docker/README.md',
                      'client/README.md', 't/bench/README.md']) {
    test(name, () => {
      const text = read(name).replace(/^```.*?^```/gms, '');
      for (const link of all(text, /\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(link)) continue;
        const [file, anchor] = link.split('#');
        const target = file ? path.join(path.dirname(name), file) : name;
        assert.ok(fs.existsSync(path.join(root, target)), link);
        if (anchor) assert.ok(anchors(read(target)).includes(anchor), link);
      }
    });
  }
});
