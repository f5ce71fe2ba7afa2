// Modules with a defect each, to see that the checker finds it.

import path from 'node:path';

import { Workshop } from '../../e2e/lib/workshop.mjs';

/*
 * name; kind: the violation that must be found; faults: what has to happen for
 * it; edits: [file below ngx_chat_module, what stands there once, what instead]
 */
const defects = [
  {
    name: 'holes are not filled from the history',
    kind: 'missing',
    faults: [300, 900, 1500, 2100].map((at) => ({ at, kind: 'drop-bus' })),
    edits: [
      ['live/ngx_http_chat_bus_room.c', 'post.prev > room->last)',
       'post.prev > room->last && 0)'],
      ['live/ngx_http_chat_repair.c', 'if (hub->heard == 0) {', 'if (1) {'],
    ],
  },
  {
    name: 'an ack is given before Redis has answered',
    kind: 'lost',
    faults: [{ at: 300, kind: 'redis-kill', ms: 700 },
             { at: 1800, kind: 'redis-kill', ms: 700 }],
    edits: [
      ['live/ngx_http_chat_message.c',
       'if (rc == NGX_AGAIN || ngx_http_chat_send_behind(s)) {',
       `ngx_str_t  early;
        ngx_str_set(&early, "{\\"ok\\":true,\\"id\\":\\"1.000000\\"}");
        ngx_http_chat_socket_ack(s, &send->ack, 1, &early);
        send->ack.len = 0;
        if (rc == NGX_AGAIN || ngx_http_chat_send_behind(s)) {`],
    ],
  },
  {
    name: 'a repeated nonce is not noticed',
    kind: 'doubled',
    faults: [300, 1000, 1700, 2400].flatMap((at) =>
      [0, 1].map((client) => ({ at, kind: 'deaf', client, ms: 400 }))),
    edits: [
      ['live/ngx_http_chat_message.c', 'append.nonce = send->nonce;', ''],
    ],
  },
];

// what all of them do: two workers, four clients who say a lot
const plan = (faults) => ({
  seed: 0, random: 1, seconds: 3, hosts: 1, workers: 2, drain: 100, users: 4,
  clients: ['websocket', 'raw', 'upgrade', 'polling'].map((kind, user) => (
    { user, kind, host: 0, roams: false, every: 40, from: null, until: null })),
  rooms: [{ type: 'general', users: [0, 1, 2, 3] },
          { type: 'private', users: [0, 1] }],
  faults,
});

let shop;

// [{name, kind, plan, dir}], dir being where the module is
export async function build() {
  shop = await Workshop.open();
  const made = [];
  for (const { name, kind, faults, edits } of defects) {
    const dir = path.dirname(await shop.make(edits));
    made.push({ name, kind, plan: plan(faults), dir });
  }
  return made;
}

export const remove = () => shop?.close();
