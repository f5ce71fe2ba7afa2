// The admins' page at /admin: what it shows, what it does after having asked,
// and that nobody else loads or gets it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { NO_RATE } from '../lib/server.mjs';
import {
  closeBrowser,
  eventually,
  NETWORK,
  onDesktop,
  onDevices,
  openBrowser,
} from './browser.mjs';
import { newName, startSite } from './site.mjs';

let site;

before(async () => {
  site = await startSite({ chat: `${NO_RATE} chat_admins Pablo;` });
  await openBrowser();
});

after(async () => {
  await closeBrowser();
  await site.stop();
});

const section = (page, name) => page.getByRole('region', { name });

// opened by who has logged in as an admin
async function enter(one) {
  await one.logIn('Pablo');
  await one.page.goto(`${site.url}admin`);
  await section(one.page, /^Online/).waitFor();
  return one.page;
}

const rowOf = (page, list, name) =>
  section(page, list)
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name, exact: true }) });

async function act(page, row, name, choose) {
  await row.getByRole('button', { name: new RegExp(`^${name}`) }).click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  if (choose) await dialog.getByLabel('For how long?').selectOption(choose);
  await dialog.getByRole('button', { name, exact: true }).click();
  await dialog.waitFor({ state: 'hidden' });
}

// the one device sees light colours, the other dark ones
onDevices(test, 'who is here, and what can be done', async (bring, device) => {
  const name = newName('A-guest-with-a-long-name');
  const robot = await (await site.robot(name)).connect();
  const colorScheme = device.isMobile ? 'dark' : 'light';
  const one = await bring(site.url, { colorScheme });
  const page = await enter(one);
  const row = rowOf(page, /^Online/, name);
  const restricted = rowOf(page, 'Muted and banned', name);
  const check = async (what) => {
    await one.noSidewaysScroll();
    await one.shot(`${colorScheme} admin ${what}`);
    await one.axe(`admin ${what}, ${colorScheme}`);
  };
  await row.getByText('127.0.0.1 WebSocket').waitFor();

  await act(page, row, 'Mute', '1 hour');
  await restricted.getByText(/muted for another (60|59) min/).waitFor();
  await assert.rejects(robot.say('0', 'unheard'), /muted by an admin/);
  await page.getByRole('button', { name: 'Messages of General' }).click();
  await section(page, 'Newest messages of General').locator('li').first()
    .waitFor();
  await check('page');
  await act(page, restricted, 'Unmute');
  await restricted.waitFor({ state: 'detached' });
  await robot.say('0', `https://example.com/${'heard/'.repeat(30)}`);

  // it is asked first, and without a yes nothing happens
  const ended = [];
  robot.socket.on('disconnect', (reason) => ended.push(reason));
  await row.getByRole('button', { name: 'Kick' }).click();
  await page.getByRole('dialog').waitFor();
  await check('dialog');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await row.getByRole('button', { name: 'Kick' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.deepEqual(ended, []);
  await act(page, row, 'Kick');
  await page.getByText(`${name} was kicked.`).waitFor();
  await eventually(() => ended.length === 1, 'the robot is out');
  assert.equal(ended[0], 'io server disconnect');
  await row.waitFor({ state: 'detached' });

  // who is away is found by name
  const search = page.getByLabel('Search by name');
  await search.fill(name);
  await page.getByRole('button', { name: 'Find' }).click();
  await row.getByText('away').waitFor();
  await search.fill('nobody of that name');
  await page.getByRole('button', { name: 'Find' }).click();
  await page.getByText(/Nobody called “nobody of that name”/).waitFor();

  const chart = page.getByRole('img', { name: /^Connections:/ });
  await eventually(
    async () => /^M.*L/.test(
      await chart.locator('.chart-line').getAttribute('d')),
    'a line is drawn',
  );
});

onDesktop(test, 'a ban, and a message that vanishes', async (bring) => {
  const name = newName('Sorry');
  const words = `${name} says too much`;
  const robot = await (await site.robot(name)).connect();
  const reader = await bring(site.url, { allow: [NETWORK] });
  await reader.logIn('Mary');
  await reader.open('General');
  await robot.say('0', `${words} and this stays`);
  await robot.say('0', words);
  await reader.message(words).waitFor();

  const one = await bring(site.url);
  const page = await enter(one);
  await page.getByRole('button', { name: 'Messages of General' }).click();
  const list = section(page, 'Newest messages of General');
  const mine = list.locator('li').filter({ hasText: words });
  await act(page, mine.first(), 'Delete');
  await page.getByText('The message was deleted.').waitFor();
  await reader.message(words).waitFor({ state: 'detached' });
  await eventually(async () => (await mine.count()) === 1, 'it is read again');
  await reader.page.reload();
  await reader.message(`${words} and this stays`).waitFor();
  assert.equal(await reader.message(words).count(), 0);

  const restricted = rowOf(page, 'Muted and banned', name);
  await act(page, rowOf(page, /^Online/, name), 'Ban', 'For ever');
  await restricted.getByText('banned for ever').waitFor();
  await reader.page.getByRole('button', { name: /Account menu/ }).click();
  await reader.page.getByRole('button', { name: 'Log out', exact: true })
    .click();
  await reader.page.getByLabel('Name', { exact: true }).fill(name);
  await reader.page.getByLabel('Password', { exact: true }).fill('password123');
  await reader.page.getByRole('button', { name: 'Log in', exact: true }).click();
  await reader.page.getByText(/You have been banned from this chat/).waitFor();
  await act(page, restricted, 'Unban');
  await restricted.waitFor({ state: 'detached' });
  await reader.page.getByRole('button', { name: 'Log in', exact: true }).click();
  await reader.inside();
});

onDesktop(test, 'it is nobody else\'s', async (bring) => {
  const other = await bring(site.url, { allow: [NETWORK] });
  await other.logIn('Joe');
  const loaded = await other.page.evaluate(() =>
    performance.getEntriesByType('resource').map((entry) => entry.name),
  );
  assert.ok(loaded.some((name) => /assets\/index-/.test(name)));
  assert.ok(!loaded.some((name) => /Admin/.test(name)), loaded.join());
  await other.page.goto(`${site.url}admin`);
  await other.page.getByText(/This page is for admins/).waitFor();
  assert.equal(await other.page.getByRole('table').count(), 0);
  await other.page.getByRole('link', { name: 'To the chat' }).click();
  await other.inside();
});
