// A WebSocket client that shows every frame and can send any bytes.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { EventEmitter } from 'node:events';

import { bytes, open } from './http.mjs';
import { noNews } from './polling.mjs';
import { sleep, within } from './server.mjs';

export const OP = { cont: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

// options: fin (true), rsv (0), mask (true), length (the declared one),
// form (7, 16 or 64: how the length is written)
export function frame(opcode, payload = '', options = {}) {
  const { fin = true, rsv = 0, mask = true } = options;
  const data = Buffer.from(payload);
  const length = options.length ?? data.length;
  const form = options.form ?? (length < 126 ? 7 : length < 65536 ? 16 : 64);
  const head = [(fin ? 0x80 : 0) | rsv << 4 | opcode,
                (mask ? 0x80 : 0) | (form === 7 ? length
                                     : form === 16 ? 126 : 127)];
  const size = Buffer.alloc(form === 7 ? 0 : form === 16 ? 2 : 8);
  if (form === 16) size.writeUInt16BE(length);
  if (form === 64) size.writeBigUInt64BE(BigInt(length));
  if (!mask) return Buffer.concat([Buffer.from(head), size, data]);
  const key = crypto.randomBytes(4);
  const masked = Buffer.from(data);
  for (let i = 0; i < masked.length; i++) masked[i] ^= key[i % 4];
  return Buffer.concat([Buffer.from(head), size, key, masked]);
}

export const closeFrame = (code, reason = '') => {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(OP.close, Buffer.concat([head, Buffer.from(reason)]));
};

export class RawWebSocket {
  /*
   * options: headers (null takes one away), query (behind the transport),
   * socket (an open connection), early (bytes right behind the request),
   * method, version ('1.1'), step (bytes per write of the handshake) or cuts
   * (where its writes begin), pause (ms between them), rude (leaves a close
   * frame unanswered)
   */
  static async open(session, options = {}) {
    const ws = new RawWebSocket();
    const { server } = session;
    ws.frames = [];
    ws.received = Buffer.alloc(0);
    ws.ended = false;
    ws.closed = false;
    ws.polite = !options.rude;
    ws.socket = options.socket ?? await open(server);
    ws.events = new EventEmitter().setMaxListeners(0);
    ws.socket.on('error', (error) => { ws.error = error; });
    ws.socket.on('data', (data) => { ws.#data(data); ws.events.emit('news'); });
    ws.socket.on('end', () => { ws.ended = true; ws.events.emit('news'); });
    ws.socket.on('close', () => { ws.closed = true; ws.events.emit('news'); });

    const data = RawWebSocket.request(session, options);
    const { step = data.length, cuts, pause } = options;
    const starts = cuts ? [0, ...cuts] : Array.from(
      { length: Math.ceil(data.length / step) }, (_, i) => i * step);
    for (const [i, at] of starts.entries()) {
      ws.socket.write(data.subarray(at, starts[i + 1]));
      if (pause) await sleep(pause);
      else if (starts.length > 1) {
        await new Promise((done) => setImmediate(done));
      }
    }
    await ws.#until(() => ws.status || ws.closed, 'handshake reply', 10000);
    return ws;
  }

  // the bytes that open() sends
  static request(session, options = {}) {
    const { server } = session;
    const headers = {
      Upgrade: 'websocket', Connection: 'Upgrade',
      'Sec-WebSocket-Key': crypto.randomBytes(16).toString('base64'),
      'Sec-WebSocket-Version': '13',
      ...(session.cookie ? { Cookie: session.cookie } : {}),
      ...options.headers,
    };
    for (const name of Object.keys(headers)) {
      if (headers[name] === null) delete headers[name];
    }
    const path = new URL(server.url + '/').pathname.replace(/\/$/, '')
        + '/socket.io/?EIO=4&transport=websocket' + (options.query ?? '');
    let request = bytes(options.method ?? 'GET', path, headers);
    if (options.version) {
      request = request.replace('HTTP/1.1', `HTTP/${options.version}`);
    }
    return Buffer.concat([Buffer.from(request),
                          options.early ?? Buffer.alloc(0)]);
  }

  // looks whenever something has come
  async #until(check, what, ms) {
    let look;
    const done = new Promise((resolve, reject) => {
      look = () => {
        try {
          const value = check();
          if (value) resolve(value);
        } catch (error) {
          reject(error);
        }
      };
      this.events.on('news', look);
      look();
    });
    return within(done, ms, what).finally(() => this.events.off('news', look));
  }

  // as open(), and the Engine.IO handshake and the namespace are behind it
  static async connect(session, options) {
    const ws = await RawWebSocket.open(session, options);
    assert.equal(ws.status, 101, ws.head);
    ws.handshake = JSON.parse((await ws.text()).slice(1));
    ws.send('40');
    const packet = await ws.text((text) => text.startsWith('4'));
    assert.match(packet, /^40\{/);
    return ws;
  }

  #data(data) {
    this.received = Buffer.concat([this.received, data]);
    if (this.status === undefined) {
      const end = this.received.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.received.subarray(0, end).toString('latin1');
      this.status = Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)[1]);
      this.received = this.received.subarray(end + 4);
    }
    if (this.status === 101) while (this.#frame());
  }

  #frame() {
    const b = this.received;
    if (b.length < 2) return false;
    assert.equal(b[1] & 0x80, 0, 'the server must not mask');
    let length = b[1] & 0x7f;
    let at = 2;
    if (length === 126) {
      if (b.length < 4) return false;
      length = b.readUInt16BE(2);
      assert.ok(length > 125, 'shortest form of a length');
      at = 4;
    } else if (length === 127) {
      if (b.length < 10) return false;
      length = Number(b.readBigUInt64BE(2));
      assert.ok(length > 65535, 'shortest form of a length');
      at = 10;
    }
    if (b.length < at + length) return false;
    this.frames.push({ fin: b[0] >> 7, rsv: b[0] >> 4 & 7, opcode: b[0] & 15,
                       payload: Buffer.from(b.subarray(at, at + length)) });
    this.received = b.subarray(at + length);
    if ((b[0] & 15) === OP.close && this.polite) {
      this.polite = false;
      this.write(frame(OP.close, this.frames.at(-1).payload.subarray(0, 2)));
    }
    return true;
  }

  header(name) {
    return new RegExp(`^${name}: *(.*)$`, 'im').exec(this.head)?.[1];
  }

  get body() { return this.received.toString(); }

  write(data) { this.socket.write(data); }

  send(text) { this.write(frame(OP.text, text)); }

  emit(ack, ...event) { this.send(`42${ack}${JSON.stringify(event)}`); }

  // takes the first frame that matches; those before it stay
  async frame(match, ms = 15000) {
    const at = await this.#until(() => {
      const i = this.frames.findIndex(match);
      if (i < 0 && this.closed) {
        throw new Error('closed before the frame came: '
                        + this.frames.map((f) => `${f.opcode} ${f.payload}`));
      }
      return i + 1;
    }, 'frame', ms);
    return this.frames.splice(at - 1, 1)[0];
  }

  // takes the first text message that matches (the server doesn't fragment)
  async text(match = noNews, ms = 15000) {
    const { payload } = await this.frame((f) => f.opcode === OP.text
        && match(f.payload.toString('utf8')), ms);
    return payload.toString('utf8');
  }

  // the code of the close frame, once the server has also ended the connection
  async closeCode(ms = 15000) {
    const { payload } = await this.frame((f) => f.opcode === OP.close, ms);
    await this.#until(() => this.ended || this.closed, 'the connection ends',
                      ms);
    this.destroy();
    return payload.length >= 2 ? payload.readUInt16BE(0) : undefined;
  }

  // the server ends the connection, in whatever way
  async gone(ms = 15000) {
    await this.#until(() => this.ended || this.closed, 'the connection ends',
                      ms);
    this.destroy();
  }

  async close(code = 1000) {
    this.polite = false;
    this.write(closeFrame(code));
    await within(this.gone(), 6000, 'close');
  }

  destroy() { this.socket.destroy(); }
}
