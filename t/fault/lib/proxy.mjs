// The way from a client to its server: a small TCP proxy of the client's own,
// on which the faults of networks and of slow readers are played.

import net from 'node:net';

export class Proxy {
  #pairs = new Set();
  #deaf = false;
  #stalled = false;
  #slow = false;

  // target: {port, host}; may be changed, for connections that are yet to come
  constructor(target) {
    this.target = target;
    this.server = net.createServer({ allowHalfOpen: true },
                                   (client) => this.#connect(client));
  }

  async listen() {
    await new Promise((done, fail) => {
      this.server.once('error', fail);
      this.server.listen(0, '127.0.0.1', done);
    });
    this.port = this.server.address().port;
  }

  get url() { return `http://127.0.0.1:${this.port}`; }

  #connect(client) {
    const server = net.connect({ ...this.target, allowHalfOpen: true });
    const pair = { client, server };
    this.#pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);

    for (const [from, to] of [[client, server], [server, client]]) {
      from.on('data', (data) => {
        if (from === server && this.#deaf) return;
        if (!to.write(data)) from.pause();
      });
      to.on('drain', () => this.#flow(pair, from));
      from.on('end', () => to.end());
      from.on('error', () => this.#drop(pair, 'rst'));
      from.on('close', () => {
        if (client.closed && server.closed) this.#pairs.delete(pair);
      });
      this.#flow(pair, from);
    }
  }

  #flow(pair, side) {
    if (this.#stalled || (this.#slow && side === pair.server)) side.pause();
    else side.resume();
  }

  #flowAll() {
    this.#pairs.forEach((pair) => {
      this.#flow(pair, pair.client);
      this.#flow(pair, pair.server);
    });
  }

  #drop(pair, how) {
    this.#pairs.delete(pair);
    for (const side of [pair.client, pair.server]) {
      if (how === 'rst' && !side.connecting && !side.destroyed) {
        side.resetAndDestroy();
      } else {
        side.destroy();
      }
    }
  }

  // how: 'rst' or 'fin'
  cut(how = 'rst') {
    this.#pairs.forEach((pair) => this.#drop(pair, how));
  }

  // what the server sends gets lost
  set deaf(on) { this.#deaf = on; }

  // nothing is read from either side
  set stalled(on) {
    this.#stalled = on;
    this.#flowAll();
  }

  // nothing is read from the server
  set slow(on) {
    this.#slow = on;
    this.#flowAll();
  }

  close() {
    this.cut();
    this.server.close();
  }
}
