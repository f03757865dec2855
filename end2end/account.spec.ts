// One's own account: the password, and where one is logged in.
import { randomUUID } from 'node:crypto';
import { expect, test, PASSWORD, USER } from './support/test.ts';

const NEW = 'seven small zebras swim';

test('one sees where one is logged in, and ends a session elsewhere', async ({ site, page, playwright, server }) => {
  const elsewhere = await playwright.request.newContext({
    baseURL: server.origin,
    ignoreHTTPSErrors: true,
    userAgent: 'curl/8.14.1',
  });
  await elsewhere.post('/api/login', { data: { user_id: USER, password: PASSWORD, remember: false } });
  await site.logIn();
  await site.header.getByRole('link', { name: USER }).click();
  await site.isAt('/account');
  await site.ready();
  const sessions = site.main.getByRole('listitem');
  await expect(sessions.filter({ hasText: 'this session' })).toContainText('Chrome on');
  const others = sessions.filter({ hasText: 'curl, 127.0.0.1' });
  const before = await others.count();
  const end = others.first().getByRole('button', { name: /^Log out\s?: curl, 127\.0\.0\.1$/ });
  // A browser may have several sessions: the description of the button distinguishes them.
  await expect(end).toHaveAccessibleDescription(/^Logged in .+, last used .+/);
  await end.click();
  await expect(others).toHaveCount(before - 1);
  await site.isAt('/account?done=logged_out_there');
  await expect(site.main.locator('.notice')).toHaveText('The other session has ended.');
  await site.ready();
  expect((await elsewhere.post('/api/current_user')).status()).toBe(401);
  await elsewhere.dispose();

  await sessions.filter({ hasText: 'this session' }).getByRole('button', { name: 'Log out here' }).click();
  await site.isAt('/account');
  await site.isLoggedOut();
  await expect(site.main).toContainText('You are not logged in');
  await page.getByRole('link', { name: 'Log in' }).last().click();
  await site.isAt('/login?next=/account');
});

test('a password is changed, with the reason beside the field where it is not good enough', async ({ site, page, server }) => {
  const user = `changer-${randomUUID().slice(0, 8)}`;
  await server.addUser(user, 'six large parrots walk');
  await site.logIn(user, 'six large parrots walk');
  await site.open('/account');
  await site.main.getByRole('link', { name: 'Change your password' }).click();
  await site.isAt('/account/password');
  await site.ready();
  await expect(site.main).toContainText('This ends all your other sessions');
  const change = async () => site.main.getByRole('button', { name: 'Change password' }).click();
  const field = page.getByLabel('New password', { exact: true });
  await expect(field).toHaveAttribute('autocomplete', 'new-password');
  // Password managers keep it under the name that stands beside it.
  await expect(site.main.locator('form input[autocomplete="username"]')).toHaveValue(user);
  if (site.hydrates) {
    await field.fill('seven zebras');
    await expect(site.main).toContainText('12 of at least 15 characters.');
    // As the server counts: after NFKC, however the syllables were put together.
    await field.fill('여덟글자한국말을'.normalize('NFD'));
    await expect(site.main).toContainText('8 of at least 15 characters.');
    site.watch.expectResponse('422 POST /api/change_password');
  }
  await field.fill('passwordpassword');
  await change();
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await site.isAt('/account/password');
  await site.ready();
  await expect(field).toHaveAccessibleDescription(/Is too easily guessed/);
  // With script it is still there to be mended; without, nothing keeps it.
  await expect(field).toHaveValue(site.hydrates ? 'passwordpassword' : '');
  const hint = site.hydrates ? /16 characters: long enough\./ : /At least 15 characters\./;
  await expect(field).toHaveAccessibleDescription(hint);

  await field.fill(NEW);
  if (site.hydrates) {
    await expect(site.main).toContainText('23 characters: long enough.');
  }
  await change();
  await site.isAt('/account?done=password_changed');
  await site.ready();
  const notice = site.main.locator('.notice');
  await expect(notice).toHaveText('Your password has been changed. All your other sessions have ended.');
  await expect(notice).toBeFocused();
  await site.isLoggedIn(user);

  await site.header.getByRole('button', { name: 'Log out' }).click();
  await site.isLoggedOut();
  await site.ready();
  await site.logIn(user, NEW);
});
