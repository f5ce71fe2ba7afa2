// The same chat on Socket.IO, as the demo's Node server does it: sessions,
// history and presence in Redis, messages sent to the own sockets and published
// for other servers.
//
//   node socketio.mjs PORT REDIS-SOCKET

import { createServer } from 'node:http';

import express from 'express';
import Redis from 'ioredis';
import { Server } from 'socket.io';

const [port, socketPath] = process.argv.slice(2);

const redis = new Redis(socketPath);
const bus = new Redis(socketPath);
const serverId = String(process.pid);

const app = express();
const http = createServer(app);
const io = new Server(http, { transports: ['websocket'], serveClient: false });

async function userOf(headers) {
  const token = /(?:^|; )chat_session=([^;]*)/.exec(headers.cookie ?? '')?.[1];
  const session = token && await redis.get(`bench:session:${token}`);
  return session ? JSON.parse(session) : null;
}

const publish = (type, data) =>
  redis.publish('MESSAGES', JSON.stringify({ serverId, type, data }));

// the pages of a room's history

app.disable('x-powered-by');
app.get('/room/:id/messages', async (request, response) => {
  const user = await userOf(request.headers);
  if (!user) {
    response.status(403).json({ message: 'Log in first' });
    return;
  }
  const { id } = request.params;
  if (!await redis.sismember(`user:${user.id}:rooms`, id)) {
    response.status(403).json({ message: 'You are not in that room' });
    return;
  }
  const offset = Number(request.query.offset ?? 0);
  const size = Number(request.query.size ?? 15);
  const members = await redis.zrevrange(`room:${id}`, offset,
                                        offset + size - 1);
  response.json(members.map((member) => JSON.parse(member)));
});

// live

io.use(async (socket, next) => {
  socket.data.user = await userOf(socket.request.headers);
  next(socket.data.user ? undefined : new Error('Log in first'));
});

const sockets = new Map();      // of each user: how many

io.on('connection', async (socket) => {
  const { user } = socket.data;

  socket.on('message', async (message, ack) => {
    const { roomId } = message;
    if (!socket.rooms.has(`room:${roomId}`)) {
      ack?.({ error: 'You are not in that room' });
      return;
    }
    const now = Date.now();
    const stored = { id: String(now / 1000), from: user.id,
                     date: Math.floor(now / 1000), message: message.message,
                     roomId };
    await redis.zadd(`room:${roomId}`, stored.id, JSON.stringify(stored));
    publish('message', stored);
    io.to(`room:${roomId}`).emit('message', stored);
    ack?.({ ok: true, id: stored.id, date: stored.date });
  });

  socket.on('disconnect', async () => {
    const left = sockets.get(user.id) - 1;
    sockets.set(user.id, left);
    if (left === 0) {
      await redis.srem('online_users', user.id);
      const event = { ...user, online: false };
      publish('user.disconnected', event);
      socket.broadcast.emit('user.disconnected', event);
    }
  });

  const count = (sockets.get(user.id) ?? 0) + 1;
  sockets.set(user.id, count);

  for (const id of await redis.smembers(`user:${user.id}:rooms`)) {
    socket.join(`room:${id}`);
  }

  if (count === 1) {
    await redis.sadd('online_users', user.id);
    const event = { ...user, online: true };
    publish('user.connected', event);
    socket.broadcast.emit('user.connected', event);
  }
});

// other servers' events

bus.subscribe('MESSAGES');
bus.on('message', (channel, text) => {
  const { serverId: from, type, data } = JSON.parse(text);
  if (from === serverId) return;
  if (type === 'message') io.to(`room:${data.roomId}`).emit(type, data);
  else io.emit(type, data);
});

http.listen(Number(port), '127.0.0.1');
