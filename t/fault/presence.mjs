// A worker is killed with many users online, who don't come back: how long
// until nobody is wrong about who is online. Argument: {users}, as JSON; prints
// {problems, took}.

import { seedUsers } from '../e2e/lib/data.mjs';
import { Session, WorkerAgent, openOn } from '../e2e/lib/http.mjs';
import { NO_RATE, sleep, start, until } from '../e2e/lib/server.mjs';
import { RawWebSocket } from '../e2e/lib/websocket.mjs';

const LIMIT = 10000;

const { users } = JSON.parse(process.argv[2]);
const problems = [];
let took = 0;

const server = await start({ workers: 3, chat: NO_RATE });

try {
  const names = Array.from({ length: users }, (_, i) => `user${i}`);
  await seedUsers(server.redis.client, names);
  const [victim, other] = server.workerPids();
  const sockets = [];
  const on = new Map([[victim, []], [other, []]]);

  // half of them at the worker that dies, and some of those at another as well
  for (const [i, name] of names.entries()) {
    const session = new Session(server);
    await session.logIn(name);
    const pids = i % 2 ? [other] : i % 10 ? [victim] : [victim, other];
    for (const pid of pids) {
      sockets.push(await RawWebSocket.connect(session, {
        socket: await openOn(server, pid) }));
      on.get(pid).push(session.id);
    }
  }

  const asker = new Session(server);
  await asker.logIn(names[1]);
  const agent = new WorkerAgent(server, () => other);
  const ask = async () => {
    const online = await server.redis.client.smembers('online_users');
    const reply = await asker.get('/users/online', { agent });
    return [online, Object.keys(reply.json)].map((ids) => ids.sort().join());
  };
  const wrong = (wanted, seen) => seen.some((ids) => ids !== wanted);
  const text = (ids) => [...new Set(ids)].sort().join();

  const before = text([...on.values()].flat());
  await until(async () => !wrong(before, await ask()), 'all are online', LIMIT);

  const killed = Date.now();
  process.kill(victim, 'SIGKILL');
  const after = text(on.get(other));
  let seen;
  do {
    await sleep(50);
    seen = await ask();
    took = Date.now() - killed;
  } while (wrong(after, seen) && took < LIMIT);

  if (wrong(after, seen)) {
    const counts = seen.map((ids) => ids.split(',').length);
    problems.push(`${counts} are online after ${took} ms, not ${
      after.split(',').length}`);
  }
  sockets.forEach((socket) => socket.destroy());
  await server.stop({ allow: [new RegExp(
    `\\[alert\\].*worker process ${victim} exited on signal 9$`)] });
} catch (error) {
  problems.push(...error.message.split('\n'));
  await server.stop().catch(() => {});
}

process.stdout.write(`${JSON.stringify({ problems, took })}\n`,
                     () => process.exit(0));
