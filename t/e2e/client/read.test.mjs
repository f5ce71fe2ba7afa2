// Reading: older messages, the place one reads at, the way to the end, and a
// room with 50,000 messages.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  closeBrowser,
  eventually,
  NETWORK,
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

// a private room with a history; every seventh message is a long one
async function withHistory(bring, count) {
  const [me, you] = ['Reader', 'Author'].map(newName);
  const robot = await site.robot(you);
  const self = await site.robot(me);
  const room = pair(robot, self);
  await site.join(room);
  await site.seed(
    room,
    Array.from({ length: count }, (_, i) => ({
      from: i % 3 ? robot.id : self.id,
      text:
        i % 7
          ? `number ${i}`
          : `number ${i} ${'and some more '.repeat(i % 40)}`,
      age: (count - i) * 20,
    })),
  );
  const one = await bring(site.url);
  await one.logIn(me);
  await robot.connect();
  await one.open(you);
  await one.page
    .locator('.message-text', { hasText: `number ${count - 1}` })
    .waitFor();
  return { one, robot, room, you };
}

const list = (one) => one.page.locator('.messages');

const place = (one) =>
  list(one).evaluate((box) => {
    const edge = box.getBoundingClientRect().top;
    const row = [...box.querySelectorAll('.message')].find(
      (element) => element.getBoundingClientRect().top > edge + 20,
    );
    return {
      top: box.scrollTop,
      fromEnd: box.scrollHeight - box.clientHeight - box.scrollTop,
      text: row?.querySelector('.message-text').textContent,
      at: row && row.getBoundingClientRect().top - edge,
    };
  });

const settled = (one) =>
  one.page.evaluate(
    () =>
      new Promise((done) =>
        requestAnimationFrame(() =>
          requestAnimationFrame(() => setTimeout(done, 50)),
        ),
      ),
  );

onDevices(
  test,
  'older messages come on scrolling up, and the place is kept',
  async (bring) => {
    const { one } = await withHistory(bring, 300);
    const { page } = one;
    assert.ok((await place(one)).fromEnd < 2, 'it begins at the end');

    // held back, so that the place can be looked at before and after
    let release;
    let asked = 0;
    await page.route('**/messages?*before=*', async (route) => {
      asked++;
      await new Promise((done) => {
        release = done;
      });
      await route.continue();
    });
    await list(one).evaluate((box) => {
      box.scrollTop = 150;
    });
    await eventually(() => asked === 1, 'an older page is asked for');
    await settled(one);
    const before = await place(one);
    const height = await list(one).evaluate((box) => box.scrollHeight);
    release();
    await eventually(
      async () =>
        (await list(one).evaluate((box) => box.scrollHeight)) > height + 500,
      'it is put in',
    );
    await settled(one);
    const now = await place(one);
    assert.equal(now.text, before.text);
    assert.ok(
      Math.abs(now.at - before.at) < 2,
      `the row moved from ${before.at} to ${now.at}`,
    );

    // up to the first message, each of them once
    await page.unroute('**/messages?*before=*');
    await eventually(
      async () => {
        await list(one).evaluate((box) => {
          box.scrollTop = 0;
        });
        return page.getByText('number 0', { exact: false }).first().isVisible();
      },
      'the first message',
      15000,
    );
    await page.getByText('This is the beginning').waitFor();
    const seen = new Set();
    for (let step = 0; step < 200; step++) {
      for (const text of await one.texts())
        seen.add(text.match(/number \d+/)[0]);
      const { fromEnd } = await place(one);
      if (fromEnd < 2) break;
      await list(one).evaluate((box) => {
        box.scrollTop += box.clientHeight;
      });
      await settled(one);
    }
    assert.equal(seen.size, 300);
  },
);

onDesktop(
  test,
  "reading older messages isn't disturbed by new ones",
  async (bring) => {
    const { one, robot, room } = await withHistory(bring, 60);
    await list(one).evaluate((box) => {
      box.scrollTop = box.scrollHeight / 2;
    });
    await settled(one);
    await settled(one);
    const before = await place(one);
    assert.ok(before.fromEnd > 200);
    for (let i = 1; i <= 3; i++) await robot.say(room, `late ${i}`);
    const jump = one.page.getByRole('button', {
      name: '3 new messages, jump to newest',
    });
    await jump.waitFor();
    const now = await place(one);
    assert.equal(now.text, before.text);
    assert.ok(Math.abs(now.at - before.at) < 2);
    assert.match(await one.page.title(), /^\(3\)/);
    await one.shot('jump to newest');
    await one.axe('jump to newest');
    await jump.click();
    await one.message('late 3').waitFor();
    await eventually(async () => (await place(one)).fromEnd < 2, 'the end');
    await eventually(async () => !/^\(/.test(await one.page.title()), 'read');
    assert.equal(await one.page.locator('.jump').count(), 0);

    // at the end, new ones are followed; and so is one's own from anywhere
    await robot.say(room, 'followed');
    await one.message('followed').waitFor();
    await eventually(
      async () => (await place(one)).fromEnd < 2,
      'still the end',
    );
    await list(one).evaluate((box) => {
      box.scrollTop = 0;
    });
    await settled(one);
    await one.say('my own');
    await one.message('my own').waitFor();
    await eventually(
      async () => (await place(one)).fromEnd < 2,
      'the end again',
    );
  },
);

onPhone(
  test,
  "older messages that can't be loaded can be tried again",
  async (bring) => {
    const { one } = await withHistory(bring, 90);
    one.allow(NETWORK);
    await one.page.route('**/messages?*before=*', (route) =>
      route.fulfill({ status: 503, json: { message: 'Busy' } }),
    );
    await list(one).evaluate((box) => {
      box.scrollTop = 0;
    });
    await one.page.getByText("Older messages couldn't be loaded.").waitFor();
    await one.page.unroute('**/messages?*before=*');
    await one.page.getByRole('button', { name: 'Try again' }).click();
    await eventually(async () => {
      await list(one).evaluate((box) => {
        box.scrollTop = 0;
      });
      return one.page.getByText('This is the beginning').isVisible();
    }, 'the beginning');
  },
);

onPhone(test, 'a room with 50,000 messages stays smooth', async (bring) => {
  const { one, robot, room } = await withHistory(bring, 50000);

  // all of it is fetched first, as somebody does who scrolls for long
  await one.page.route('**/messages?*before=*', (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set('size', '1000');
    return route.continue({ url: url.href });
  });
  await eventually(
    async () => {
      await list(one).evaluate((box) => {
        box.scrollTop = 0;
      });
      return one.page.getByText('This is the beginning').isVisible();
    },
    'the beginning of it',
    75000,
  );

  const rows = () => one.page.locator('.message-row').count();
  assert.ok((await rows()) < 150, 'only what is near is in the page');

  const frames = await list(one).evaluate(
    (box) =>
      new Promise((done) => {
        const long = [];
        let last = performance.now();
        let count = 0;
        const step = (now) => {
          long.push(now - last);
          last = now;
          box.scrollTop += 400;
          if (++count < 120) requestAnimationFrame(step);
          else done(long.sort((a, b) => a - b));
        };
        requestAnimationFrame(step);
      }),
  );
  const median = frames[frames.length >> 1];
  assert.ok(median < 80, `a frame takes ${median} ms while scrolling`);
  assert.ok((await rows()) < 150);

  // into the middle, and a new message costs little
  await list(one).evaluate((box) => {
    box.scrollTop = box.scrollHeight / 2;
  });
  await settled(one);
  assert.ok((await one.texts()).length > 5, 'the middle is shown');
  await robot.say(room, 'at last');
  await one.page.getByRole('button', { name: /jump to newest/ }).click();
  await one.message('at last').waitFor();
  const took = await one.page.evaluate(async () => {
    const box = document.querySelector('textarea');
    const start = performance.now();
    for (const letter of 'typing') {
      box.focus();
      document.execCommand('insertText', false, letter);
      await new Promise((done) => requestAnimationFrame(done));
    }
    return (performance.now() - start) / 6;
  });
  assert.ok(took < 100, `a key takes ${took} ms`);
});

onDesktop(
  test,
  'a room with much that is new opens where that begins',
  async (bring) => {
    const { one, robot, room, you } = await withHistory(bring, 40);
    await one.open('General');
    for (let i = 1; i <= 25; i++) await robot.say(room, `fresh ${i}`);
    await one.toList();
    await one.row(you).getByText('25 unread messages').waitFor();
    await one.open(you);
    await one.message('fresh 1').waitFor();
    const line = one.page.locator('.new-line');
    await line.waitFor();
    const [top, height] = await line.evaluate((element) => {
      const list = document.querySelector('.messages').getBoundingClientRect();
      return [element.getBoundingClientRect().top - list.top, list.height];
    });
    assert.ok(
      top >= 0 && top < height / 2,
      `the line is at ${top} of ${height}`,
    );
    assert.match(await one.page.title(), /^\(25\)/);
    await one.shot('opened at the line');
    await one.page.getByRole('button', { name: /jump to newest/ }).click();
    await one.message('fresh 25').waitFor();
    await eventually(async () => !/^\(/.test(await one.page.title()), 'read');
  },
);
