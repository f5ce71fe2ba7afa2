// socket.io clients that keep all they get.

import { io } from 'socket.io-client';
import { io as io3 } from 'socket.io-client-3';

import { sleep, until, within } from './server.mjs';

export const TRANSPORTS = {
  polling: ['polling'],
  websocket: ['websocket'],
  upgrade: ['polling', 'websocket'],
};

const EVENTS = ['message', 'message.deleted', 'user.connected',
                'user.disconnected', 'show.room'];

// options: socket.io-client's own; wait: ms for the connection; old: with the
// original client's version
export async function connect(session, options = {}) {
  const { wait = 15000 } = options;
  const client = dial(session, options);
  const { socket } = client;
  try {
    await within(new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
      socket.once('disconnect', (reason) => reject(new Error(reason)));
    }), wait, 'socket.io connects');
  } catch (error) {
    client.close();
    throw error;
  }
  return client;
}

// doesn't wait for the connection
export function dial(session, { wait = 15000, old = false, ...options } = {}) {
  const url = new URL(session.server.url + '/');
  const socket = (old ? io3 : io)(url.origin, {
    path: `${url.pathname.replace(/\/$/, '')}/socket.io/`,
    transports: TRANSPORTS.upgrade,
    extraHeaders: session.cookie ? { Cookie: session.cookie } : {},
    forceNew: true, reconnection: false, rejectUnauthorized: false,
    timeout: wait, ...options,
  });
  const client = new Client(session, socket);
  session.server.clients.add(client);
  return client;
}

export class Client {
  constructor(session, socket) {
    this.session = session;
    this.socket = socket;
    this.seen = [];
    this.reasons = [];
    EVENTS.forEach((name) => {
      socket.on(name, (data, ...more) => {
        this.seen.push({ name, data, at: Date.now(), extra: more.length });
      });
    });
    socket.on('disconnect', (reason) => this.reasons.push(reason));
  }

  get transport() { return this.socket.io.engine.transport.name; }

  of(name) {
    return this.seen.filter((e) => e.name === name).map((e) => e.data);
  }

  // message events, of one room if given
  messages(roomId) {
    return this.of('message').filter((m) => !roomId || m.roomId === roomId);
  }

  texts(roomId) { return this.messages(roomId).map((m) => m.message); }

  waitFor(name, match = () => true, ms = 15000) {
    return until(() => this.of(name).find(match), `event ${name}`, ms);
  }

  waitForText(text, ms = 15000) {
    return until(() => this.messages().find((m) => m.message === text),
                 `message ${JSON.stringify(text).slice(0, 60)}`, ms);
  }

  upgraded(ms = 10000) {
    return until(() => this.transport === 'websocket', 'upgrade', ms);
  }

  // emits with an ack and returns its argument
  emit(event, ...args) {
    return within(new Promise((resolve) => {
      this.socket.emit(event, ...args, resolve);
    }), 30000, `ack of ${event}`);
  }

  send(roomId, message, more = {}) {
    return this.emit('message', {
      roomId, message, from: this.session.id,
      date: Math.floor(Date.now() / 1000), ...more,
    });
  }

  close() { this.socket.disconnect(); }
}

// closes clients and lets the server see it
export async function closeAll(...clients) {
  clients.flat().forEach((client) => client.close());
  await sleep(20);
}
