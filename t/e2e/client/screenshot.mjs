// Makes the README's picture, client/screenshot.webp: the client with the demo
// data, in the light theme.
//
//     ./chat build && node t/e2e/client/screenshot.mjs

import fs from 'node:fs';

import { closeBrowser, openBrowser, person } from './browser.mjs';
import { startSite } from './site.mjs';

const FILE = new URL('../../../client/screenshot.webp', import.meta.url);
const DEVICE = { name: 'picture', viewport: { width: 1200, height: 750 } };

const site = await startSite();
await openBrowser();

try {
  await (await site.robot('Mary')).connect();
  const joe = await (await site.robot('Joe')).connect();
  await (await site.robot('Alex')).connect();

  const pablo = await person(site.url, DEVICE, { colorScheme: 'light' });
  await pablo.logIn('Pablo');
  await pablo.open('General');
  await joe.say('0', 'I have put the agenda here: https://example.com/agenda');
  await pablo.say('Thank you, Joe. See you at ten.');
  await pablo.message('Thank you, Joe. See you at ten.').getByTitle('Sent')
    .waitFor();
  await joe.say('1:2', 'Shall we go together?');
  await pablo.row('Joe').getByText('Shall we go together?').waitFor();
  await pablo.composer.blur();

  // Playwright's own screenshots are PNG or JPEG
  const browser = await pablo.context.newCDPSession(pablo.page);
  const { data } = await browser.send('Page.captureScreenshot',
                                      { format: 'webp', quality: 85 });
  fs.writeFileSync(FILE, Buffer.from(data, 'base64'));
  await pablo.done();
} finally {
  await closeBrowser();
  await site.stop();
}
