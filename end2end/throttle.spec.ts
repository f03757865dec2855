// After too many failed logins an account has to wait, and the page says how long.
import { expect, test, PASSWORD, USER } from './support/test.ts';

test.use({ settings: { CALLGATE_THROTTLE_ACCOUNT_FAILURES: '1', CALLGATE_THROTTLE_ACCOUNT_DELAY_SECONDS: '240' } });

test('after too many wrong passwords even the right one waits, and the page says how long', async ({ site, page }) => {
  await site.open('/login');
  const path = site.hydrates ? '/api/login' : '/login';
  const alert = site.main.locator('form').getByRole('alert');
  // Another account than that of the other tests of this file's server.
  const user = site.hydrates ? USER : 'user02';
  for (const [password, status, message] of [
    ['wrong', 401, 'Wrong user or password. Try again.'],
    [site.hydrates ? PASSWORD : 'user_02', 429, 'Too many attempts. Try again in 4 minutes.'],
  ] as const) {
    site.watch.expectResponse(`${status} POST ${path}`);
    await site.fillLogin(user, password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await expect(alert).toHaveText(message);
    // A throttled login is not checked, so the page does not mark the password as wrong.
    const isWrong = String(status === 401);
    await expect(page.getByLabel('Password', { exact: true })).toHaveAttribute('aria-invalid', isWrong);
    await site.ready();
  }
  await site.isLoggedOut();
});
