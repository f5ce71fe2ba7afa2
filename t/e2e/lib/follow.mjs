// An event stream that comes back by itself when it ends, as a browser's
// EventSource does, and says where it was.

import { EventStream } from './http.mjs';
import { sleep, until } from './server.mjs';

export class Follower {
  static async open(session) {
    const follower = new Follower();
    follower.events = [];
    follower.opened = 0;
    follower.session = session;
    follower.done = follower.#run();
    session.server.clients.add(follower);
    await until(() => follower.opened, 'the stream opens');
    return follower;
  }

  async #run() {
    let lastId;
    while (!this.stopped) {
      const stream = await EventStream.open(this.session, '/events',
        lastId ? { 'Last-Event-ID': lastId } : {}).catch(() => null);
      if (stream?.status === 200) {
        this.opened++;
        this.stream = stream;
        while (!this.stopped && (!stream.closed || stream.events.length)) {
          for (const event of stream.events.splice(0)) {
            lastId = event.id ?? lastId;
            this.events.push(event);
          }
          await sleep(10);
        }
      }
      stream?.close();
      if (!this.stopped) await sleep(100);
    }
  }

  texts(roomId) {
    return this.events.filter(({ event, data }) =>
      event === 'message' && data.roomId === roomId).map((e) => e.data.message);
  }

  waitFor(match, what, ms = 10000) {
    return until(() => this.events.find(match), what, ms);
  }

  waitForText(text, ms) {
    return this.waitFor((e) => e.data.message === text, `${text} on a stream`,
                        ms);
  }

  // stop() of the server calls it too
  close() {
    this.stopped = true;
    this.stream?.close();
  }
}
