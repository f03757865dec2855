// What wants the password once more, and how it is given.
import { expect, test, PASSWORD } from './support/test.ts';

// The password is fresh for so short that a test can wait for its end.
test.use({ settings: { CALLGATE_SESSIONS_FRESH_SECONDS: '1' } });

test('a call that wants a fresh login leads to the password and back, and what is secret is typed again', async ({
  site,
  page,
}) => {
  await site.logIn();
  await site.becomesStale();
  await site.open('/functions/change_password');
  await page.getByLabel('New password', { exact: true }).fill('seven canary zebras');
  if (site.hydrates) {
    site.watch.expectResponse('403 POST /api/change_password');
  }
  await site.main.getByRole('button', { name: 'Call', exact: true }).click();
  await site.isAt('/confirm?next=/functions/change_password');
  await site.ready();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Confirm it is you');
  await expect(site.main).toContainText('You are logged in as user01');

  site.watch.expectResponse(site.hydrates ? '401 POST /api/confirm_login' : '401 POST /confirm');
  const password = page.getByLabel('Password', { exact: true });
  await password.fill('wrong');
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(site.main.getByRole('alert')).toHaveText('Wrong password. Try again.');
  await site.ready();
  await expect(password).toHaveAttribute('aria-invalid', 'true');

  await password.fill(PASSWORD);
  await page.getByRole('button', { name: 'Confirm' }).click();
  await site.isAt('/functions/change_password');
  await site.ready();
  const waits = page.getByRole('region', { name: 'Your call is waiting' });
  await expect(waits).toContainText('Enter them again');
  await expect(waits.getByRole('button')).toHaveCount(0);
  await expect(page.getByLabel('New password', { exact: true })).toHaveValue('');
  expect(await page.content()).not.toContain('canary');
});

test('the page that changes the password asks for the password once more, and leads back', async ({ site, page }) => {
  const confirm = async () => {
    await site.isAt('/confirm?next=/account/password');
    await site.ready();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Confirm' }).click();
    await site.isAt('/account/password');
    await site.ready();
  };
  await site.logIn();
  await site.becomesStale();
  await site.open('/account');
  await site.main.getByRole('link', { name: 'Change your password' }).click();
  await confirm();

  await site.becomesStale();
  await page.getByLabel('New password', { exact: true }).fill('seven canary zebras');
  if (site.hydrates) {
    site.watch.expectResponse('403 POST /api/change_password');
  }
  await page.getByRole('button', { name: 'Change password' }).click();
  await confirm();
  await expect(site.main).toContainText('other secrets are never stored');
  await expect(page.getByLabel('New password', { exact: true })).toHaveValue('');
  expect(await page.content()).not.toContain('canary');
});

test('who is not logged in cannot confirm', async ({ site }) => {
  await site.open('/confirm?next=/account');
  await site.main.getByRole('link', { name: 'Log in' }).click();
  await site.isAt('/login?next=/account');
});
