// Talking: General, private conversations, how messages look, unread counts,
// presence, and notifications. With two and three browsers.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  closeBrowser,
  eventually,
  onDesktop,
  onDevices,
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
  await site.stop();
});

onDesktop(test, 'three people in General', async (bring) => {
  const names = [newName('Ann'), newName('Ben'), newName('Cleo')];
  const people = [];
  for (const name of names) {
    const one = await bring(site.url);
    await one.logIn(name);
    await one.open('General');
    people.push(one);
  }
  const [ann, ben, cleo] = people;
  const said = names.map((name) => `Good morning from ${name}`);

  for (const [i, one] of [ann, ben, cleo].entries()) {
    await one.say(said[i]);
    for (const other of people) await other.message(said[i]).waitFor();
  }
  for (const one of people) {
    assert.deepEqual((await one.texts()).slice(-3), said);
  }
  await ann.message(said[0]).getByTitle('Sent').waitFor();

  // who speaks is named for others and not for oneself
  const name = (one, text) => one.message(text).getAttribute('aria-label');
  assert.equal(await name(ben, said[0]), names[0]);
  assert.equal(await name(ann, said[0]), 'You');
  await ben.shot('general');
  await ben.axe('general');
  await ben.noSidewaysScroll();
});

onDevices(
  test,
  'a private conversation begins with a click on a name',
  async (bring) => {
    const [anna, ben, cleo] = ['Anna', 'Ben', 'Cleo'].map(newName);
    const one = await bring(site.url);
    const two = await bring(site.url);
    const three = await bring(site.url);
    for (const [p, name] of [
      [one, anna],
      [two, ben],
      [three, cleo],
    ]) {
      await p.logIn(name);
      await p.open('General');
    }
    await two.say(`It is ${ben}`);
    await one.message(`It is ${ben}`).waitFor();
    await one.page
      .getByRole('button', { name: `Write in private to ${ben}` })
      .last()
      .click();
    await one.page.getByRole('heading', { name: ben, level: 2 }).waitFor();
    await one.page.getByText('the beginning of your conversation').waitFor();
    await one.shot('new private room');
    await one.say('Just for you');
    await one.message('Just for you').getByTitle('Sent').waitFor();

    // it appears on the other side by itself, unread, and not for a third
    await two.toList();
    await two.row(anna).waitFor();
    await two.row(anna).getByText('1 unread message').waitFor();
    assert.match(await two.page.title(), /^\(1\) /);
    await two.open(anna);
    await two.message('Just for you').waitFor();
    await eventually(
      async () => !/^\(/.test(await two.page.title()),
      'the count goes with reading',
    );
    await two.say('Thank you');
    await one.message('Thank you').waitFor();
    await three.toList();
    assert.equal(await three.row(anna).count(), 0);
    await one.shot('private room');
    await one.axe('private room');

    // and it is still there after a reload, in the same room
    await one.page.reload();
    await one.message('Thank you').waitFor();
  },
);

onPhone(
  test,
  'whoever is online can be written to from the list',
  async (bring) => {
    const [me, you] = ['Me', 'You'].map(newName);
    const robot = await site.robot(you);
    const one = await bring(site.url);
    await one.logIn(me);
    await one.toList();
    await robot.connect();
    const entry = one.page.getByRole('button', { name: `Write to ${you}` });
    await entry.waitFor();
    await one.page.getByLabel('Search rooms and people').fill(you.slice(0, 7));
    await eventually(
      async () => (await one.row('General').count()) === 0,
      'the search filters rooms',
    );
    await entry.click();
    await one.page.getByRole('heading', { name: you, level: 2 }).waitFor();
    await one.say('Out of the blue');
    await eventually(
      () => robot.heard.some((m) => m.message === 'Out of the blue'),
      'it arrives',
    );
    // online is said in words, and ends
    await one.page
      .locator('.room-sub')
      .getByText('Online', { exact: true })
      .waitFor();
    await one.page.getByText(`${you} connected`).waitFor();
    robot.leave();
    await one.page
      .locator('.room-sub')
      .getByText('Offline', { exact: true })
      .waitFor();
    await one.page.getByText(`${you} left`).waitFor();
    await one.toList();
    await eventually(
      async () => !(await entry.isVisible()),
      'they leave the list',
    );
    await one.page.getByRole('button', { name: 'Clear search' }).click();
    await one.row('General').waitFor();
  },
);

onDesktop(
  test,
  "'X connected' is a quiet line and never a message",
  async (bring) => {
    const [me, you] = ['Quiet', 'Loud'].map(newName);
    const robot = await site.robot(you);
    const one = await bring(site.url);
    await one.logIn(me);
    await one.open('General');
    const count = (await one.texts()).length;
    await robot.connect();
    await one.page.getByText(`${you} connected`).waitFor();
    await one.shot('connected note');
    assert.equal((await one.texts()).length, count);
    await one.toList();
    assert.ok(!(await one.row('General').innerText()).includes('connected'));

    // a flickering network says nothing
    await one.open('General');
    await eventually(
      async () => (await one.page.locator('.presence').innerText()) === '',
      'the note goes',
      12000,
    );
    for (let i = 0; i < 3; i++) {
      robot.leave();
      await robot.connect();
    }
    await new Promise((done) => setTimeout(done, 3000));
    assert.equal(await one.page.locator('.presence').innerText(), '');
  },
);

const TEXTS = {
  html: '<img src=x onerror=alert(1)><b>bold</b> &lt;tag&gt; &amp; "quotes"',
  lines: 'first line\n  second, indented\n\nfourth',
  emoji: '👩🏽‍💻 🎉 :-) é e\u0301',
  long: 'w'.repeat(300),
  rtl: 'שלום עולם',
};

onPhone(test, 'text is shown exactly as it was typed', async (bring) => {
  const [me, you] = ['Writer', 'Reader'].map(newName);
  const robot = await site.robot(you);
  const one = await bring(site.url);
  await one.logIn(me);
  await robot.connect();
  const room = pair(robot, await site.robot(me));
  await one.visit(`#/room/${room}`);
  await one.inside();
  for (const text of Object.values(TEXTS)) await one.say(text);
  await eventually(
    () => robot.texts(room).length === Object.keys(TEXTS).length,
    'all arrive',
  );
  assert.deepEqual(robot.texts(room), Object.values(TEXTS));
  await eventually(async () => {
    const shown = await one.page
      .locator('.message-text')
      .evaluateAll((all) => all.map((element) => element.textContent));
    assert.deepEqual(shown, Object.values(TEXTS));
    return true;
  }, 'all are shown');
  assert.equal(await one.page.locator('.bubble img, .bubble b').count(), 0);

  // nothing breaks out of its bubble, nor the page
  const outside = await one.page.evaluate(
    () =>
      [...document.querySelectorAll('.bubble')].filter((bubble) => {
        const box = bubble.getBoundingClientRect();
        const text = bubble
          .querySelector('.message-text')
          .getBoundingClientRect();
        const list = document
          .querySelector('.messages')
          .getBoundingClientRect();
        return (
          text.right > box.right ||
          box.right > list.right ||
          box.left < list.left
        );
      }).length,
  );
  assert.equal(outside, 0);
  await one.noSidewaysScroll();
  await one.shot('texts');
});

onDesktop(test, 'links are made for http and https only', async (bring) => {
  const [me, you] = ['Linker', 'Linked'].map(newName);
  const robot = await (await site.robot(you)).connect();
  const one = await bring(site.url);
  await one.logIn(me);
  const room = pair(robot, await site.robot(me));
  await robot.say(
    room,
    'see https://example.com/a?b=1&c=<2>. javascript:alert(1) ' +
      'HTTP://EXAMPLE.ORG/ and ftp://example.com',
  );
  await one.open(you);
  const links = one.page.locator('.message-text a');
  await links.first().waitFor();
  assert.deepEqual(
    await links.evaluateAll((all) => all.map((a) => [a.href, a.target])),
    [
      ['https://example.com/a?b=1&c=', '_blank'],
      ['http://example.org/', '_blank'],
    ],
  );
  for (const rel of await links.evaluateAll((all) => all.map((a) => a.rel))) {
    assert.match(rel, /noopener/);
  }
});

onPhone(test, 'days, times, groups and the full date', async (bring) => {
  const [me, you] = ['Timer', 'Past'].map(newName);
  const robot = await site.robot(you);
  const self = await site.robot(me);
  const room = pair(robot, self);
  const day = 86400;
  await site.join(room);
  await site.seed(room, [
    { from: robot.id, text: 'long ago', age: 40 * day },
    { from: robot.id, text: 'yesterday', age: day },
    { from: robot.id, text: 'yesterday too', age: day - 5 },
    { from: self.id, text: 'mine', age: day - 6 },
    { from: robot.id, text: 'just now', age: 2 },
  ]);
  const one = await bring(site.url);
  await one.logIn(me);
  await one.open(you);
  await one.message('just now').waitFor();
  const days = await one.page.locator('.day time').allInnerTexts();
  assert.equal(days.length, 3);
  assert.equal(days[1], 'Yesterday');
  assert.equal(days[2], 'Today');
  const first = (text) => one.message(text).getAttribute('data-first');
  assert.equal(await first('yesterday'), 'true');
  assert.equal(await first('yesterday too'), 'false');
  assert.equal(await first('mine'), 'true');
  const time = one.message('just now').locator('time');
  assert.match(await time.innerText(), /^\d\d:\d\d$/);
  assert.match(await time.getAttribute('title'), /20\d\d.*\d\d:\d\d:\d\d/);
  await one.shot('days');
});

onDevices(
  test,
  'unread counts and the line above what is new',
  async (bring) => {
    const [me, you] = ['Away', 'Busy'].map(newName);
    const robot = await (await site.robot(you)).connect();
    const room = pair(robot, await site.robot(me));
    const one = await bring(site.url);
    await one.logIn(me);
    await robot.say(room, 'seen');
    await one.open(you);
    await one.message('seen').waitFor();
    await one.open('General');
    for (let i = 1; i <= 3; i++) await robot.say(room, `news ${i}`);
    await one.toList();
    await one.row(you).getByText('3 unread messages').waitFor();
    assert.match(await one.page.title(), /^\(3\) /);
    await one.shot('unread');
    await one.axe('unread counts');

    // the count survives a reload
    await one.page.reload();
    await one.inside();
    await one.toList();
    await one.row(you).getByText('3 unread messages').waitFor();

    await one.open(you);
    const line = one.page.locator('.message-row', {
      has: one.page.locator('.new-line'),
    });
    await line.waitFor();
    assert.match(await line.innerText(), /New messages[\s\S]*news 1/);
    await one.shot('new line');
    await one.axe('new line');
    await eventually(
      async () => !/^\(/.test(await one.page.title()),
      'they are read',
    );
  },
);

onDevices(
  test,
  'a hidden tab counts, and notifies when that is turned on',
  async (bring) => {
    const [me, you] = ['Hidden', 'Caller'].map(newName);
    const robot = await (await site.robot(you)).connect();
    const room = pair(robot, await site.robot(me));
    const one = await bring(site.url, { permissions: ['notifications'] });
    await one.context.addInitScript(() => {
      window.shown = [];
      window.Notification = class {
        static permission = 'granted';
        static requestPermission = async () => 'granted';
        constructor(title, { body }) {
          window.shown.push(`${title}: ${body}`);
        }
        close() {}
      };
      let hidden = false;
      Object.defineProperty(document, 'visibilityState', {
        get: () => (hidden ? 'hidden' : 'visible'),
      });
      window.hide = (value) => {
        hidden = value;
        document.dispatchEvent(new Event('visibilitychange'));
      };
    });
    await one.logIn(me);
    const { page } = one;
    const hide = (value) => page.evaluate((v) => window.hide(v), value);
    const shown = () => page.evaluate(() => window.shown);

    await robot.say(room, 'first');
    await one.open(you);
    await one.message('first').waitFor();
    await hide(true);
    await robot.say(room, 'not turned on');
    await one.message('not turned on').waitFor();
    await eventually(
      async () => /^\(1\)/.test(await page.title()),
      'it counts',
    );
    assert.deepEqual(await shown(), []);
    await hide(false);
    await eventually(
      async () => !/^\(/.test(await page.title()),
      'and is read',
    );

    await one.toList();
    await page.getByRole('button', { name: /Account menu/ }).click();
    await page.getByRole('switch', { name: /Notifications/ }).click();
    await page
      .getByRole('switch', { name: /Notifications/, checked: true })
      .waitFor();
    await page.keyboard.press('Escape');
    await hide(true);
    await robot.say(room, 'psst');
    await robot.say('0', 'to everybody');
    await eventually(async () => (await shown()).length > 0, 'it is shown');
    await hide(false);
    await robot.say(room, 'in sight');
    await one.toList();
    await one.row(you).getByText('in sight').waitFor();
    assert.deepEqual(await shown(), [`${you}: psst`]);
  },
);

onDesktop(test, 'new messages of the open room are read out', async (bring) => {
  const you = newName('Speaker');
  const robot = await (await site.robot(you)).connect();
  const one = await bring(site.url);
  await one.logIn(newName('Listener'));
  await one.open('General');
  const region = one.page.locator('[role="log"][aria-live="polite"]');
  await robot.say('0', 'listen to this');
  await eventually(
    async () => (await region.innerText()) === `${you}: listen to this`,
    'it is in the live region',
  );
});

onPhone(test, 'a hundred rooms, sorted by activity', async (bring) => {
  const me = newName('Popular');
  const self = await site.robot(me);
  const { client } = site.server.redis ?? {};
  for (let i = 0; i < 100; i++) {
    // made directly: a hundred log-ins would take a minute of hashing
    let id;
    const name = `${me}-friend${i}`;
    if (client) {
      id = String(await client.incr('total_users'));
      await client.hset(`user:${id}`, 'username', name, 'password', '-');
      await client.set(`username:${name}`, `user:${id}`);
    } else {
      id = site.fake.addUser(name, 'x').id;
    }
    const room = pair(self, { id });
    await site.join(room);
    await site.seed(room, [{ from: id, text: `from ${i}`, age: 1000 - i }]);
  }
  const one = await bring(site.url);
  await one.logIn(me);
  await one.toList();
  await eventually(
    async () =>
      (await one.page.locator('.room-row').count()) === 101 &&
      (await one.page.locator('.room-row-time').count()) >= 101,
    'all are listed',
    20000,
  );
  const titles = await one.page.locator('.room-row-name').allInnerTexts();
  assert.equal(titles[0], 'General');
  assert.deepEqual(
    titles.slice(1, 4),
    [99, 98, 97].map((i) => `${me}-friend${i}`),
  );
  const scrolls = await one.page
    .locator('.sidebar-lists')
    .evaluate(
      (list) =>
        list.scrollHeight > list.clientHeight &&
        document.documentElement.scrollHeight <= window.innerHeight,
    );
  assert.ok(scrolls, "the list scrolls, the page doesn't");
  await one.shot('hundred rooms');
  await one.page.getByLabel('Search rooms and people').fill(`${me}-friend57`);
  await eventually(
    async () => (await one.page.locator('.room-row').count()) === 1,
    'the search finds one',
  );
  await one.page.getByLabel('Search rooms and people').fill('nobody like this');
  await one.page.getByText('Nothing found').waitFor();
  await one.shot('nothing found');

  // activity moves a room up
  await one.page.getByLabel('Search rooms and people').fill('');
  await one.open(`${me}-friend3`);
  await one.say('hello again');
  await one.toList();
  await eventually(
    async () =>
      (await one.page.locator('.room-row-name').nth(1).innerText()) ===
      `${me}-friend3`,
    'it is second',
  );
});
