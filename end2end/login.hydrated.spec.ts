// Logging in, where the page has its program.
import { expect, test, USER } from './support/test.ts';

test('the password can be shown and hidden while it is typed', async ({ site, page }) => {
  await site.open('/login');
  const password = page.getByLabel('Password', { exact: true });
  const show = page.getByRole('button', { name: 'Show password' });
  await password.fill('half of i');
  await expect(password).toHaveAttribute('type', 'password');

  await show.click();
  await expect(password).toHaveAttribute('type', 'text');
  await expect(show).toHaveCount(0);
  await expect(password).toHaveValue('half of i');

  const hide = page.getByRole('button', { name: 'Hide password' });
  await expect(hide).toHaveText('Hide');
  await hide.click();
  await expect(password).toHaveAttribute('type', 'password');
  await expect(show).toHaveText('Show');
});

test('Caps Lock and Hangul in the password are pointed out, the latter while it is shown', async ({ site, page }) => {
  await site.open('/login');
  const password = page.getByLabel('Password', { exact: true });
  const warning = site.main.locator('[aria-live=polite]');
  await password.dispatchEvent('keyup', { key: 'A', modifierCapsLock: true });
  await expect(warning).toHaveText('Caps Lock is on.');
  await password.dispatchEvent('keyup', { key: 'a' });
  await expect(warning).toHaveText('');

  await password.fill('비밀');
  await expect(warning).toHaveText('');
  await page.getByRole('button', { name: 'Show password' }).click();
  await expect(warning).toHaveText('This contains Hangul. Check the language of your keyboard.');
  await password.fill('qlalf');
  await expect(warning).toHaveText('');
});

test('a wrong password is said in place, and the next one is typed over it', async ({ site, page }) => {
  await site.open('/login?next=/functions/auth_func');
  await page.evaluate(() => Object.assign(window, { samePage: true }));
  site.watch.expectResponse('401 POST /api/login');
  await site.fillLogin(USER, 'wrong');
  await page.getByLabel('Password', { exact: true }).press('Enter');
  await expect(site.main.getByRole('alert')).toHaveText('Wrong user or password. Try again.');

  const password = page.getByLabel('Password', { exact: true });
  await expect(password).toBeFocused();
  await page.keyboard.type('user_01');
  await expect(password).toHaveValue('user_01');
  expect(await page.evaluate(() => 'samePage' in window)).toBe(true);
  await page.keyboard.press('Enter');
  await site.isAt('/functions/auth_func');
  await site.ready();
  await site.isLoggedIn();
});
