// The lines that the module writes to nginx's log, from its code.

import fs from 'node:fs';
import path from 'node:path';

// calls that log, and which of their arguments are the level and the format; of
// the last one nginx chooses the level, "info" for what clients cause
const CALLS = {
  ngx_log_error: [0, 3], ngx_conf_log_error: [0, 3],
  ngx_connection_error: [undefined, 2],
};

const CALL = new RegExp(`\\b(${Object.keys(CALLS).join('|')})\\s*\\(`, 'g');

const LEVELS = { ERR: 'error' };

// what nginx puts into a format by a macro
const MACROS = {
  ngx_open_file_n: 'open()', ngx_read_file_n: 'read()',
  ngx_write_fd_n: 'write()', ngx_fd_info_n: 'fstat()',
};

export function sources(folder) {
  return fs.readdirSync(folder, { recursive: true })
    .filter((name) => /\.[ch]$/.test(name)).sort()
    .map((name) => path.join(folder, name));
}

// the arguments of the call whose opening parenthesis is at `start`
function argumentsAt(code, start) {
  const all = [''];
  let depth = 0;
  for (let i = start; i < code.length; i++) {
    const c = code[i];
    if (c === '"' || c === "'") {
      const end = /(?:[^\\]|\\.)*?/s;
      const text = new RegExp(c + end.source + c, 'sy');
      text.lastIndex = i;
      const [found] = text.exec(code);
      all[all.length - 1] += found;
      i += found.length - 1;
      continue;
    }
    if (c === '(' && ++depth === 1) continue;
    if (c === ')' && --depth === 0) return all.map((a) => a.trim());
    if (c === ',' && depth === 1) all.push('');
    else all[all.length - 1] += c;
  }
  throw new Error('a call without an end');
}

// the strings that the module's own macros stand for: {name: '"text"'}
function ownMacros(codes) {
  const define = /^#define[ \t]+(\w+)[ \t]+\\?\s*("(?:[^"\\]|\\.)*")$/gm;
  return Object.fromEntries(codes.flatMap((code) =>
    [...code.matchAll(define)].map(([, name, value]) => [name, value])));
}

// a format as an admin sees the line, with … for what differs
function text(format, macros, where) {
  const parts = format.match(/"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*/g) ?? [];
  const line = parts.map((part) => {
    if (part.startsWith('"')) return part.slice(1, -1);
    if (part in MACROS) return MACROS[part];
    if (part in macros) return macros[part].slice(1, -1);
    throw new Error(`${where}: no text of ${part}`);
  }).join('');
  return line.replace(/\\(.)/g, '$1')
    .replace(/%\*?[0-9.]*[uxX]*[a-zA-Z]/g, '…');
}

// [{level, line, where}], level as in the log: "warn" and so on
export function logLines(folder) {
  const files = sources(folder).map((file) => [
    file, fs.readFileSync(file, 'utf8')
      .replace(/\/\*.*?\*\//gs, (comment) => comment.replace(/[^\n]/g, ' ')),
  ]);
  const macros = ownMacros(files.map(([, code]) => code));
  const lines = [];
  for (const [file, code] of files) {
    const where = (index) => `${path.relative(folder, file)}:${
      code.slice(0, index).split('\n').length}`;
    for (const match of code.matchAll(CALL)) {
      const at = where(match.index);
      const args = argumentsAt(code, match.index + match[1].length);
      const [level = 'NGX_LOG_INFO', format]
          = CALLS[match[1]].map((i) => args[i]);
      const name = /^NGX_LOG_([A-Z]+)$/.exec(level)?.[1]
          ?? (() => { throw new Error(`${at}: what level is ${level}?`); })();
      lines.push({ level: LEVELS[name] ?? name.toLowerCase(),
                   line: text(format, macros, at), where: at });
    }
    // what a directive's handler says is wrong, after the directive's name
    for (const match of code.matchAll(/\breturn ("(?:[^"\\]|\\.)+");/g)) {
      if (!/(^|\/)ngx_http_chat_conf\w*\.c$/.test(file)) continue;
      lines.push({ level: 'emerg', where: where(match.index),
                   line: `"…" directive ${text(match[1], macros)}` });
    }
  }
  return lines;
}
