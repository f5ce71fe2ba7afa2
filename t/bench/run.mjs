// run [--quick] [--readme] [SECTION...]: measures, prints a table, and with
// --readme puts it into the project's README.

import fs from 'node:fs';
import path from 'node:path';

import { scales, sections } from './lib/sections.mjs';
import { putIn, table, versions } from './lib/table.mjs';

const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));
const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const wrong = [...flags.filter((flag) => !['--quick', '--readme']
  .includes(flag)), ...names.filter((name) => !sections[name])];

if (wrong.length) {
  console.error(`bench: no ${wrong.join(', ')}; there are --quick, --readme, ${
    Object.keys(sections).join(', ')}`);
  process.exit(2);
}

const quick = flags.includes('--quick');
const scale = quick ? scales.quick : scales.full;
const chosen = names.length ? names : Object.keys(sections);
const rows = [];
const here = import.meta.dirname;

for (const name of chosen) {
  const since = Date.now();
  process.stderr.write(`bench: ${name} ... `);
  rows.push(...await sections[name](scale));
  process.stderr.write(`${Math.round((Date.now() - since) / 1000)} s\n`);
}

const lock = JSON.parse(fs.readFileSync(path.join(here, 'package-lock.json')));
const text = `${table(rows)}\n\n${quick ? 'A quick run of ' : ''}${
  versions(lock)}`;

console.log(text);
if (flags.includes('--readme')) putIn(path.join(here, '../../README.md'), text);
process.exit(0);
