// Runs tables of cases against WebSocket connections: bytes to send, and all
// that the server must say to them, in its order, up to the end.

import assert from 'node:assert/strict';

import { sleep } from './server.mjs';
import { OP, RawWebSocket } from './websocket.mjs';

const PARALLEL = 24;                    // connections at a time
const PAUSE = 3;                        // ms, so that a read ends

// what a frame is in a table: 'ack 1', 'pong x', 'close 1002'; undefined for
// news of other users
export function word({ opcode, payload }) {
  const text = payload.toString();
  if (opcode === OP.pong) return `pong ${payload.toString('latin1')}`;
  if (opcode === OP.close) {
    return payload.length ? `close ${payload.readUInt16BE(0)}` : 'close';
  }
  if (/^42\["(user\.|message")/.test(text)) return undefined;
  const ack = /^43(\d+)\[/.exec(text);
  return ack ? `ack ${ack[1]}` : `${opcode} ${text}`;
}

/*
 * How the bytes are cut into writes. A write of its own is not always a read of
 * its own, but mostly: there is a pause behind it.
 */
export const CUTS = {
  'at once': (frames) => [Buffer.concat(frames)],
  'by frames': (frames) => frames,
  'by octets': (frames) => [...Buffer.concat(frames)].map((octet) =>
    Buffer.of(octet)),
};

export async function write(ws, parts) {
  for (const [i, part] of parts.entries()) {
    if (ws.closed || ws.ended) return;
    ws.write(part);
    if (i === parts.length - 1) return;
    if (part.length > 1) await sleep(PAUSE);
    else await new Promise((done) => setImmediate(done));
  }
}

// the words of all frames until the server ends the connection
export async function answers(ws, ms = 15000) {
  await ws.gone(ms);
  return ws.frames.map(word).filter(Boolean);
}

// work(item) for all items, so many at a time; fails with all that failed
export async function each(items, work, describe = (item) => item) {
  const failed = [];
  const left = [...items];
  await Promise.all(Array.from({ length: PARALLEL }, async () => {
    while (left.length) {
      const item = left.shift();
      await work(item).catch((error) => {
        failed.push(`${describe(item)}: ${error.message}`);
      });
    }
  }));
  assert.ok(failed.length === 0, `${failed.length} of ${items.length}:\n${
    failed.slice(0, 10).join('\n')}`);
}

/*
 * Cases: [id, frames, answers]. Each is run with a connection of its own for
 * each way to cut it; long ones are not cut into octets. options are those of
 * RawWebSocket.
 */
export async function run(session, cases, cuts = Object.keys(CUTS),
                          options = {}) {
  const all = cases.flatMap(([id, frames, want]) => cuts
    .filter((cut) => cut !== 'by octets' || Buffer.concat(frames).length < 3000)
    .map((cut) => ({ id, frames, want, cut })));
  await each(all, async ({ frames, want, cut }) => {
    // a close of the client's own is in the table
    const ws = await RawWebSocket.connect(session, { rude: true, ...options });
    await write(ws, CUTS[cut](frames));
    assert.deepEqual(await answers(ws), want);
    assert.ok(!ws.error || want.at(-1) !== 'close 1000', 'a reset');
  }, ({ id, cut }) => `${id} ${cut}`);
}
