// For everybody: keyboard only, screen readers, colour schemes, narrow and
// zoomed screens, reduced motion; and the mount under a prefix.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import {
  closeBrowser,
  DESKTOP,
  eventually,
  onDesktop,
  onDevices,
  onPhone,
  openBrowser,
  PHONE,
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

const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: e } = document;
    return (
      e.getAttribute('aria-label') ?? e.getAttribute('name') ?? e.innerText
    );
  });

const visibleFocus = (page) =>
  page.evaluate(() => {
    for (
      let e = document.activeElement;
      e && e !== document.body;
      e = e.parentElement
    ) {
      const style = getComputedStyle(e);
      if (
        style.outlineStyle !== 'none' &&
        parseFloat(style.outlineWidth) >= 1.5
      )
        return true;
    }
    return (
      document.activeElement.nextElementSibling &&
      getComputedStyle(document.activeElement.nextElementSibling)
        .outlineStyle !== 'none'
    );
  });

onDevices(test, 'everything can be done with the keyboard', async (bring) => {
  const [me, you] = ['Keys', 'Other'].map(newName);
  const robot = await (await site.robot(you)).connect();
  const self = await site.robot(me);
  const room = pair(robot, self);
  await robot.say(room, 'first');
  await robot.say(room, 'second');
  const one = await bring(site.url);
  const page = await one.visit();
  const { keyboard } = page;
  await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();

  // in
  await keyboard.press('Tab');
  assert.ok(await visibleFocus(page));
  await keyboard.press('Tab');
  assert.equal(await focused(page), 'username');
  await keyboard.type(me);
  await keyboard.press('Tab');
  assert.ok(await visibleFocus(page));
  await keyboard.type('password123');
  await keyboard.press('Enter');
  await one.inside();
  await one.row(you).waitFor();

  // search, then the arrows through the lists
  await page.getByLabel('Search rooms and people').focus();
  assert.ok(await visibleFocus(page));
  await keyboard.press('ArrowDown');
  assert.match(await focused(page), /General/);
  assert.ok(await visibleFocus(page));
  await keyboard.press('ArrowDown');
  assert.match(await focused(page), new RegExp(you));
  await keyboard.press('Home');
  assert.match(await focused(page), /General/);
  await keyboard.press('ArrowDown');
  await keyboard.press('Enter');
  await page.getByRole('heading', { name: you, level: 2 }).waitFor();
  await one.message('second').waitFor();

  // a desktop is ready to write, a phone says where one is
  await eventually(
    async () => /Message to|Other/.test(await focused(page)),
    'focus has followed',
  );
  await one.composer.focus();
  assert.ok(await visibleFocus(page));
  await keyboard.type('from the keyboard');
  await keyboard.press('Shift+Enter');
  await keyboard.type('second line');
  if (one.phone) {
    await keyboard.press('Tab');
    assert.equal(await focused(page), 'Send');
  }
  await keyboard.press('Enter');
  await eventually(
    () => robot.texts(room).at(-1) === 'from the keyboard\nsecond line',
    'it is sent with its line break',
  );

  // the messages, one by one
  await page.getByRole('feed').focus();
  assert.ok(await visibleFocus(page));
  await keyboard.press('ArrowUp');
  assert.equal(await focused(page), 'You');
  await keyboard.press('ArrowUp');
  assert.equal(await focused(page), you);
  assert.ok(await visibleFocus(page));
  await keyboard.press('ArrowUp');
  await keyboard.press('End');
  assert.equal(await focused(page), 'You');

  // Escape: to the composer, or back to the list
  await keyboard.press('Escape');
  if (one.phone) await one.row('General').waitFor();
  else assert.match(await focused(page), /Message to/);

  // the menu, closed by Escape with focus back where it was, and out
  await page.getByRole('button', { name: /Account menu/ }).focus();
  await keyboard.press('Enter');
  await page.getByRole('button', { name: 'Log out', exact: true }).waitFor();
  await keyboard.press('Escape');
  assert.match(await focused(page), /Account menu/);
  await keyboard.press('Enter');
  for (let i = 0; i < 6 && (await focused(page)) !== 'Log out'; i++) {
    await keyboard.press('Tab');
  }
  await keyboard.press('Enter');
  await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
});

onDesktop(test, 'a long list keeps the keyboard', async (bring) => {
  const [me, you] = ['Long', 'Talker'].map(newName);
  const robot = await site.robot(you);
  const self = await site.robot(me);
  const room = pair(robot, self);
  await site.join(room);
  await site.seed(
    room,
    Array.from({ length: 200 }, (_, i) => ({
      from: robot.id,
      text: `n${i}`,
      age: 4000 - i,
    })),
  );
  const one = await bring(site.url);
  await one.logIn(me);
  await one.open(you);
  await one.message('n199').waitFor();
  await one.page.getByRole('feed').focus();
  for (let i = 0; i < 60; i++) await one.page.keyboard.press('ArrowUp');
  await eventually(
    async () =>
      (await one.page.evaluate(
        () =>
          document.activeElement.querySelector('.message-text')?.textContent,
      )) === 'n140',
    'sixty up',
  );
  const seen = await one.page.evaluate(() => {
    const row = document.activeElement.getBoundingClientRect();
    const list = document.querySelector('.messages').getBoundingClientRect();
    return row.top >= list.top - 1 && row.bottom <= list.bottom + 1;
  });
  assert.ok(seen, 'what has focus is in sight');
});

for (const colorScheme of ['light', 'dark']) {
  const widths = colorScheme === 'light' ? [DESKTOP, PHONE] : [DESKTOP, PHONE];
  onDevices(
    test,
    `every screen, ${colorScheme}`,
    async (bring) => {
      const [me, you] = ['Screen', 'Scenery'].map(newName);
      const robot = await (await site.robot(you)).connect();
      const one = await bring(site.url, { colorScheme });
      const check = async (screen) => {
        await one.noSidewaysScroll();
        await one.shot(`${colorScheme} ${screen}`);
        await one.axe(`${screen}, ${colorScheme}`);
      };
      await one.visit();
      await one.page.getByRole('button', { name: 'Pablo' }).waitFor();
      await check('log in');
      await one.page
        .getByRole('button', { name: 'Log in', exact: true })
        .click();
      await one.page.locator('.problem').waitFor();
      await check('log in with a problem');
      await one.page
        .getByText('Create account', { exact: true })
        .first()
        .click();
      await check('create account');
      await one.logIn(me);
      await robot.say(
        pair(robot, await site.robot(me)),
        'Hello there, have a look at ' +
          'https://example.com/a/rather/long/address?with=parameters',
      );
      await one.toList();
      await one.row(you).getByText('1 unread message').waitFor();
      await check('rooms');
      await one.page.getByRole('button', { name: /Account menu/ }).click();
      await check('menu');
      await one.page.keyboard.press('Escape');
      await one.open(you);
      await one.say('Thank you');
      await one.message('Thank you').getByTitle('Sent').waitFor();
      await check('private room');
      await one.open('General');
      await check('general');
    },
    widths,
  );
}

const SMALL = { name: 'small', viewport: { width: 360, height: 560 } };
const TABLET = { name: 'tablet', viewport: { width: 768, height: 900 } };
// 1280 x 800 at 200 %
const ZOOMED = {
  name: 'zoomed',
  viewport: { width: 640, height: 400 },
  deviceScaleFactor: 2,
};

onDevices(
  test,
  'nothing is cut off on small and zoomed screens',
  async (bring) => {
    const one = await bring(site.url);
    await one.logIn('Alex');
    await one.toList();
    await one.noSidewaysScroll();
    await one.open('General');
    await one.noSidewaysScroll();
    await one.composer.fill('a\n'.repeat(12));
    const sizes = await one.page.evaluate(() => {
      const box = (selector) =>
        document.querySelector(selector).getBoundingClientRect();
      return {
        input: box('textarea').width,
        list: box('.messages').height,
        send: box('.composer-send').bottom,
        height: window.innerHeight,
      };
    });
    assert.ok(sizes.input > 200, `the input is ${sizes.input} wide`);
    assert.ok(sizes.list > 60, `the list is ${sizes.list} high`);
    assert.ok(sizes.send <= sizes.height);
    await one.shot('twelve lines');
    await one.composer.fill('');
  },
  [SMALL, TABLET, ZOOMED],
);

onDevices(test, 'motion is reduced when that is asked for', async (bring) => {
  const one = await bring(site.url, { reducedMotion: 'reduce' });
  await one.logIn('Mary');
  const longest = await one.page.evaluate(() =>
    Math.max(
      ...[...document.querySelectorAll('*')].flatMap((element) => {
        const style = getComputedStyle(element);
        return [style.transitionDuration, style.animationDuration].flatMap(
          (value) => value.split(',').map(parseFloat),
        );
      }),
    ),
  );
  assert.ok(longest < 0.01, `something moves for ${longest} s`);
});

onPhone(test, 'under /chat/ it works without rebuilding', async (bring) => {
  const other = await startSite({ prefix: '/chat/' });
  try {
    const one = await bring(other.url);
    await one.logIn('Pablo');
    await one.open('General');
    await one.say('from below');
    await one.message('from below').getByTitle('Sent').waitFor();
    await one.page.reload();
    await one.message('from below').waitFor();
    const addresses = await one.page.evaluate(() =>
      performance
        .getEntriesByType('resource')
        .map((entry) => new URL(entry.name).pathname),
    );
    assert.deepEqual(
      addresses.filter((path) => !path.startsWith('/chat/')),
      [],
    );
    await one.page.goto('about:blank');
  } finally {
    await other.stop();
  }
});
