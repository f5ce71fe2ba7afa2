// When the connection, the server or its storage goes away: what is said,
// and that nothing typed is lost, doubled or out of order.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  closeBrowser,
  eventually,
  NETWORK,
  onDesktop,
  onPhone,
  openBrowser,
} from './browser.mjs';
import { newName, pair, startSite } from './site.mjs';

let site;

before(async () => {
  site = await startSite();
  await openBrowser();
});

after(async () => {
  await closeBrowser();
  // the workers that a test kills
  await site.stop([/exited on signal 9/]);
});

async function talking(bring) {
  const [me, you] = ['Offline', 'Partner'].map(newName);
  const robot = await (await site.robot(you)).connect();
  const self = await site.robot(me);
  const room = pair(robot, self);
  const one = await bring(site.url);
  one.allow(NETWORK);
  await one.logIn(me);
  await robot.say(room, 'hello');
  await one.open(you);
  await one.message('hello').waitFor();
  return { one, robot, room, me, you };
}

const banner = (one) => one.page.locator('.banner');
const last = async (one, count) => (await one.texts()).slice(-count);

onPhone(
  test,
  'offline: it is said, and what was missed is there afterwards',
  async (bring) => {
    const { one, robot, room } = await talking(bring);
    await one.context.setOffline(true);
    await banner(one).getByText('You are offline.', { exact: false }).waitFor();
    await one.say('written offline 1');
    await one.say('written offline 2');
    await one
      .message('written offline 1')
      .getByText('Waiting for the connection')
      .waitFor();
    await one.shot('offline');
    await one.axe('offline');
    for (let i = 1; i <= 40; i++) await robot.say(room, `missed ${i}`);

    await one.context.setOffline(false);
    await banner(one).getByText('Back online').waitFor();
    await one.shot('back online');
    await one.message('written offline 2').getByTitle('Sent').waitFor();
    await eventually(
      () => robot.texts(room).includes('written offline 2'),
      'they arrive',
    );
    assert.deepEqual(
      robot.texts(room).filter((t) => t.startsWith('written')),
      ['written offline 1', 'written offline 2'],
    );

    const expected = [
      ...Array.from({ length: 40 }, (_, i) => `missed ${i + 1}`),
      'written offline 1',
      'written offline 2',
    ];
    const seen = new Set();
    await eventually(
      async () => {
        const box = one.page.locator('.messages');
        await box.evaluate((b) => {
          b.scrollTop -= 300;
        });
        (await one.texts()).forEach((text) => seen.add(text));
        return expected.every((text) => seen.has(text));
      },
      'all that was missed is there',
      15000,
    );
    await box(one, (b) => {
      b.scrollTop = b.scrollHeight;
    });
    await eventually(async () => {
      const texts = await last(one, 8);
      assert.deepEqual(texts, expected.slice(-8));
      return true;
    }, 'in order, once');
  },
);

const box = (one, action) => one.page.locator('.messages').evaluate(action);

onDesktop(test, 'drafts survive a reload, one for each room', async (bring) => {
  const { one, you } = await talking(bring);
  await one.composer.fill('half a thought\nand a half');
  await one.open('General');
  assert.equal(await one.composer.inputValue(), '');
  await one.composer.fill('for everybody');
  await one.toList();
  await one.row(you).getByText('Draft:').waitFor();
  await one.shot('draft');
  await one.page.reload();
  await one.inside();
  await one.open(you);
  assert.equal(await one.composer.inputValue(), 'half a thought\nand a half');
  await one.open('General');
  assert.equal(await one.composer.inputValue(), 'for everybody');
  await one.composer.fill('');
});

onPhone(
  test,
  'an unsent message survives a closed tab and arrives once',
  async (bring) => {
    const { one, robot, room } = await talking(bring);
    await one.context.setOffline(true);
    await banner(one).getByText('You are offline.', { exact: false }).waitFor();
    await one.say('into the bottle');
    await one.message('into the bottle').waitFor();
    await one.page.close();
    await one.context.setOffline(false);
    await one.newPage();
    await one.visit(`#/room/${room}`);
    await one.message('into the bottle').getByTitle('Sent').waitFor();
    await eventually(
      () => robot.texts(room).includes('into the bottle'),
      'it arrives',
    );
    await one.page.reload();
    await one.message('into the bottle').waitFor();
    await new Promise((done) => setTimeout(done, 500));
    assert.equal(await one.message('into the bottle').count(), 1);
    assert.equal(
      robot.texts(room).filter((t) => t === 'into the bottle').length,
      1,
    );
  },
);

onDesktop(
  test,
  'a refused message says why; it can be edited or sent again',
  async (bring) => {
    const { one, robot, room } = await talking(bring);
    const tooLong = 'x'.repeat(60000);
    await one.composer.fill(tooLong);
    await one.page.getByRole('button', { name: 'Send' }).click();
    const failed = one.page.locator('.message[data-state="failed"]');
    await failed.getByText('Not sent.', { exact: false }).waitFor();
    await one.shot('refused message');
    await one.axe('refused message');
    await failed.getByRole('button', { name: 'Try again' }).click();
    await failed.getByText('Not sent.', { exact: false }).waitFor();
    await failed.getByRole('button', { name: 'Edit' }).click();
    assert.equal((await one.composer.inputValue()).length, tooLong.length);
    await one.say('shorter');
    await one.message('shorter').getByTitle('Sent').waitFor();
    assert.deepEqual(robot.texts(room).slice(-1), ['shorter']);
    assert.equal(await failed.count(), 0);
  },
);

onPhone(test, 'lists that fail offer to try again', async (bring) => {
  const { one } = await talking(bring);
  const away = (route) =>
    route.fulfill({ status: 503, json: { message: 'Away' } });
  for (const pattern of ['**/rooms/*', '**/users/online']) {
    await one.page.route(pattern, away);
  }
  await one.visit('#/');
  await one.page.reload();
  await one.page
    .locator('.failed')
    .getByText("Your conversations couldn't be loaded.")
    .waitFor();
  await one.page.getByText("Who is online couldn't be loaded.").waitFor();
  await one.shot('lists failed');
  await one.axe('lists failed');
  for (const pattern of ['**/rooms/*', '**/users/online']) {
    await one.page.unroute(pattern);
  }
  await one.page.getByRole('button', { name: 'Try again' }).first().click();
  await one.row('General').waitFor();
  await one.page.getByRole('button', { name: 'Try again' }).first().click();
  await one.page.getByRole('heading', { name: /Online now/ }).waitFor();

  // and a room whose messages fail
  await one.page.route('**/room/0/messages*', away);
  await one.page.reload();
  await one.toList();
  await one.row('General').click();
  await one.page.getByText("The messages couldn't be loaded.").waitFor();
  await one.page.unroute('**/room/0/messages*');
  await one.page.getByRole('button', { name: 'Try again' }).click();
  await one.page.getByRole('feed').waitFor();
});

onDesktop(
  test,
  "a room that isn't one's own is refused kindly",
  async (bring) => {
    const { one } = await talking(bring);
    await one.visit('#/room/1%3A2');
    await one.page
      .getByText("This conversation doesn't exist, or isn't yours.")
      .waitFor();
    await one.axe('unknown room');
    await one.page.getByRole('button', { name: 'Go to General' }).click();
    await one.page
      .getByRole('heading', { name: 'General', level: 2 })
      .waitFor();
  },
);

onDesktop(
  test,
  'workers that are killed, and a Redis that restarts, lose nothing',
  async (bring) => {
    const { one, robot, room } = await talking(bring);
    const { server } = site;

    const heard = (text) =>
      eventually(
        async () => {
          const history = await server.redis.client.zrange(
            `room:${room}`,
            0,
            -1,
          );
          return (
            history.filter((entry) => JSON.parse(entry).message === text)
              .length === 1
          );
        },
        `${text} is kept once`,
        20000,
      );

    for (const pid of server.workerPids()) process.kill(pid, 'SIGKILL');
    await one.say('through the crash');
    await one
      .message('through the crash')
      .getByTitle('Sent')
      .waitFor({ timeout: 20000 });
    await heard('through the crash');

    await server.redis.kill9();
    await one.say('through the night');
    await new Promise((done) => setTimeout(done, 1500));
    await one.shot('redis away');
    await server.redis.start();
    await one
      .message('through the night')
      .getByTitle('Sent')
      .waitFor({ timeout: 30000 });
    await heard('through the night');

    await eventually(
      () => robot.socket.connected,
      'the partner is back',
      20000,
    );
    await robot.say(room, 'all well');
    await one.message('all well').waitFor({ timeout: 20000 });
    assert.deepEqual(await last(one, 4), [
      'hello',
      'through the crash',
      'through the night',
      'all well',
    ]);
  },
);

onPhone(
  test,
  'where WebSocket is blocked, polling does it',
  async (bring) => {
    const [me, you] = ['Polled', 'Live'].map(newName);
    const robot = await (await site.robot(you)).connect();
    const room = pair(robot, await site.robot(me));
    const one = await bring(site.url);
    await one.context.addInitScript(() => {
      window.WebSocket = class {
        constructor() {
          setTimeout(() => this.onerror?.(new Event('error')));
        }
        close() {}
      };
    });
    await one.logIn(me);
    await robot.say(room, 'over there');
    await one.open(you);
    await one.message('over there').waitFor();
    await one.say('over here');
    await one.message('over here').getByTitle('Sent').waitFor();
    await eventually(
      () => robot.texts(room).includes('over here'),
      'it arrives',
    );
  },
);
