// The program in the page: it takes over without anything moving, and goes from page to page by itself.
import { expect, test, type Site } from './support/test.ts';
import type { Page } from '@playwright/test';

test('links lead from page to page without loading one', async ({ site, page }) => {
  await site.open('/');
  await page.evaluate(() => Object.assign(window, { samePage: true }));
  await site.main.getByRole('link', { name: 'notauth_func', exact: true }).click();
  await site.isAt('/functions/notauth_func');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('notauth_func');
  await expect(page).toHaveTitle('notauth_func · Callgate');
  await expect(site.header.getByRole('link', { name: 'Log in' })).toHaveAttribute(
    'href',
    '/login?next=/functions/notauth_func',
  );
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"hello":"world"})' });

  await site.main.getByRole('link', { name: 'All functions' }).click();
  await site.isAt('/');
  await expect(page).toHaveTitle('Callgate');
  await site.main.getByRole('link', { name: 'login', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('login');
  await page.goBack();
  await expect(page.getByRole('heading', { level: 2, name: 'Functions' })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('notauth_func');
  expect(await page.evaluate(() => 'samePage' in window)).toBe(true);
});

test('every file is fetched once', async ({ site, page }) => {
  const fetched: string[] = [];
  page.on('request', request => fetched.push(new URL(request.url()).pathname));
  await site.open('/');
  const files = fetched.filter(path => path.startsWith('/pkg/')).sort();
  expect(files).toEqual([...new Set(files)]);
  const program = files.filter(path => path.startsWith('/pkg/callgate.')).map(path => path.split('.').pop());
  expect(program.sort()).toEqual(['css', 'js', 'wasm']);
});

for (const path of ['/', '/login', '/functions/auth_func', '/functions/login']) {
  test(`nothing moves when the program takes over ${path}`, async ({ site, page, browser, viewport, isMobile, server }) => {
    const options = { baseURL: server.origin, ignoreHTTPSErrors: true, viewport, isMobile, locale: 'en-GB' };
    const stillContext = await browser.newContext({ ...options, javaScriptEnabled: false });
    const still = await stillContext.newPage();
    await still.goto(path);
    const before = await boxes(still);
    await stillContext.close();

    await site.open(path);
    expect(await boxes(page)).toEqual(before);
    expect(before.length).toBeGreaterThan(20);
    expect(await shifts(site)).toEqual([]);
  });
}

/** Where every visible element of the page is, with its text. */
function boxes(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.body.querySelectorAll('*')]
      .filter(element => !['SCRIPT', 'STYLE'].includes(element.tagName))
      .map(element => {
        const { x, y, width, height } = element.getBoundingClientRect();
        const text = element.children.length === 0 ? element.textContent?.trim() : '';
        return `${element.tagName} ${[x, y, width, height].map(Math.round).join(' ')} ${text}`;
      }),
  );
}

/** What the browser itself saw moving while the page loaded. */
function shifts(site: Site): Promise<unknown[]> {
  return site.page.evaluate(
    () =>
      new Promise<unknown[]>(resolve => {
        const observer = new PerformanceObserver(list => resolve(list.getEntries().map(entry => entry.toJSON())));
        observer.observe({ type: 'layout-shift', buffered: true });
        requestAnimationFrame(() => requestAnimationFrame(() => resolve([])));
      }),
  );
}
