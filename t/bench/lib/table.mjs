// The table in Markdown, and where it goes in the README.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';

const COLUMNS = {
  figure: 'figure', chat: 'this module', floor: 'floor', nchan: 'nchan',
  uws: 'uWebSockets.js', socketio: 'Socket.IO', note: '',
};

export function table(rows) {
  const keys = Object.keys(COLUMNS);
  const line = (values) => `| ${values.join(' | ')} |`;
  return [
    line(keys.map((key) => COLUMNS[key])),
    line(keys.map((key) =>
      (['figure', 'note'].includes(key) ? '---' : '---:'))),
    ...rows.map((row) => line(keys.map((key) =>
      row[key] ?? (key === 'note' ? '' : '–')))),
  ].join('\n');
}

function said(command, args, pattern) {
  try {
    const out = execFileSync(command, args,
                             { encoding: 'utf8',
                               stdio: ['ignore', 'pipe', 'ignore'] });
    return pattern.exec(out)?.[1] ?? '?';
  } catch {
    return '?';
  }
}

const debian = (name) => said('dpkg-query', ['-Wf', '${Version}', name],
                              /^(?:\d+:)?([^-+]+)/);

export function versions(packages) {
  const npm = (name) => packages.packages[`node_modules/${name}`].version;
  const cpu = /model name\s*:\s*(.*)/.exec(
    fs.readFileSync('/proc/cpuinfo', 'utf8'))[1];
  return `${new Date().toISOString().slice(0, 10)}, Linux ${
    os.release().split('-')[0]} on ${os.cpus().length} cores of ${cpu}; nginx ${
    debian('nginx')}, Redis ${debian('redis-server')}, nchan ${
    debian('libnginx-mod-nchan')}, Lua module ${
    debian('libnginx-mod-http-lua')}, Node ${
    process.versions.node} with uWebSockets.js of uwebsockets ${
    npm('uwebsockets')}, Socket.IO ${npm('socket.io')}, Express ${
    npm('express')}.`;
}

const MARKS = ['<!-- bench: written by ./chat bench --readme -->',
               '<!-- /bench -->'];

export function putIn(file, text) {
  const old = fs.readFileSync(file, 'utf8');
  const from = old.indexOf(MARKS[0]);
  const to = old.indexOf(MARKS[1]);
  if (from < 0 || to < from) throw new Error(`${file} has no place for it`);
  fs.writeFileSync(file, `${old.slice(0, from + MARKS[0].length)}\n\n${
    text}\n\n${old.slice(to)}`);
}
