// The content security policy, in a browser that obeys it.
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

for (const [what, markup] of [
  ['script', '<script>window.injected = true</script>'],
  ['script with a guessed nonce', '<script nonce="guess">window.injected = true</script>'],
  ['handler', '<svg onload="window.injected = true"></svg>'],
  ['handler of an image that fails', '<img src="/favicon.svg?" onload="window.injected = true" onerror="window.injected = true">'],
]) {
  test(`an injected ${what} does not run, and the page still does`, async ({ site, page }) => {
    await page.route('/functions/notauth_func', async route => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace('</body>', `${markup}</body>`) });
    });
    site.watch.expectError(/policy violation: script-src-(elem|attr), blocked inline/);
    site.watch.expectError(/violates the following Content Security Policy directive/);
    await site.open('/functions/notauth_func');
    await site.call();
    await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"hello":"world"})' });
    expect(await page.content()).toContain('window.injected');
    expect(await page.evaluate(() => 'injected' in window)).toBe(false);
  });
}

test('an injected link with a script for an address does not run', async ({ site, page }) => {
  await inject(page, '</main>', '<a href="javascript:void(window.injected = true)">injected</a></main>');
  site.watch.expectError(/policy violation: script-src-elem, blocked inline/);
  site.watch.expectError(/violates the following Content Security Policy directive/);
  await site.open('/no-such-page', 404);
  const seen = page.waitForEvent('console', message => message.text().startsWith('policy violation'));
  await page.getByText('injected').click();
  await seen;
  expect(await page.evaluate(() => 'injected' in window)).toBe(false);
  await site.isAt('/no-such-page');
});

test('an injected base does not lead the page elsewhere', async ({ site, page, server }) => {
  await inject(page, '<head>', '<head><base href="https://evil.example/">');
  site.watch.expectError(/policy violation: base-uri, blocked https:\/\/evil\.example/);
  site.watch.expectError(/violates the following Content Security Policy directive/);
  await site.open('/no-such-page', 404);
  expect(await page.evaluate(() => document.baseURI)).toBe(`${server.origin}/no-such-page`);
});

test('every answer has a nonce of its own', async ({ page }) => {
  const nonces: string[] = [];
  for (const path of ['/', '/', '/login', '/account', '/confirm', '/functions/auth_func', '/no-such-page', '/no-such-page']) {
    const response = await page.request.get(path);
    const [, nonce] = /script-src 'nonce-([^']+)' 'strict-dynamic'/.exec(response.headers()['content-security-policy']) ?? [];
    const scripts = (await response.text()).match(/<script[^>]*>/g) ?? [];
    expect(scripts.filter(tag => !tag.includes(`nonce="${nonce}"`))).toEqual([]);
    expect(scripts.length).toBeGreaterThan(0);
    expect(nonce.length).toBeGreaterThanOrEqual(22);
    nonces.push(nonce);
  }
  expect(new Set(nonces).size).toBe(nonces.length);
});

/** Puts markup into the page at `/no-such-page`, as an attacker would who found a hole; the headers stay as they are. */
async function inject(page: Page, before: string, markup: string): Promise<void> {
  await page.route('/no-such-page', async route => {
    const response = await route.fetch();
    const html = await response.text();
    expect(html).toContain(before);
    await route.fulfill({ response, body: html.replace(before, markup) });
  });
}
