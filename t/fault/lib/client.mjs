// The clients of a run. Each has a way to its server (proxy.mjs), keeps its
// connection up whatever happens, resumes its rooms after the last message it
// has seen, sends messages until they are answered, and notes all it is told.

import http from 'node:http';

import { TRANSPORTS, dial } from '../../e2e/lib/sio.mjs';
import { OP, RawWebSocket, frame } from '../../e2e/lib/websocket.mjs';
import { micros } from './check.mjs';

const ACK_LIMIT = 4000;                 // ms to wait for an ack
const OUTSTANDING = 5;                  // messages without an ack at a time
const SILENCE = 6000;                   // ms until a connection counts as dead

// what a client is and does whatever its transport
class Client {
  /*
   * options: name, plan (schedule.mjs), session (e2e's, with the cookie),
   * proxy, hosts (targets of the proxy), rooms (ids), foreign (ids of others'
   * rooms), random, note(text), position(room), which is Redis's newest one
   */
  constructor(options) {
    Object.assign(this, options);
    this.user = this.session.id;
    this.conn = 0;                      // connections so far
    this.joined = new Set();            // rooms, on this connection
    this.seen = new Map();              // room: {start, gaps, events, last}
    this.rooms.forEach((room) => this.#of(room));
    this.sends = [];
    this.pending = [];                  // to be tried again
    this.outstanding = 0;
    this.over = false;
    this.server = { url: this.proxy.url, port: this.proxy.port,
                    clients: new Set() };
    this.way = { server: this.server, cookie: this.session.cookie };
  }

  get ready() {
    return !this.over && this.rooms.every((room) => this.joined.has(room));
  }

  get settled() { return this.ready && !this.outstanding
                  && !this.pending.length; }

  #of(room) {
    if (!this.seen.has(room)) {
      this.seen.set(room, { start: null, gaps: 0, events: [], last: null });
    }
    return this.seen.get(room);
  }

  last(room) { return this.#of(room).last; }

  // from here on nothing of the room may be missing
  starts(room, position) {
    const seen = this.#of(room);
    seen.start = position;
    if (seen.last === null || micros(position) > micros(seen.last)) {
      seen.last = position;
    }
  }

  received({ roomId, id, from, message }) {
    const seen = this.#of(roomId);
    seen.events.push({ id, from, text: message, at: Date.now(),
                       conn: this.conn, seam: !this.joined.has(roomId) });
    if (seen.last === null || micros(id) > micros(seen.last)) seen.last = id;
  }

  gap(room) { this.#of(room).gaps++; }

  has(room, text) {
    return this.#of(room).events.some((event) => event.text === text);
  }

  // a new connection is there: its rooms are resumed
  async connected() {
    const conn = ++this.conn;
    this.joined.clear();
    this.note(`connected ${conn}`);
    await Promise.all(this.rooms.map((room) => this.#join(room, conn)));
    if (this.conn === conn) this.#retry();
  }

  async #join(room, conn) {
    while (this.conn === conn && !this.over) {
      const after = this.last(room);
      let reply;
      try {
        reply = await this.emit('room.join', room,
                                ...(after === null ? [] : [{ after }]));
      } catch (error) {
        if (this.conn !== conn) return;
        this.note(`join of ${room}: ${error.message}`);
        this.reconnect();
        return;
      }
      if (this.conn !== conn) return;
      if (reply.ok) {
        if (reply.gap) this.gap(room);
        if (this.#of(room).start === null) this.starts(room, reply.last);
        else this.starts(room, this.#of(room).start);
        this.joined.add(room);
        return;
      }
      this.note(`join of ${room}: ${reply.error}`);
      await pause(300);
    }
  }

  disconnected(why) {
    if (!this.over) this.note(`disconnected ${this.conn}: ${why}`);
    this.conn++;
    this.joined.clear();
    if (this.plan.roams) {
      this.proxy.target = this.random.pick(this.hosts);
    }
  }

  // a message that is sent until it is acknowledged, or refused for good
  send(room, { size = 0, allowed = true, label = '' } = {}) {
    const text = `${this.name}.${this.sends.length}${label}`;
    const message = {
      client: this.name, user: this.user, room, nonce: text, allowed,
      text: text.padEnd(size, ' .'), acks: [], refusals: [], tries: 0,
      at: Date.now(),
    };
    this.sends.push(message);
    this.outstanding++;
    this.#try(message);
    return message;
  }

  async #try(message) {
    const { room, nonce, text, acks, refusals } = message;
    if (!this.ready) {
      if (!this.over) this.pending.push(message);
      return;
    }
    message.tries++;
    try {
      const reply = await this.emit('message', {
        roomId: room, message: text, from: this.user, nonce,
        date: Math.floor(Date.now() / 1000) });
      if (reply.ok) acks.push({ id: reply.id, at: Date.now() });
      else refusals.push({ retry: reply.retry, error: reply.error });
      if (reply.ok || reply.retry === false) {
        this.outstanding--;
        return;
      }
    } catch {
      // the ack was lost, the message perhaps not
    }
    await pause(this.random.int(100, 500));
    this.#try(message);
  }

  #retry() { this.pending.splice(0).forEach((message) => this.#try(message)); }

  // talks from now on until talking is no more true
  async talk() {
    this.talking = true;
    while (this.talking && !this.over) {
      await pause(this.random.int(1, 2 * this.plan.every));
      if (!this.talking || !this.ready || this.outstanding >= OUTSTANDING) {
        continue;
      }
      if (this.foreign.length && this.random.chance(0.02)) {
        this.send(this.random.pick(this.foreign), { allowed: false });
      } else {
        this.send(this.random.pick(this.rooms), {
          size: this.random.weighted([[8, 0], [2, 300], [1, 3000]]) });
      }
    }
  }

  report() {
    return {
      name: this.name, user: this.user, kind: this.plan.kind,
      stays: !this.left, connections: this.conn,
      rooms: Object.fromEntries([...this.seen].filter(
        ([room, { events }]) => this.rooms.includes(room) || events.length)),
    };
  }

  // for good
  close() {
    this.over = true;
    this.hangUp();
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// the genuine socket.io client
class SocketIo extends Client {
  connect() {
    const { socket } = this.client = dial(this.way, {
      transports: TRANSPORTS[this.plan.kind], wait: ACK_LIMIT,
      reconnection: true, reconnectionDelay: 100, reconnectionDelayMax: 800,
    });
    this.socket = socket;
    socket.on('connect', () => this.connected());
    socket.on('message', (data) => this.received(data));
    socket.on('disconnect', (why) => {
      this.disconnected(why);
      this.#again();
    });
    socket.on('connect_error', (error) => {
      this.note(`connect_error: ${error.message}`);
      if (this.plan.roams) this.proxy.target = this.random.pick(this.hosts);
      this.#again();
    });
  }

  // where the client itself doesn't try again
  async #again() {
    await pause(300);
    if (!this.over && !this.socket.active) this.socket.connect();
  }

  async emit(...event) {
    if (!this.socket.connected) throw new Error('not connected');
    return this.socket.timeout(ACK_LIMIT).emitWithAck(...event);
  }

  reconnect() { this.socket.io.engine?.close(); }

  hangUp() { this.socket?.disconnect(); }
}

// a WebSocket by hand, which sends its joins right behind its CONNECT
class Raw extends Client {
  acks = new Map();
  ack = 0;

  async connect() {
    while (!this.over) {
      try {
        await this.#once();
      } catch (error) {
        this.note(`connection: ${error.message}`);
        if (this.plan.roams) this.proxy.target = this.random.pick(this.hosts);
      }
      await pause(this.random.int(100, 600));
    }
  }

  async #once() {
    const ws = await RawWebSocket.open(this.way);
    if (this.over || ws.status !== 101) {
      ws.destroy();
      throw new Error(`status ${ws.status}`);
    }
    this.ws = ws;
    this.heard = Date.now();
    ws.send('40');
    this.connected();

    const watch = setInterval(() => {
      if (Date.now() - this.heard > SILENCE) ws.destroy();
    }, 500);
    await new Promise((done) => {
      const look = () => {
        this.#frames(ws);
        if (ws.closed || ws.ended) done();
      };
      ws.events.on('news', look);
      look();
    });
    clearInterval(watch);
    ws.destroy();
    this.disconnected(this.why ?? 'the connection was lost');
    this.why = undefined;
    for (const { fail } of this.acks.values()) fail(new Error('disconnected'));
    this.acks.clear();
  }

  #frames(ws) {
    for (const { opcode, payload } of ws.frames.splice(0)) {
      this.heard = Date.now();
      const text = payload.toString();
      if (opcode === OP.close) {
        this.why = `closed with ${payload.length ? payload.readUInt16BE() : ''
        } ${payload.subarray(2)}`;
      } else if (text === '2') {
        ws.send('3');
      } else if (/^4[14]/.test(text)) {
        this.why = text;
        ws.destroy();
      } else if (text.startsWith('42')) {
        const [name, data] = JSON.parse(text.slice(2));
        if (name === 'message') this.received(data);
      } else if (text.startsWith('43')) {
        const [, id, reply] = /^43(\d+)(.*)$/s.exec(text);
        this.acks.get(Number(id))?.done(JSON.parse(reply)[0]);
        this.acks.delete(Number(id));
      }
    }
  }

  emit(...event) {
    const id = this.ack++;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => {
        this.acks.delete(id);
        fail(new Error('no ack'));
      }, ACK_LIMIT);
      const end = (then) => (value) => { clearTimeout(timer); then(value); };
      this.acks.set(id, { done: end(done), fail: end(fail) });
      this.ws.emit(id, ...event);
    });
  }

  reconnect() { this.ws.destroy(); }

  hangUp() { this.ws?.write(frame(OP.close, '')); this.ws?.destroy(); }
}

// a reader of /events; says nothing
class Events extends Client {
  async connect() {
    while (!this.over) {
      try {
        await this.#once();
      } catch (error) {
        this.note(`stream: ${error.message}`);
      }
      this.disconnected(this.why ?? 'the stream ended');
      this.why = undefined;
      await pause(this.random.int(100, 600));
    }
  }

  #once() {
    return new Promise((done, fail) => {
      const call = this.call = http.get(`${this.server.url}/events`, {
        agent: false, headers: {
          Accept: 'text/event-stream', Cookie: this.session.cookie,
          ...(this.id ? { 'Last-Event-ID': this.id } : {}),
        },
      }, (reply) => {
        if (reply.statusCode !== 200) {
          call.destroy();
          fail(new Error(`status ${reply.statusCode}`));
          return;
        }
        this.#begin();
        let text = '';
        reply.setEncoding('utf8');
        reply.on('data', (part) => {
          timer.refresh();
          const blocks = (text + part).split('\n\n');
          text = blocks.pop();
          blocks.forEach((block) => this.#block(block));
        });
        reply.on('error', () => {});
        reply.on('close', done);
      });
      const timer = setTimeout(() => call.destroy(new Error('silence')),
                               SILENCE);
      call.on('close', () => { clearTimeout(timer); done(); });
      call.on('error', fail);
    });
  }

  // without a message yet, it is the stream's head from which on all must come
  async #begin() {
    const conn = ++this.conn;
    this.note(`connected ${conn}`);
    if (this.id === undefined) {
      const positions = await Promise.all(this.rooms.map(this.position));
      if (conn !== this.conn) return;
      this.rooms.forEach((room, i) => this.starts(room, positions[i]));
    }
    this.rooms.forEach((room) => this.joined.add(room));
  }

  #block(block) {
    const event = { event: 'message', data: [] };
    for (const line of block.split('\n')) {
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === 'data') event.data.push(value);
      else if (name) event[name] = value;
    }
    if (!event.data.length) return;
    const data = JSON.parse(event.data.join('\n'));
    if (event.id !== undefined) this.id = event.id;
    if (event.event === 'message') this.received(data);
    else if (event.event === 'gap') this.gap(data.roomId);
  }

  async talk() {}

  hangUp() { this.call?.destroy(); }
}

export function createClient(options) {
  const { kind } = options.plan;
  const Kind = { raw: Raw, events: Events }[kind] ?? SocketIo;
  return new Kind(options);
}
