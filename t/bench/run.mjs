// For now: fan-out to 500 of this module and of the floors.
import { load } from './lib/process.mjs';
import { startChat, startFloor } from './lib/servers.mjs';

const CHAT_FRAME = 101;     // what a chat message is longer than its text

async function fan(server, options) {
  const size = server.sio ? 64 : 64 + CHAT_FRAME;
  return load('fan', { port: server.port, path: server.path, sio: server.sio,
                       users: 1000, size, server: server.pids().join(),
                       redis: server.redisPid, ...options });
}
for (const w of (process.argv[2] ?? '1,16,64').split(',')) {
for (const starter of [() => startFloor('each'), () => startFloor('turn'), startChat, () => startFloor('turn')]) {
  const server = await starter();
  for (const window of [w]) {
  const r = await fan(server, { clients: 500, senders: 10, window, seconds: 2 });
  console.log(server.name, 'window', window, 'us', r.server_us, 'user', r.server_user, '/s', Math.round(r.deliveries_per_s), 'server', r.server_share, 'load', r.load_share, 'redis/msg', r.redis_us_per_message, 'per read', r.deliveries_per_read, 'p99', r.p99_us, 'connect', r.connect_server_us, r.connect_notes, 'pss', r.pss_bytes);
  }
  await server.stop();
}
}
