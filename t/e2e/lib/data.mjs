// What the demo's servers leave in Redis, written directly: users with bcrypt
// hashes (cost 4, so that many can log in quickly) and rooms.

import bcrypt from 'bcryptjs';

export const PASSWORD = 'password123';

let hash;

// users of the demo's kind: [{id, name}]
export async function seedUsers(redis, names, password = PASSWORD) {
  hash ??= bcrypt.hashSync(PASSWORD, 4).replace('$2a$', '$2b$');
  const own = password === PASSWORD ? hash
    : bcrypt.hashSync(password, 4).replace('$2a$', '$2b$');
  const users = [];
  for (const name of names) {
    const id = String(await redis.incr('total_users'));
    await redis.hset(`user:${id}`, 'username', name, 'password', own);
    await redis.set(`username:${name}`, `user:${id}`);
    await redis.sadd(`user:${id}:rooms`, '0');
    users.push({ id, name });
  }
  await redis.set('room:0:name', 'General');
  return users;
}

// a private room that already exists
export async function seedRoom(redis, a, b) {
  const room = [a, b].map(Number).sort((x, y) => x - y).join(':');
  await redis.sadd(`user:${a}:rooms`, room);
  await redis.sadd(`user:${b}:rooms`, room);
  return room;
}

// messages as the Python server writes them: an integer score, no id
export async function seedMessages(redis, roomId, count, from = '1',
                                   start = 1600000000) {
  const pipeline = redis.pipeline();
  for (let i = 0; i < count; i++) {
    pipeline.zadd(`room:${roomId}`, start + i, JSON.stringify({
      from, date: start + i, message: `old ${i}`, roomId }));
  }
  await pipeline.exec();
}

// the ids of a room's messages from one to another, as they are stored
export async function storedIds(redis, roomId, first, last) {
  const members = await redis.zrangebyscore(`room:${roomId}`, first, last);
  return members.map((member) => JSON.parse(member).id);
}
