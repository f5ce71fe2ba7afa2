// One run of one seed, in a process of its own; main.mjs starts it. Prints
// JSON: {violations: [{kind, text}...], stats, dir}.

import fs from 'node:fs';

import { check } from './lib/check.mjs';
import { play } from './lib/run.mjs';
import { schedule } from './lib/schedule.mjs';

const { seed, ...options } = JSON.parse(process.argv[2]);
const plan = schedule(seed, options);
const { record, dir } = await play(plan);
const violations = check(record);

const sum = (list) => list.reduce((a, b) => a + b, 0);
const stats = `${plan.hosts} host${plan.hosts > 1 ? 's' : ''} of ${plan.workers
} worker${plan.workers > 1 ? 's' : ''}, ${plan.clients.length} clients, ${
  record.sends.length} messages, ${
  sum(record.sends.map(({ tries }) => tries - 1).filter((n) => n > 0))
} tried again, ${sum(record.clients.flatMap(({ rooms }) =>
  Object.values(rooms).map(({ events }) => events.length)))} received, ${
  plan.faults.length} faults`;

if (!violations.length && !process.env.CHAT_E2E_KEEP) {
  fs.rmSync(dir, { recursive: true, force: true });
}
process.stdout.write(`${JSON.stringify({ violations, stats, dir })}\n`,
                     () => process.exit(0));
