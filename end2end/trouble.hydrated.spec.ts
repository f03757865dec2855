// Pages while the server is unreachable or busy: they show the problem, and nothing that was typed is lost.
import { expectNoFinding } from './support/axe.ts';
import { hasChosen, inviteUser, openLink } from './support/links.ts';
import { expect, newName, test, PASSWORD, USER } from './support/test.ts';
import { expectNoConnection, expectUnreachable, TROUBLES, unreachable } from './support/trouble.ts';

test('a call works with the same press once a server that was away is back', async ({ site, server }) => {
  await site.logIn();
  await site.open('/functions/auth_func');
  await site.editor.fill('{"typed":"before"}');
  expectUnreachable(site, 'auth_func');
  // Also the icon of the page has come.
  await site.page.waitForLoadState('networkidle');
  await server.isAwayWhile(async () => {
    await site.pressCall();
    await site.hasReply(unreachable.status, unreachable.refusal);
  });
  await expect(site.editor).toHaveValue('{"typed":"before"}');
  await site.pressCall();
  await site.hasReply('200 OK', { ok: true, msg: `auth_func({"typed":"before"}),user_id=${USER}` });
});

test('somebody who has to log in first learns that the server is away, and what was typed stays', async ({
  site,
  server,
}) => {
  await site.open('/functions/auth_func');
  await site.editor.fill('{"typed":"before"}');
  expectNoConnection(site, 'GET', '/livez');
  // Also the icon of the page has come.
  await site.page.waitForLoadState('networkidle');
  await server.isAwayWhile(async () => {
    await site.pressCall();
    await site.hasReply(unreachable.status, unreachable.refusal);
  });
  await expect(site.editor).toHaveValue('{"typed":"before"}');
  await site.callAndLogIn('/functions/auth_func');
  await expect(site.editor).toHaveValue('{"typed":"before"}');
});

for (const { name, said, status, refusal, during } of TROUBLES) {
  test.describe(name, () => {
    test('is shown in place of a reply, and the call is made again with one press', async ({ site, page }) => {
      await site.logIn();
      await site.open('/functions/quote_stay');
      await site.fillStay();
      await during(site, 'quote_stay', async () => {
        await site.pressCall();
        await site.hasReply(status, refusal);
        await expect(page.locator('[aria-invalid=true]')).toHaveCount(0);
        await expectNoFinding(page);
      });
      await expect(page.getByLabel('Arrival')).toHaveValue('2026-12-30');
      await expect(page.getByLabel('Email (optional)')).toHaveValue('ada@example.org');
      await expect(page.getByLabel('Breakfast, 12 a guest and night')).toBeChecked();
      await site.pressCall();
      await expect(site.reply).toContainText('"total": 176');
    });

    test('does not cost the password that a function was called with', async ({ site, page }) => {
      await site.open('/functions/login');
      await page.getByLabel('User', { exact: true }).fill(USER);
      const password = page.getByLabel('Password', { exact: true });
      await password.fill(PASSWORD);
      await during(site, 'login', async () => {
        await site.pressCall();
        await site.hasReply(status, refusal);
      });
      await expect(password).toHaveValue(PASSWORD);
      await site.pressCall();
      await site.isLoggedIn();
      await expect(password).toHaveValue('');
    });

    test('is shown above the login, which is sent again with one press', async ({ site, page }) => {
      await site.open('/login?next=/functions/auth_func');
      await site.fillLogin(USER, PASSWORD);
      await page.getByLabel('Remember me on this device').check();
      await during(site, 'login', async () => {
        await site.main.getByRole('button', { name: 'Log in' }).click();
        await expect(site.main.getByRole('alert')).toHaveText(said);
        await expectNoFinding(page);
      });
      const password = page.getByLabel('Password', { exact: true });
      await expect(page.getByLabel('User', { exact: true })).toHaveValue(USER);
      await expect(password).toHaveValue(PASSWORD);
      await expect(page.getByLabel('Remember me on this device')).toBeChecked();
      // The password was not checked, so the page does not mark it as wrong.
      await expect(password).toHaveAttribute('aria-invalid', 'false');
      await site.sendLogin('/functions/auth_func');
    });

    test('is shown where the password is confirmed, which is done with one press', async ({ site, page }) => {
      await site.logIn();
      await site.open('/confirm?next=/account');
      const password = page.getByLabel('Password', { exact: true });
      const confirm = page.getByRole('button', { name: 'Confirm' });
      await password.fill(PASSWORD);
      await during(site, 'confirm_login', async () => {
        await confirm.click();
        await expect(site.main.getByRole('alert')).toHaveText(said);
        await expectNoFinding(page);
      });
      await expect(password).toHaveValue(PASSWORD);
      await expect(password).toHaveAttribute('aria-invalid', 'false');
      await confirm.click();
      await site.isAt('/account');
      await site.ready();
    });

    test('costs nobody a one-time link', async ({ site, elsewhere }) => {
      const user = newName();
      const link = await inviteUser(site, user);
      await openLink(elsewhere, link);
      const password = elsewhere.page.getByLabel('New password', { exact: true });
      const choose = elsewhere.main.getByRole('button', { name: 'Set password' });
      await password.fill('six large parrots walk');
      await during(elsewhere, 'choose_password', async () => {
        await choose.click();
        await expect(elsewhere.main.getByRole('alert')).toHaveText(said);
      });
      await expect(elsewhere.field('code')).toHaveValue(link.split('#')[1]);
      await expect(password).toHaveValue('six large parrots walk');
      await choose.click();
      await hasChosen(elsewhere, user);
    });
  });
}
