// Getting in and out: log in, create an account, demo users, reload, log out,
// and what is said when it doesn't work.

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
import { NO_RATE } from '../lib/server.mjs';
import { newName, PASSWORD, startSite } from './site.mjs';

let site;

before(async () => {
  site = await startSite();
  await openBrowser();
});

after(async () => {
  await closeBrowser();
  await site.stop();
});

const alertText = (page) => page.locator('.problem').innerText();
const field = (page, name) => page.getByLabel(name, { exact: true });

async function fillNew(page, name, password, again = password) {
  await page.getByText('Create account', { exact: true }).first().click();
  await field(page, 'Name').fill(name);
  await field(page, 'Password').fill(password);
  await field(page, 'Password again').fill(again);
  await page.getByRole('button', { name: 'Create account' }).click();
}

onDevices(
  test,
  'a demo user gets in, stays in over a reload, and out again',
  async (bring) => {
    const one = await bring(site.url);
    const page = await one.visit();
    await page.getByRole('button', { name: 'Pablo' }).waitFor();
    await one.shot('log in');
    await one.noSidewaysScroll();
    await page.getByRole('button', { name: 'Pablo' }).click();
    assert.equal(await field(page, 'Name').inputValue(), 'Pablo');
    await page.keyboard.press('Enter');
    await one.inside();
    await one.toList();
    for (const room of ['General', 'Joe', 'Mary', 'Alex']) {
      await one.row(room).waitFor();
    }
    await one.shot('rooms');
    await page.reload();
    await one.inside();
    await one.row('General').waitFor();
    await page.getByRole('button', { name: 'Account menu of Pablo' }).click();
    await one.shot('account menu');
    assert.match(
      await page
        .getByRole('link', { name: 'Source code' })
        .getAttribute('href'),
      /^https:\/\//,
    );
    await page.getByRole('button', { name: 'Log out', exact: true }).click();
    await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Log in', exact: true }).waitFor();
  },
);

onDevices(
  test,
  'what is missing or wrong is said where it is',
  async (bring) => {
    const one = await bring(site.url);
    const page = await one.visit();
    const enter = page.getByRole('button', { name: 'Log in', exact: true });
    one.allow(NETWORK);

    await enter.click();
    assert.equal(await alertText(page), 'Enter your name.');
    assert.equal(
      await page.evaluate(() => document.activeElement.name),
      'username',
    );
    await field(page, 'Name').fill('Pablo');
    await enter.click();
    assert.equal(await alertText(page), 'Enter your password.');

    await field(page, 'Password').fill('not this one');
    await enter.click();
    await eventually(
      async () => /doesn't belong/.test(await alertText(page)),
      'a wrong password is told',
    );
    assert.equal(
      await page.evaluate(() => document.activeElement.name),
      'password',
    );
    await one.shot('wrong password');

    await fillNew(page, 'Pablo', 'anything', 'something');
    assert.equal(await alertText(page), 'The two passwords differ.');
    await fillNew(page, 'Pablo', 'anything');
    await eventually(
      async () => /name is taken/.test(await alertText(page)),
      'a taken name is told',
    );
    assert.equal(
      await page.evaluate(() => document.activeElement.name),
      'username',
    );
    await one.shot('name taken');

    // one that only looks like it: with a Cyrillic letter, or in another case
    for (const other of ['P\u0430blo', 'PABLO']) {
      await fillNew(page, other, 'anything');
      await eventually(
        async () =>
          /looks like one that somebody has/.test(await alertText(page)),
        `${other} looks like a name that there is`,
      );
      assert.equal(await field(page, 'Name').inputValue(), other);
      assert.equal(
        await page.evaluate(() => document.activeElement.name),
        'username',
      );
    }
    await one.shot('name alike');
    await page.getByText('Log in', { exact: true }).first().click();
    await field(page, 'Name').fill('pablo');
    await field(page, 'Password').fill(PASSWORD);
    await enter.click();
    await eventually(
      async () => /one that looks like it/.test(await alertText(page)),
      'at the log-in, too',
    );
    assert.equal(
      await page.evaluate(() => document.activeElement.name),
      'username',
    );
  },
);

onDesktop(
  test,
  'failures of the server are told as what they are',
  async (bring) => {
    const one = await bring(site.url);
    const page = await one.visit();
    one.allow(NETWORK);
    await field(page, 'Name').fill('Pablo');
    await field(page, 'Password').fill(PASSWORD);

    const cases = [
      [
        {
          status: 429,
          headers: { 'Retry-After': '12' },
          json: { message: 'Too many tries' },
        },
        /Too many tries\. Wait 12 seconds/,
      ],
      [{ status: 502, body: '<html>Bad Gateway</html>' }, /isn't answering/],
      [
        { status: 503, json: { message: 'Busy' } },
        /busy or its storage is away/,
      ],
      [{ status: 413, body: '<html>' }, /too long/],
      [
        { status: 400, json: { message: 'The name is too long' } },
        /The name is too long/,
      ],
      [{ status: 200, body: '<html>' }, /makes no sense/],
      [null, /can't be reached/],
    ];
    for (const [answer, words] of cases) {
      await page.route('**/login', (route) =>
        answer ? route.fulfill(answer) : route.abort(),
      );
      await page.getByRole('button', { name: 'Log in', exact: true }).click();
      await eventually(
        async () => words.test(await alertText(page)),
        `${words}`,
      );
      await page.unroute('**/login');
    }
    await one.context.setOffline(true);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await eventually(
      async () => (await alertText(page)) === 'You are offline.',
      'being offline is told',
    );
    await one.context.setOffline(false);
  },
);

onDevices(test, 'a new account', async (bring) => {
  const name = newName('Nora');
  const one = await bring(site.url);
  const page = await one.visit();

  await page.getByText('Create account', { exact: true }).first().click();
  await page.getByRole('button', { name: 'Suggest a name' }).click();
  await eventually(
    async () => /^\S+$/.test(await field(page, 'Name').inputValue()),
    'a name is suggested',
  );
  await one.shot('create account');
  await one.axe('create account');

  await page.getByRole('button', { name: 'Show password' }).first().click();
  assert.equal(await field(page, 'Password').getAttribute('type'), 'text');
  assert.equal(
    await field(page, 'Password').getAttribute('autocomplete'),
    'new-password',
  );

  await fillNew(page, name, 'long enough');
  await one.inside();
  await page
    .getByText(`Welcome, ${name}. Your account has been created.`)
    .waitFor();
  await one.shot('account created');
  await page.getByRole('button', { name: 'Close this notice' }).click();

  // the same again, with its password: it is a log-in, and is called one
  const two = await bring(site.url);
  await two.visit();
  await fillNew(two.page, name, 'long enough');
  await two.page
    .getByText(`You already had the account “${name}”`, { exact: false })
    .waitFor();

  // an unknown name at the log-in makes an account: that is said, too
  const other = newName('Typo');
  const three = await bring(site.url);
  await three.visit();
  await three.page.getByText('a new name creates an account').waitFor();
  await field(three.page, 'Name').fill(other);
  await field(three.page, 'Password').fill('long enough');
  await three.page.getByRole('button', { name: 'Log in', exact: true }).click();
  await three.page
    .getByText(`no account called “${other}”`, { exact: false })
    .waitFor();
});

onDesktop(
  test,
  'the button waits while the server does, and asks once',
  async (bring) => {
    const one = await bring(site.url);
    const page = await one.visit();
    let asked = 0;
    await page.route('**/login', async (route) => {
      asked++;
      await new Promise((done) => setTimeout(done, 500));
      await route.continue();
    });
    await page.getByRole('button', { name: 'Mary' }).click();
    const enter = page.getByRole('button', { name: 'Log in', exact: true });
    await enter.dblclick();
    const waiting = page.getByRole('button', { name: 'Logging in…' });
    await waiting.waitFor();
    assert.ok(await waiting.isDisabled());
    await one.inside();
    assert.equal(asked, 1);
  },
);

onDesktop(
  test,
  "logging out on all devices ends the other one's session",
  async (bring) => {
    const name = newName('Everywhere');
    await site.robot(name);
    const one = await bring(site.url);
    const two = await bring(site.url);
    for (const p of [one, two]) p.allow(NETWORK);
    await one.logIn(name);
    await two.logIn(name);
    await one.toList();
    await one.page.getByRole('button', { name: /Account menu/ }).click();
    await one.page
      .getByRole('button', { name: 'Log out on all devices' })
      .click();
    await two.page
      .getByText('Your session has ended', { exact: false })
      .waitFor();
    await two.shot('session ended');
  },
);

onPhone(
  test,
  'a server that is away is told, and found again by itself',
  async (bring) => {
    const one = await bring(site.url);
    one.allow(NETWORK);
    await one.page.route('**/me', (route) =>
      route.fulfill({ status: 502, body: '<html>' }),
    );
    await one.visit();
    await one.page.getByText("The chat can't be reached").waitFor();
    await one.shot('unreachable');
    await one.axe('unreachable');
    await one.page.unroute('**/me');
    await one.page
      .getByRole('button', { name: 'Log in', exact: true })
      .waitFor();
  },
);

onPhone(test, "where the site's log-in counts, there is no other", async (bring) => {
  const own = await startSite({
    chat: `${NO_RATE} chat_user $cookie_site;`,
  });
  try {
    const one = await bring(own.url);
    const page = await one.visit();
    await page.getByText('You are not in the chat').waitFor();
    await one.shot('outside');
    await one.axe('outside');
    assert.equal(await page.getByLabel('Password').count(), 0);
    await one.context.addCookies([
      { name: 'site', value: 'Somebody', url: own.url },
    ]);
    await page.getByRole('button', { name: 'Try again' }).click();
    await one.inside();
    await one.toList();
    await page.getByRole('button', { name: /Account menu/ }).click();
    await page.getByText('Logged in as').waitFor();
    assert.equal(await page.getByRole('button', { name: /Log out/ }).count(), 0);
    await one.done();
  } finally {
    await own.stop();
  }
});
