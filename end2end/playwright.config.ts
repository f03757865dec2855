// How Callgate is tested in a real browser: every journey with script and without; every page on a desktop and on a phone.
import { execFileSync } from 'node:child_process';
import { defineConfig } from '@playwright/test';
import type { Options } from './support/test.ts';

const desktop = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const koreanPhone = { ...phone, viewport: { width: 360, height: 740 }, locale: 'ko-KR' };

// `*.hydrated.spec.ts` needs the program in the page, `*.still.spec.ts` that there is none; the others hold either way.
const hydrated = { testIgnore: '*.still.spec.ts', use: { hydrates: true } };
const still = { testIgnore: '*.hydrated.spec.ts', use: { hydrates: false, javaScriptEnabled: false } };
// What depends on the screen: the layout of each page, and what axe finds on it.
const onPhone = 'every_page.spec.ts';

export default defineConfig<Options>({
  testDir: '.',
  fullyParallel: true,
  forbidOnly: true,
  // What passes only then is listed as flaky by tools/test.sh.
  retries: 1,
  workers: 2,
  timeout: 300_000,
  expect: { timeout: 60_000 },
  reporter: 'list',
  use: {
    // Each worker's server makes its own certificate; that it can be verified is what the Python client tests.
    ignoreHTTPSErrors: true,
    locale: 'en-GB',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: systemBrowser(),
      args: [
        '--headless=new',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
  projects: [
    { name: 'hydrated-desktop', ...hydrated, use: { ...hydrated.use, ...desktop } },
    { name: 'hydrated-phone', ...hydrated, testMatch: onPhone, use: { ...hydrated.use, ...phone } },
    { name: 'korean-phone', ...hydrated, testMatch: onPhone, use: { ...hydrated.use, ...koreanPhone } },
    { name: 'still-desktop', ...still, use: { ...still.use, ...desktop } },
    { name: 'still-phone', ...still, testMatch: onPhone, use: { ...still.use, ...phone } },
  ],
});

/** The browser that $CHROMIUM names, or the system's; without either, Playwright's own. */
function systemBrowser(): string | undefined {
  if (process.env.CHROMIUM) {
    return process.env.CHROMIUM;
  }
  try {
    return execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  } catch {
    return undefined;
  }
}
