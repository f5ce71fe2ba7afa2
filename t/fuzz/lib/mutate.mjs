// Seeds, and what a seeded generator makes of them.

import fs from 'node:fs';

const NUMBERS = ['0', '-1', '1', '125', '126', '127', '65535', '65536',
                 '2147483648', '4294967296', '9223372036854775807',
                 '99999999999999999999', '1e999', '0x10', '+1', '1.5'];
const VALUES = ['null', 'true', '""', '[]', '{}', '[0]', '{"after":"0"}',
                '"0"'];
const LENGTHS = [1, 32, 33, 64, 65, 128, 129, 300, 5000];
const WORDS = ['\0', '\r\n', '\r\n\r\n', '\x1e', '\x1f', '%00', '%', '%zz', '..',
               '/../', '"', '\\', '\\u0000', '\\ud800', '{', '[', '}', ']', ',',
               ':', ';', '=', '&', '\xff', '\xc0\xaf', '\xed\xa0\x80',
               '\xf4\x90\x80\x80', 'b', 'b====', '['.repeat(40)];
const BYTES = [0x00, 0x01, 0x7e, 0x7f, 0x80, 0x81, 0x88, 0x89, 0xc1, 0xfe,
               0xff];
const LONGEST = 20000;                  // bytes that a mutation may lead to

const CODES = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

// an input a line, as printf's %b reads it
export function seeds(file) {
  return fs.readFileSync(file, 'latin1').split('\n').filter(Boolean)
    .map((line) => Buffer.from(line.replace(
      /\\(x[0-9a-f]{2}|[nrt\\]|0[0-7]{0,3})/gi, (_, code) =>
        CODES[code] ?? String.fromCharCode(code[0] === 'x'
          ? parseInt(code.slice(1), 16) : parseInt(code, 8) & 255)), 'latin1'));
}

const around = (data, at, length, between) => Buffer.concat([
  data.subarray(0, at), between, data.subarray(at + length)]);

const value = (random) => random.weighted([
  [3, random.pick(NUMBERS)], [3, random.pick(VALUES)],
  [3, `"${random.pick(['x', '1', '\xc3\xa9', '\\u0001']).repeat(
    random.pick(LENGTHS))}"`]]);

// another number or string, in whatever it stands, which may well stay valid
export function revalue(data, random) {
  const found = random.pick([...data.toString('latin1')
    .matchAll(/\d+|"[^"]*"/g), null]);
  return found === null ? data : around(data, found.index, found[0].length,
    Buffer.from(value(random), 'latin1'));
}

// one change; random is fault/lib/random.mjs's, data may be taken from others
function change(data, random, others) {
  const at = random.int(0, data.length);
  const length = Math.min(random.weighted([[6, random.int(1, 4)],
                                           [2, random.int(1, 64)]]),
                          data.length - at);
  const part = data.subarray(at, at + length);

  switch (random.int(0, 9)) {
    case 0:
      if (length) {
        data = Buffer.from(data);
        data[at] ^= 1 << random.int(0, 7);
      }
      return data;
    case 1:
      return around(data, at, Math.min(length, 1),
                    Buffer.from([random.pick(BYTES)]));
    case 2:
      return around(data, at, length, Buffer.alloc(0));
    case 3:
      return around(data, at, 0, part);
    case 4:
      return around(data, at, 0, Buffer.concat(
        Array(random.pick([2, 10, 100, 1000])).fill(part)));
    case 5:
      return around(data, at, random.chance(0.5) ? length : 0,
                    Buffer.from(random.pick(WORDS), 'latin1'));
    case 6:
      return revalue(data, random);
    case 7: {
      const other = random.pick(others);
      return Buffer.concat([data.subarray(0, at),
                            other.subarray(random.int(0, other.length))]);
    }
    case 8:
      return data.subarray(0, at);
    default: {
      // a line, twice, or gone
      const lines = data.toString('latin1').split('\r\n');
      const line = random.int(0, lines.length - 1);
      if (random.chance(0.5)) lines.splice(line, 1);
      else lines.splice(random.int(0, lines.length), 0, lines[line]);
      return Buffer.from(lines.join('\r\n'), 'latin1');
    }
  }
}

export function mutate(data, random, others) {
  let count = random.weighted([[3, 0], [4, 1], [3, random.int(2, 6)]]);
  while (count--) {
    data = change(data, random, others).subarray(0, LONGEST);
  }
  return data;
}
