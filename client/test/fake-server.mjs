/*
 * A server that keeps the contract in memory, for tests of the transport:
 * it can lose acknowledgements, refuse messages and cut connections at will,
 * which a real server can't be asked to do.
 */

import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { Server } from "socket.io";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

export class FakeServer {
  constructor({ prefix = "/", root = null, links = {} } = {}) {
    this.prefix = prefix;
    this.root = root;
    this.links = links;
    this.users = new Map();
    this.sessions = new Map();
    this.rooms = new Map([["0", { id: "0", names: ["General"], messages: [] }]]);
    this.nonces = new Map();
    this.last = 0;
    /** Faults: how many of the next sends lose their ack, or are refused. */
    this.loseAcks = 0;
    this.refuse = [];
    this.requests = [];
    this.gap = false;
    this.refuseJoins = 0;
    this.failNext = null;
  }

  addUser(name, password) {
    const user = { id: String(this.users.size + 1), username: name, password };

    this.users.set(user.id, user);
    return user;
  }

  session(userId) {
    const sid = randomBytes(16).toString("hex");

    this.sessions.set(sid, userId);
    return sid;
  }

  async listen(port = 0) {
    this.http = createServer((req, res) => void this.route(req, res));
    this.io = new Server(this.http, { path: `${this.prefix}socket.io/` });
    this.io.use((socket, next) => {
      const user = this.who(socket.request);

      if (!user) {
        next(new Error("Log in first"));
        return;
      }

      socket.data.user = user;
      next();
    });
    this.io.on("connection", (socket) => this.connected(socket));
    await new Promise((done) => this.http.listen(port, "127.0.0.1", done));
    this.port = this.http.address().port;
    return `http://127.0.0.1:${this.port}${this.prefix}`;
  }

  async close() {
    await this.io.close();
    this.http.closeAllConnections();
  }

  cut() {
    this.io.engine.clients &&
      Object.values(this.io.engine.clients).forEach((c) => c.close());
  }

  who(req) {
    const sid = /(?:^|; )sid=([0-9a-f]+)/.exec(req.headers.cookie ?? "")?.[1];

    return this.users.get(this.sessions.get(sid));
  }

  online(id) {
    return [...this.io.sockets.sockets.values()].some((s) => s.data.user.id === id);
  }

  publicUser(user) {
    return { id: user.id, username: user.username, online: this.online(user.id) };
  }

  room(id) {
    if (this.rooms.has(id)) {
      return this.rooms.get(id);
    }

    const pair = /^(\d+):(\d+)$/.exec(id);

    if (!pair || !this.users.has(pair[1]) || !this.users.has(pair[2])) {
      return undefined;
    }

    const names = [this.users.get(pair[1]).username, this.users.get(pair[2]).username];
    const room = { id, names, messages: [] };

    this.rooms.set(id, room);
    return room;
  }

  mayRead(user, id) {
    return id === "0" || id.split(":").includes(user.id);
  }

  append(roomId, from, message, date = Math.floor(Date.now() / 1000)) {
    this.last = Math.max(Date.now() * 1000, this.last + 1);

    const stored = { id: (this.last / 1e6).toFixed(6), from, date, message, roomId };

    this.room(roomId).messages.push(stored);
    return stored;
  }

  deliver(stored, nonce, except) {
    for (const socket of this.io.sockets.sockets.values()) {
      if (socket !== except && this.mayRead(socket.data.user, stored.roomId)) {
        const own = socket.data.user.id === stored.from && nonce;

        socket.emit("message", own ? { ...stored, nonce } : stored);
      }
    }
  }

  /** An admin has deleted a message. */
  delete(roomId, id) {
    this.io.emit("message.deleted", { roomId, id });
  }

  /** Somebody says something. */
  say(roomId, from, message) {
    const stored = this.append(roomId, from, message);

    this.deliver(stored);
    return stored;
  }

  connected(socket) {
    const { user } = socket.data;
    const others = [...this.io.sockets.sockets.values()].filter(
      (s) => s.data.user.id === user.id,
    );

    if (others.length === 1) {
      this.presence("user.connected", user, true);
    }

    socket.on("disconnect", () => {
      setTimeout(() => {
        if (!this.online(user.id)) {
          this.presence("user.disconnected", user, false);
        }
      }, 300);
    });

    socket.on("room.join", (id, options, ack) => {
      const room = this.room(id);

      if (!room || !this.mayRead(user, id)) {
        ack?.({ error: "Not a member" });
        return;
      }

      if (this.refuseJoins > 0) {
        this.refuseJoins--;
        ack?.({ error: "Not available right now" });
        return;
      }

      if (this.gap) {
        ack?.({ ok: true, gap: true });
        return;
      }

      for (const m of room.messages) {
        if (options?.after !== undefined && Number(m.id) > Number(options.after)) {
          socket.emit("message", m);
        }
      }

      ack?.({ ok: true, id, last: room.messages.at(-1)?.id ?? "0" });
    });

    socket.on("message", (data, ack) => this.onSend(socket, data, ack));
  }

  onSend(socket, { roomId, message, nonce }, ack) {
    const { user } = socket.data;
    const refusal = this.refuse.shift();

    if (refusal) {
      ack?.(refusal);
      return;
    }

    if (!this.mayRead(user, roomId)) {
      ack?.({ error: "Not a member", retry: false });
      return;
    }

    const key = `${user.id} ${nonce}`;
    let stored = nonce === undefined ? undefined : this.nonces.get(key);

    if (!stored) {
      const room = this.room(roomId);
      const first = room.messages.length === 0;

      if (first && roomId !== "0") {
        for (const other of this.io.sockets.sockets.values()) {
          if (other !== socket && this.mayRead(other.data.user, roomId)) {
            other.emit("show.room", { id: room.id, names: room.names });
          }
        }
      }

      stored = this.append(roomId, user.id, message);
      this.nonces.set(key, stored);

      if (this.loseAcks === 0) {
        this.deliver(stored, nonce);
      } else {
        this.deliver(stored, nonce, socket);
      }
    }

    if (this.loseAcks > 0) {
      this.loseAcks--;
      socket.conn.close();
      return;
    }

    ack?.({ ok: true, id: stored.id, date: stored.date });
  }

  presence(event, user, online) {
    for (const socket of this.io.sockets.sockets.values()) {
      if (socket.data.user.id !== user.id) {
        socket.emit(event, { id: user.id, username: user.username, online });
      }
    }
  }

  async route(req, res) {
    const url = new URL(req.url, "http://x");

    if (!url.pathname.startsWith(this.prefix)) {
      return this.reply(res, 404, { message: "Not found" });
    }

    const path = url.pathname.slice(this.prefix.length);
    const user = this.who(req);

    this.requests.push(`${req.method} ${path}${url.search}`);

    if (this.failNext && path.startsWith(this.failNext.path)) {
      const { status, body = { message: "Away" } } = this.failNext;

      if (--this.failNext.times <= 0) {
        this.failNext = null;
      }

      return this.reply(res, status, body);
    }

    switch (`${req.method} ${path.split("/")[0]}`) {
      case "GET me":
        return this.reply(
          res,
          200,
          user ? { id: user.id, username: user.username } : null,
        );

      case "POST login":
        return this.login(req, res);

      case "POST logout":
        await this.logout(req);
        res.setHeader("Set-Cookie", `sid=; Path=${this.prefix}; Max-Age=0`);
        return this.reply(res, 200, null);

      case "GET links":
        return this.reply(res, 200, this.links);

      case "GET randomname":
        res.writeHead(200, { "Content-Type": "text/plain" });
        return res.end(`Robin${Math.floor(Math.random() * 900 + 100)}`);

      case "GET users":
        return this.getUsers(url, path, user, res);

      case "GET rooms":
        return user && path === `rooms/${user.id}`
          ? this.reply(res, 200, this.roomsOf(user))
          : this.reply(res, 403, { message: "Not yours" });

      case "POST room":
        return this.createRoom(req, res, user);

      case "GET room":
        return this.getMessages(url, path, user, res);

      default:
        return this.file(path, res);
    }
  }

  reply(res, status, value) {
    res.writeHead(status, {
      "Content-Type": "application/json; charset=utf-8",
      "Cache-Control": "no-store",
    });
    res.end(JSON.stringify(value));
  }

  async login(req, res) {
    const { username, password } = JSON.parse(await body(req));

    if (!username?.trim() || !password) {
      return this.reply(res, 400, { message: "Enter a name and a password" });
    }

    let user = [...this.users.values()].find((u) => u.username === username);
    const status = user ? 200 : 201;

    if (user && user.password !== password) {
      return this.reply(res, 404, { message: "Invalid username or password" });
    }

    user ??= this.addUser(username, password);
    res.setHeader(
      "Set-Cookie",
      `sid=${this.session(user.id)}; Path=${this.prefix}; HttpOnly`,
    );
    return this.reply(res, status, { id: user.id, username });
  }

  async logout(req) {
    const user = this.who(req);
    const own = /sid=([0-9a-f]+)/.exec(req.headers.cookie ?? "")?.[1];
    const { everywhere } = JSON.parse((await body(req)) || "{}");

    for (const [sid, id] of this.sessions) {
      if (sid === own || (everywhere && id === user?.id)) {
        this.sessions.delete(sid);
      }
    }

    for (const socket of this.io.sockets.sockets.values()) {
      if (!this.who(socket.request)) {
        socket.conn.close();
      }
    }
  }

  getUsers(url, path, user, res) {
    if (!user) {
      return this.reply(res, 401, { message: "Log in first" });
    }

    const ids = url.searchParams.getAll("ids[]");
    const found = [...this.users.values()]
      .filter((u) => (path === "users/online" ? this.online(u.id) : ids.includes(u.id)))
      .map((u) => [u.id, this.publicUser(u)]);

    return this.reply(res, 200, Object.fromEntries(found));
  }

  roomsOf(user) {
    return [...this.rooms.values()]
      .filter(
        (r) => r.id === "0" || (this.mayRead(user, r.id) && r.messages.length > 0),
      )
      .map(({ id, names }) => ({ id, names }));
  }

  async createRoom(req, res, user) {
    const { user1, user2 } = JSON.parse(await body(req));
    const ids = [String(user1), String(user2)].sort((a, b) => a - b);

    if (!user || !ids.includes(user.id)) {
      return this.reply(res, 403, { message: "Not yours" });
    }

    const room = this.room(ids.join(":"));

    return room
      ? this.reply(res, 201, { id: room.id, names: room.names })
      : this.reply(res, 404, { message: "No such user" });
  }

  getMessages(url, path, user, res) {
    const id = decodeURIComponent(path.split("/")[1]);

    if (!user || !this.mayRead(user, id)) {
      return this.reply(res, 403, { message: "Not a member" });
    }

    const list = this.rooms.get(id)?.messages ?? [];
    const size = Number(url.searchParams.get("size") ?? 15);
    const before = url.searchParams.get("before");
    const after = url.searchParams.get("after");

    if (after !== null) {
      const newer = list.filter((m) => Number(m.id) > Number(after));

      return this.reply(res, 200, newer.slice(0, size));
    }

    const end =
      before === null
        ? list.length
        : list.findIndex((m) => Number(m.id) >= Number(before));

    return this.reply(res, 200, list.slice(Math.max(0, end - size), end).reverse());
  }

  file(path, res) {
    const file = this.root && join(this.root, normalize(`/${path || "index.html"}`));

    if (!file || !existsSync(file)) {
      return this.reply(res, 404, { message: "Not found" });
    }

    res.writeHead(200, {
      "Content-Type": TYPES[extname(file)] ?? "application/octet-stream",
      "Content-Security-Policy": "default-src 'self'",
    });
    return res.end(readFileSync(file));
  }
}

async function body(req) {
  const chunks = [];

  for await (const chunk of req) {
    chunks.push(chunk);
  }

  return Buffer.concat(chunks).toString();
}
