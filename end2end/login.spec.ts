// Logging in and out.
import { expect, test, PASSWORD, USER, cookieNames } from './support/test.ts';

const DAY = 24 * 60 * 60;
const INVALID = 'Wrong user or password. Try again.';

test('a user logs in, is named on every page, and logs out', async ({ site }) => {
  await site.open('/');
  await site.isLoggedOut();
  await site.header.getByRole('link', { name: 'Log in' }).click();
  await site.isAt('/login');
  await site.ready();
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin('/');
  await expect(site.main).toContainText(`Hello, ${USER}`);

  for (const path of ['/functions/auth_func', '/functions/notauth_func', '/functions/login', '/login', '/']) {
    await site.open(path);
    await site.isLoggedIn();
  }
  await site.open('/no-such-page', 404);
  await site.isLoggedIn();

  await expect(site.header.locator('form')).toHaveAttribute('method', 'post');
  await site.logOut();
  await expect(site.main).toContainText('You are not logged in.');
});

test('a wrong password and an unknown user get the same message, beside the fields', async ({ site, page }) => {
  await site.open('/login');
  const alert = site.main.locator('form').getByRole('alert');
  const user = page.getByLabel('User', { exact: true });
  const password = page.getByLabel('Password', { exact: true });
  await expect(alert).toHaveText('');
  await expect(user).toHaveAttribute('aria-invalid', 'false');

  for (const name of [USER, 'nobody']) {
    const path = site.hydrates ? '/api/login' : '/login';
    site.watch.expectResponse(`401 POST ${path}`);
    await site.fillLogin(name, 'canary-secret');
    const answered = page.waitForResponse(response => new URL(response.url()).pathname === path);
    await site.main.getByRole('button', { name: 'Log in' }).click();
    await answered;

    await expect(alert).toHaveText(INVALID);
    await expect(user).toHaveValue(name);
    for (const field of [user, password]) {
      await expect(field).toHaveAttribute('aria-invalid', 'true');
      await expect(field).toHaveAccessibleDescription(INVALID);
    }
    expect(page.url()).not.toContain('canary-secret');
    expect(await page.content()).not.toContain('canary-secret');
    await site.isLoggedOut();
    await site.ready();
  }

  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin('/');
});

test('only who ticks the box is remembered, for 30 days', async ({ site, page, context, server }) => {
  const names = cookieNames(server.origin);
  const remembered = async () => (await context.cookies()).find(cookie => cookie.name === names.remember);
  await site.open('/login');
  const box = page.getByLabel('Remember me on this device');
  await expect(box).not.toBeChecked();
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin();
  expect(await remembered()).toBeUndefined();
  await site.logOut();

  await site.open('/login');
  await box.check();
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin();
  const seconds = ((await remembered())?.expires ?? 0) - Date.now() / 1000;
  expect(seconds / DAY).toBeCloseTo(30, 1);

  // The browser is closed and opened again: what lasts for the session only is gone.
  await context.clearCookies({ name: names.session });
  await site.open('/functions/auth_func');
  await site.isLoggedIn();
});

test('scripts and other sites cannot reach the cookies, and logout takes them away', async ({ site, page, context, server }) => {
  const names = cookieNames(server.origin);
  await site.open('/');
  expect(await context.cookies()).toEqual([]);

  await site.open('/login');
  await page.getByLabel('Remember me on this device').check();
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin();
  const cookies = await context.cookies();
  expect(cookies.map(cookie => cookie.name).sort()).toEqual([names.session, names.remember]);
  for (const cookie of cookies) {
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/', domain: 'localhost' });
  }
  expect(cookies.find(cookie => cookie.name === names.session)?.expires).toBe(-1);
  expect(await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length])).toEqual(['', 0, 0]);

  await site.logOut();
  expect(await context.cookies()).toEqual([]);
});

test('a login leads to the page that was asked for', async ({ site }) => {
  await site.open('/login?next=/functions/auth_func');
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin('/functions/auth_func');
});

test('a login never leads to another site, nor to what is no page', async ({ site, page }) => {
  for (const asked of [
    '/\\evil.example',
    '/%09/evil.example',
    'javascript:alert(1)',
    '/api/logout',
    '//evil.example',
    'https://evil.example/',
  ]) {
    await site.open(`/login?next=${asked}`);
    await expect(site.field('next'), asked).toHaveValue('/');
  }
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin('/');
});

test('after a logout, Back shows nothing of the user', async ({ site, page }) => {
  await site.logIn();
  await site.main.getByRole('link', { name: 'auth_func', exact: true }).click();
  await site.isAt('/functions/auth_func');
  await site.ready();
  await site.call();
  await expect(site.reply).toContainText(`user_id=${USER}`);
  await site.logOut();

  await page.goBack();
  await site.isAt('/functions/auth_func');
  await site.ready();
  await site.isLoggedOut();
  await expect(page.locator('body')).not.toContainText(USER);
  await expect(site.reply).toContainText('No call yet.');
});
