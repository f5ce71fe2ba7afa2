// Engine.IO over polling, by hand.

import assert from 'node:assert/strict';

import { request } from './http.mjs';
import { until } from './server.mjs';

const SEPARATOR = '\x1e';

// anything but the news about who comes and goes
export const noNews = (packet) => !/^42\["user\./.test(packet);

export class Polling {
  constructor(session, options = {}) {
    this.session = session;
    this.options = options;
    this.queue = [];
  }

  static async open(session, options) {
    const polling = new Polling(session, options);
    const reply = await polling.request('GET');
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.text[0], '0', reply.text);
    polling.handshake = JSON.parse(reply.text.slice(1));
    polling.sid = polling.handshake.sid;
    return polling;
  }

  // as open(), and connected to the namespace; this.socketId is its sid
  static async connect(session, options) {
    const polling = await Polling.open(session, options);
    await polling.post('40');
    const packet = await polling.next((p) => p.startsWith('4'));
    assert.match(packet, /^40\{/);
    polling.socketId = JSON.parse(packet.slice(2)).sid;
    return polling;
  }

  path(query = '') {
    return `/socket.io/?EIO=4&transport=polling`
        + (this.sid ? `&sid=${this.sid}` : '') + query;
  }

  request(method, body, options = {}) {
    return request(this.session.server, this.path(options.query), {
      method, body, cookie: this.session.cookie, ...this.options, ...options,
      headers: {
        ...(body === undefined ? {}
          : { 'Content-Type': 'text/plain;charset=UTF-8' }),
        ...options.headers,
      },
    });
  }

  get(options) { return this.request('GET', undefined, options); }

  async post(payload, options) {
    const reply = await this.request('POST', payload, options);
    assert.equal(reply.status, 200, reply.text);
    assert.equal(reply.text, 'ok');
    return reply;
  }

  // one hanging GET; its packets
  async poll(options) {
    const reply = await this.get(options);
    assert.equal(reply.status, 200, reply.text);
    return reply.text.split(SEPARATOR);
  }

  // polls until a packet matches; pings are answered, others are kept in order
  async next(match = noNews, ms = 10000) {
    return until(async () => {
      const at = this.queue.findIndex(match);
      if (at >= 0) return this.queue.splice(at, 1)[0];
      for (const packet of await this.poll({ timeout: ms })) {
        if (packet === '2') await this.post('3');
        else this.queue.push(packet);
      }
      return undefined;
    }, 'packet', ms);
  }

  async emit(ack, ...event) {
    await this.post(`42${ack}${JSON.stringify(event)}`);
  }
}

// the event of a Socket.IO packet in an Engine.IO message, or undefined
export function eventOf(packet) {
  const match = /^42(\d*)(\[.*)$/s.exec(packet);
  return match ? JSON.parse(match[2]) : undefined;
}
