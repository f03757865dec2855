// Logging in without script.
import { expect, test } from './support/test.ts';

test('what needs script is not offered', async ({ site, page }) => {
  await site.open('/login');
  await expect(page.getByText('Show', { exact: true })).toBeHidden();
  await site.open('/functions/notauth_func');
  await expect(page.getByText('Copy', { exact: true }).first()).toBeHidden();
});

test('a refused login says so in title and focus, and keeps the ticked box and where it leads', async ({ site, page }) => {
  await site.open('/login?next=/functions/auth_func');
  const box = page.getByLabel('Remember me on this device');
  await box.check();
  site.watch.expectResponse('401 POST /login');
  await site.fillLogin('user02', 'wrong');
  await site.main.getByRole('button', { name: 'Log in' }).click();
  await expect(site.main.getByRole('alert')).toHaveText('Wrong user or password. Try again.');
  await expect(site.main.getByRole('alert')).toBeFocused();
  await expect(page).toHaveTitle('Error: Log in · Callgate');
  await expect(box).toBeChecked();

  await site.fillLogin('user01', 'user_01');
  await site.sendLogin('/functions/auth_func');
});
