// One run, in a process of its own, which main.mjs starts with {seed, seconds}
// or {plan} as JSON. Prints JSON: {violations: [{kind, text}...], stats, dir};
// dir is there if there are violations.

import fs from 'node:fs';

import { check } from './lib/check.mjs';
import { play } from './lib/run.mjs';
import { schedule } from './lib/schedule.mjs';

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(1));
}

const { seed, seconds, plan = schedule(seed, seconds) }
    = JSON.parse(process.argv[2]);
const { record, dir } = await play(plan);
const violations = check(record);

const sum = (list) => list.reduce((a, b) => a + b, 0);
const many = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;
const stats = [
  `${many(plan.hosts, 'host')} of ${many(plan.workers, 'worker')}`,
  `${plan.clients.length} clients`, `${record.sends.length} messages`,
  `${sum(record.sends.map(({ tries }) => Math.max(0, tries - 1)))} tried again`,
  `${sum(record.clients.flatMap(({ rooms }) =>
    Object.values(rooms).map(({ events }) => events.length)))} received`,
  `${plan.faults.length} faults`,
].join(', ');

if (!violations.length && !process.env.CHAT_E2E_KEEP) {
  fs.rmSync(dir, { recursive: true, force: true });
}
process.stdout.write(`${JSON.stringify({ violations, stats, dir })}\n`,
                     () => process.exit(0));
