// The program in the page: it takes over its islands without anything moving, and only pages that have one load it.
import { expect, test, type Site } from './support/test.ts';
import type { Page } from '@playwright/test';

test('links lead from page to page, and back', async ({ site, page }) => {
  await site.open('/');
  await site.main.getByRole('link', { name: 'notauth_func', exact: true }).click();
  await site.isAt('/functions/notauth_func');
  await site.ready();
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
  await site.ready();
  await page.goBack();
  await expect(page.getByRole('heading', { level: 2, name: 'Functions' })).toBeVisible();
  await page.goBack();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('notauth_func');
  await site.ready();
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"hello":"world"})' });
});

/** What a page loads from `/pkg/`, by its ending. */
async function loadedBy(site: Site, path: string, status = 200): Promise<string[]> {
  const files: string[] = [];
  const record = (request: { url(): string }) => files.push(new URL(request.url()).pathname);
  site.page.on('request', record);
  await site.open(path, status);
  await site.page.waitForLoadState('networkidle');
  site.page.off('request', record);
  const loaded = files.filter(file => file.startsWith('/pkg/')).sort();
  expect(loaded, 'every file is fetched once').toEqual([...new Set(loaded)]);
  return loaded;
}

test('only a page that has something to take over loads the program', async ({ site }) => {
  const endings = (files: string[]) => files.map(file => file.split('.').pop());
  for (const [path, status] of [['/', 200], ['/account', 200], ['/users', 401], ['/setup', 200], ['/no-such-page', 404]] as const) {
    expect(endings(await loadedBy(site, path, status)), path).toEqual(['css']);
  }
  for (const path of ['/login', '/functions/auth_func', '/welcome']) {
    const program = (await loadedBy(site, path)).filter(file => file.startsWith('/pkg/callgate.'));
    expect(endings(program).sort(), path).toEqual(['css', 'js', 'wasm']);
  }
});

for (const path of ['/login', '/welcome', '/functions/auth_func', '/functions/login']) {
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
