// Browsers for the tests. Every page is watched: an error on its console, an
// exception or a violation of the policy fails the test that opened it.

import fs from 'node:fs';
import path from 'node:path';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { PASSWORD } from './site.mjs';

const require = createRequire(
  path.resolve(
    path.dirname(fileURLToPath(import.meta.url)),
    '../../../client/package.json',
  ),
);
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.SCREENSHOT_DIR;

export const DESKTOP = {
  name: 'desktop',
  viewport: { width: 1280, height: 800 },
};
export const PHONE = {
  name: 'phone',
  viewport: { width: 360, height: 700 },
  hasTouch: true,
  isMobile: true,
};
export const DEVICES = [DESKTOP, PHONE];
const ALL_DEVICES = process.env.CHAT_E2E_DEVICES === 'all';

// what the browser itself logs when the network or the server is taken away
export const NETWORK = /Failed to load resource|WebSocket connection|net::ERR/;

let browser;

export async function openBrowser() {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export const closeBrowser = () => browser.close();

// A person at a device of their own. Close it with done(), which also says
// whether all was quiet.
export async function person(url, device, options = {}) {
  const { allow = [], ...contextOptions } = options;
  const { name, ...size } = device;
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    ...size,
    ...contextOptions,
  });
  const complaints = [];
  const allowed = [...allow];

  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(
        `policy violated: ${event.violatedDirective} ` + event.blockedURI,
      );
    });
  });

  const watch = (page) => {
    page.setDefaultTimeout(10000);
    page.on('pageerror', (error) => complaints.push(`exception: ${error}`));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) {
        complaints.push(`${message.type()}: ${message.text()}`);
      }
    });
    return page;
  };

  const self = {
    context,
    device,
    phone: device.isMobile === true,
    page: watch(await context.newPage()),

    allow(pattern) {
      allowed.push(pattern);
    },

    async newPage() {
      this.page = watch(await context.newPage());
      return this.page;
    },

    async visit(hash = '') {
      await this.page.goto(url + hash);
      return this.page;
    },

    async logIn(user, password = PASSWORD) {
      await this.visit();
      await this.page.getByLabel('Name', { exact: true }).fill(user);
      await this.page.getByLabel('Password', { exact: true }).fill(password);
      await this.page
        .getByRole('button', { name: 'Log in', exact: true })
        .click();
      await this.inside();
      const close = this.page.getByRole('button', {
        name: 'Close this notice',
      });
      if (await close.isVisible()) await close.click();
      return this.page;
    },

    async inside() {
      await this.page.locator('.shell').waitFor();
    },

    // the row of a room in the list, which on a phone hides behind the room
    row(title) {
      return this.page.locator('.room-row').filter({
        has: this.page
          .locator('.room-row-name')
          .getByText(title, { exact: true }),
      });
    },

    async toList() {
      if (this.phone && (await this.page.locator('.room-back').isVisible())) {
        await this.page.locator('.room-back').click();
      }
    },

    async open(title) {
      await this.toList();
      await this.row(title).click();
      await this.page.getByRole('heading', { name: title, level: 2 }).waitFor();
      await this.page.getByRole('feed').waitFor();
    },

    get composer() {
      return this.page.getByRole('textbox', { name: /Message to/ });
    },

    async say(text) {
      await this.composer.fill(text);
      await this.page.getByRole('button', { name: 'Send' }).click();
    },

    message(text) {
      return this.page.getByRole('article').filter({
        has: this.page
          .locator('.message-text')
          .getByText(text, { exact: true }),
      });
    },

    texts() {
      return this.page.locator('.message-text').allInnerTexts();
    },

    async shot(title) {
      if (shots) {
        const file = `${title}-${device.name}.png`.replace(
          /[^a-z0-9.-]+/gi,
          '-',
        );
        await this.page.screenshot({ path: path.join(shots, file) });
      }
    },

    async noSidewaysScroll() {
      const [inner, outer] = await this.page.evaluate(() => [
        document.documentElement.scrollWidth,
        window.innerWidth,
      ]);
      assert.ok(inner <= outer, `page is ${inner} wide in ${outer}`);
    },

    async axe(what) {
      await this.page.evaluate(axe);
      const found = await this.page.evaluate(async () => {
        const { violations } = await window.axe.run(document, {
          resultTypes: ['violations'],
        });
        return violations.map(({ id, impact, nodes }) => ({
          id,
          impact,
          where: nodes.map((node) => node.html.slice(0, 160)),
        }));
      });
      const bad = found.filter(
        ({ impact }) => impact === 'serious' || impact === 'critical',
      );
      assert.deepEqual(bad, [], `axe on ${what}`);
    },

    async done() {
      await context.close();
      assert.deepEqual(
        complaints.filter(
          (line) => !allowed.some((pattern) => pattern.test(line)),
        ),
        [],
        `what ${device.name} complained about`,
      );
    },
  };

  return self;
}

// Tests of what is the same on each device run on one, or, by CHAT_E2E_DEVICES=
// all, on each.
export function onDesktop(test, name, body) {
  onDevices(test, name, body, ALL_DEVICES ? DEVICES : [DESKTOP]);
}

export function onPhone(test, name, body) {
  onDevices(test, name, body, ALL_DEVICES ? DEVICES : [PHONE]);
}

// Runs a test once on each device, and closes whoever it brought in.
export function onDevices(test, name, body, devices = DEVICES) {
  for (const device of devices) {
    test(`${name} (${device.name})`, { timeout: 90000 }, async () => {
      const people = [];
      let passed = false;
      const bring = async (url, options) => {
        const one = await person(url, device, options);
        people.push(one);
        return one;
      };
      try {
        await body(bring, device);
        passed = true;
      } finally {
        for (const one of people) {
          if (!passed) await one.shot(`FAILED ${name}`).catch(() => {});
          const closed = one.done();
          // a failed test has said what matters already
          await (passed ? closed : closed.catch(() => {}));
        }
      }
    });
  }
}

export async function eventually(check, what, ms = 8000) {
  const end = Date.now() + ms;
  for (;;) {
    let problem;
    try {
      if (await check()) return;
    } catch (error) {
      problem = error;
    }
    if (Date.now() > end) {
      throw new Error(`not within ${ms} ms: ${what}`, { cause: problem });
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}
