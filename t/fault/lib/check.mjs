// The history checker: what the clients did and saw against what Redis has.
//
// A record is
//   rooms    {id: {members: [user id...]}}
//   history  {room id: [{id, score, from, text}...]}, in the order of Redis
//   sends    [{client, user, room, text, allowed, acks: [{id}...],
//              refusals: [{retry, error}...]}]; a text is sent by one client
//            as one message only, however often it is tried again; to the end,
//            unless the client has left
//   clients  [{name, user, stays, rooms: {id: {start, gaps, events: [{id,
//              from, text, seam}...]}}}]: start is the position in the room
//            from which on the client has to have everything (null: it has
//            never joined), stays whether it was there at the end; gaps
//            counts the server's "you have missed something"; seam marks what
//            came on a new connection before its join was answered
//   online   {expected: [user id...], seen: [[user id...]...], left: [...]}:
//            who is connected at the end, what the servers say, and whom they
//            still have after all have gone
//   log      lines of the servers' logs that should not be there
//
// and the result a list of {kind, text}; an empty one means that all is well.

// a position as a number that can be compared
export const micros = (id) => {
  const [, seconds, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(id) ?? [];
  return seconds === undefined ? null
    : BigInt(seconds) * 1000000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
};

// what is shown of a message's text
const brief = (text) => text.slice(0, 40);

const few = (list) => list.slice(0, 4).join(', ')
    + (list.length > 4 ? `, ... (${list.length})` : '');

export function check(record) {
  const violations = [];
  const say = (kind, text) => violations.push({ kind, text });

  for (const [room, entries] of Object.entries(record.history)) {
    checkHistory(room, entries, say);
  }
  checkSends(record, say);
  record.clients.forEach((client) => checkClient(record, client, say));
  checkPresence(record.online, say);
  record.log.forEach((line) => say('log', line));

  return violations;
}

// positions grow, and no message is there twice
function checkHistory(room, entries, say) {
  const texts = new Set();
  let last = null;

  for (const { id, score, text } of entries) {
    const at = micros(id);
    if (at === null || Math.abs(Number(at) / 1e6 - Number(score)) > 1e-6) {
      say('position', `${room}: ${id} has the score ${score}`);
    }
    if (last !== null && at !== null && at <= last) {
      say('position', `${room}: ${id} stands behind ${last}`);
    }
    if (texts.has(text)) say('doubled', `${room}: twice ${brief(text)}`);
    texts.add(text);
    last = at ?? last;
  }
}

function checkSends(record, say) {
  const known = new Map(record.sends.map((send) => [send.text, send]));
  const left = new Set(record.clients.filter(({ stays }) => !stays)
    .map(({ name }) => name));

  for (const [room, entries] of Object.entries(record.history)) {
    for (const { text, from } of entries) {
      const send = known.get(text);
      if (!send || send.room !== room || send.user !== from) {
        say('alien', `${room}: ${brief(text)} by ${from} was never sent`);
      }
    }
  }

  for (const send of record.sends) {
    const stored = (record.history[send.room] ?? [])
      .filter((entry) => entry.text === send.text);
    const what = `${send.room}: ${brief(send.text)}`;

    for (const { id } of send.acks) {
      if (!stored.length) {
        say('lost', `${what} was acknowledged as ${id}, but isn't there`);
      } else if (!stored.some((entry) => entry.id === id)) {
        say('ack', `${what} was acknowledged as ${id}, is ${stored[0].id}`);
      }
    }

    const refused = send.refusals.find(({ retry }) => !retry);

    if (!send.allowed) {
      if (stored.length || send.acks.length) {
        say('allowed', `${what} by ${send.user} should have been refused`);
      } else if (!refused && !left.has(send.client)) {
        say('unanswered', `${what} was not refused`);
      }
    } else if (refused) {
      say('refused', `${what} by ${send.user}: ${refused.error}`);
    } else if (!send.acks.length && !left.has(send.client)) {
      say('unanswered', `${what} has no ack`);
    }
  }
}

function checkClient(record, client, say) {
  for (const [room, { start, gaps, events }] of Object.entries(client.rooms)) {
    const where = `${client.name} in ${room}`;

    if (!record.rooms[room]?.members.includes(client.user)) {
      say('foreign', `${where}: not a member, got `
                     + few(events.map(({ id }) => id)));
      continue;
    }
    if (gaps) say('gap', `${where}: told ${gaps} times of a gap`);
    checkOrder(record.history[room] ?? [], client, where, start, events, say);
  }
}

// what was received is a piece of the history, and goes up to its end
function checkOrder(entries, client, where, start, events, say) {
  const index = new Map(entries.map(({ id }, i) => [id, i]));
  const seen = new Set();
  let max = -1;

  for (const { id, text, from, seam } of events) {
    const i = index.get(id);
    const at = seam ? `${id} at the seam` : id;

    if (i === undefined) {
      say('phantom', `${where}: ${id} ${brief(text)} is not in the history`);
      continue;
    }
    if (entries[i].text !== text || entries[i].from !== from) {
      say('altered', `${where}: ${id} is not what is stored`);
    }
    if (seen.has(i)) {
      say('repeated', `${where}: ${at} came again`);
    } else if (i < max) {
      say('reordered', `${where}: ${at} came after ${entries[max].id}`);
    }
    seen.add(i);
    max = Math.max(max, i);
  }

  if (start === null) {
    if (client.stays) say('absent', `${where}: never joined`);
    return;
  }

  let first = entries.findIndex(({ id }) => micros(id) > micros(start));
  if (first < 0) first = entries.length;
  seen.forEach((i) => { first = Math.min(first, i); });
  const end = client.stays ? entries.length : max + 1;
  const missing = [];
  for (let i = first; i < end; i++) {
    if (!seen.has(i)) missing.push(entries[i].id);
  }
  if (missing.length) {
    say('missing', `${where}: ${few(missing)} of ${end - first} from ${
      entries[first].id} on`);
  }
}

function checkPresence({ expected, seen, left }, say) {
  const text = (list) => [...list].sort((a, b) => a - b).join(' ');

  seen.forEach((ids) => {
    if (text(ids) !== text(expected)) {
      say('presence', `online are ${text(expected)}, the server says ${
        text(ids)}`);
    }
  });
  if (left.length) say('ghost', `all have gone, still there: ${text(left)}`);
}
