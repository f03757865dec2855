// What the program takes over stays usable whatever has changed the page before: extensions, translators, proxies.
import type { Page } from '@playwright/test';
import { expect, PASSWORD, test, USER, type Site } from './support/test.ts';

const FORM = 'leptos-island form';

/** Changes that others make to a page, each to everything of its kind in the form. */
const CHANGES: Record<string, (form: Element) => void> = {
  'elements behind the fields': form => form.querySelectorAll('input, textarea').forEach(field => field.after(document.createElement('div'))),
  'wrapped fields': form =>
    form.querySelectorAll('input, textarea').forEach(field => {
      const span = document.createElement('span');
      field.replaceWith(span);
      span.append(field);
    }),
  'wrapped texts': form => {
    const texts = document.createNodeIterator(form.closest('leptos-island')!, NodeFilter.SHOW_TEXT);
    const found: Node[] = [];
    for (let text = texts.nextNode(); text; text = texts.nextNode()) found.push(text);
    for (const text of found) {
      const font = document.createElement('font');
      text.parentNode!.replaceChild(font, text);
      font.append(text);
    }
  },
  'no comments': form => {
    const comments = document.createNodeIterator(form.closest('leptos-island')!, NodeFilter.SHOW_COMMENT);
    const found: Node[] = [];
    for (let comment = comments.nextNode(); comment; comment = comments.nextNode()) found.push(comment);
    for (const comment of found) comment.parentNode!.removeChild(comment);
  },
  'an added attribute': form => form.querySelectorAll('*').forEach(element => element.setAttribute('data-extension', 'was-here')),
  'a removed node': form => form.querySelectorAll('label[for], p').forEach(element => element.remove()),
};

/** Opens a page whose program comes only after `before`. */
async function openBefore(site: Site, path: string, before: () => Promise<void>): Promise<void> {
  let go = () => {};
  const gate = new Promise<void>(resolve => (go = resolve));
  await site.page.route(/\.wasm$/, async route => {
    await gate;
    await route.continue();
  });
  await site.page.goto(path, { waitUntil: 'commit' });
  // The page is there, as it was sent.
  await site.page.waitForFunction(() => 'sent' in (document.querySelector('leptos-island') ?? {}));
  await before();
  go();
  await site.ready();
  await site.page.unroute(/\.wasm$/);
}

const changeForm = (page: Page, change: (form: Element) => void) => page.locator(FORM).evaluate(change);

for (const [what, change] of Object.entries(CHANGES)) {
  test(`a login works where something has made ${what}, and keeps what was typed before`, async ({ site, page }) => {
    await openBefore(site, '/login', async () => {
      await page.locator('#user_id').fill(USER);
      await page.locator('#password').fill(PASSWORD);
      await page.locator('[name=remember]').check();
      await changeForm(page, change);
    });
    await expect(page.locator('#user_id')).toHaveValue(USER);
    await expect(page.locator('[name=remember]')).toBeChecked();
    await expect(page.locator('#password')).toHaveValue(PASSWORD);
    await expect(page.getByRole('button', { name: 'Show' }), 'the program has taken over').toBeVisible();
    await site.sendLogin();
  });

  test(`a call shows its reply where something has made ${what}, and keeps what was typed before`, async ({ site, page }) => {
    await openBefore(site, '/functions/notauth_func', async () => {
      await page.locator(`${FORM} textarea`).fill('{"typed":"before"}');
      await changeForm(page, change);
    });
    await site.call();
    await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"typed":"before"})' });
    await expect(page).toHaveURL(/\/functions\/notauth_func$/);
  });
}

test('a form works as without script where a proxy has taken out what the program needs', async ({ site, page }) => {
  await page.route('/login', async route => {
    if (route.request().method() !== 'GET') return route.continue();
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replaceAll(/<!--.*?-->|<!>/gs, '') });
  });
  site.watch.expectError(/unreachable/);
  await page.goto('/login');
  await page.waitForLoadState('networkidle');
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin();
});

test('what was typed stays where the program panics after it has taken over, and the form still works', async ({ site, page }) => {
  await site.open('/login');
  await site.fillLogin(USER, PASSWORD);
  site.watch.expectError(/a panic of the program/);
  await page.evaluate(() => setTimeout(() => { throw new WebAssembly.RuntimeError('a panic of the program'); }));
  await expect(page.getByRole('button', { name: 'Show' }), 'plain HTML').toBeHidden();
  await expect(page.locator('#password')).toHaveValue(PASSWORD);
  const sent = page.waitForRequest(request => request.method() === 'POST' && new URL(request.url()).pathname === '/login');
  await page.locator(`${FORM} button[type=submit]`).click();
  await sent;
  await site.isAt('/');
});

test('a login is sent again after the load of the page that follows was stopped', async ({ site, page }) => {
  await site.open('/login');
  await site.fillLogin(USER, PASSWORD);
  const isHome = (url: URL) => url.pathname === '/';
  // The page that follows never comes, and the person presses Stop.
  await page.route(isHome, () => {});
  await page.evaluate(() => {
    const { navigation } = window as unknown as { navigation: EventTarget };
    navigation.addEventListener('navigate', () => setTimeout(() => window.stop()), { once: true });
  });
  site.watch.expectError(/request failed: GET \S+\/: net::ERR_ABORTED/);
  const gone = page.waitForEvent('requestfailed', request => isHome(new URL(request.url())));
  const button = page.locator(`${FORM} button[type=submit]`);
  await button.click();
  await gone;
  await page.unroute(isHome);
  await expect(button).toHaveAttribute('aria-disabled', 'false');
  await button.click();
  await site.isAt('/');
  await site.isLoggedIn();
});
