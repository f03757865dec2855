// Calling functions from their pages.
import { expect, test, PASSWORD, USER } from './support/test.ts';

const HOSTILE = '</textarea><script>alert(1)</script><img src=x onerror=alert(2)>&lt;';

test('anyone calls the open function and reads its reply', async ({ site }) => {
  await site.open('/functions/notauth_func');
  await expect(site.reply).toContainText('No call yet.');
  await site.editor.fill('{ "b": 1,\n  "a": [true, "é"] }');
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"b":1,"a":[true,"é"]})' });
  await expect(site.editor).toHaveValue('{ "b": 1,\n  "a": [true, "é"] }');
  await site.isLoggedOut();
});

test('a user calls the guarded function and is named in its reply', async ({ site }) => {
  await site.logIn();
  await site.main.getByRole('link', { name: 'auth_func', exact: true }).click();
  await site.isAt('/functions/auth_func');
  await site.ready();
  await site.editor.fill('{"hello":"there"}');
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: `auth_func({"hello":"there"}),user_id=${USER}` });
});

test('a guarded call leads to the login and back, and what was typed is still there', async ({ site, page }) => {
  await site.open('/functions/auth_func');
  await site.editor.fill(`{"kept": ${JSON.stringify(HOSTILE)}}`);
  await site.main.getByRole('button', { name: 'Call', exact: true }).click();
  await site.isAt('/login?next=/functions/auth_func');
  await site.ready();

  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin('/functions/auth_func');
  await expect(site.editor).toHaveValue(`{"kept": ${JSON.stringify(HOSTILE)}}`);
  await expect(site.reply).toContainText('No call yet.');
  await site.call();
  await expect(page.getByRole('region', { name: 'Your call is waiting' })).toHaveCount(0);
  await site.hasReply('200 OK', {
    ok: true,
    msg: `auth_func({"kept":${JSON.stringify(HOSTILE)}}),user_id=${USER}`,
  });
});

test('markup in the arguments stays text, in the editor and in the reply', async ({ site, page }) => {
  await site.open('/functions/notauth_func');
  const text = JSON.stringify({ x: HOSTILE });
  await site.editor.fill(text);
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: `notauth_func(${text})` });
  await expect(site.editor).toHaveValue(text);
  await expect(site.main.locator('script, img')).toHaveCount(0);

  await page.reload();
  await site.ready();
  await expect(site.main.locator('script, img')).toHaveCount(0);
});

test('logging in and out are functions like any other', async ({ site, page }) => {
  await site.open('/functions/login');
  await site.fillLogin(USER, PASSWORD);
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: `user <${USER}> logined` });
  await site.isLoggedIn();
  expect(await page.content()).not.toContain(`value="${PASSWORD}"`);

  await site.open('/functions/current_user');
  await expect(site.main).toContainText('This function takes no arguments.');
  await site.call();
  await site.hasReply('200 OK', { ok: true, user: { user_id: USER }, permissions: [] });

  await site.open('/functions/logout');
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: `user <${USER}> logout` });
  await site.isLoggedOut();
});

test('a refused call shows its status and its reason', async ({ site }) => {
  await site.open('/functions/login');
  if (site.hydrates) {
    site.watch.expectResponse('401 POST /api/login');
  }
  await site.fillLogin(USER, 'wrong');
  await site.call();
  await site.hasReply('401 Unauthorized', {
    ok: false,
    error: 'Invalid user_id or password',
    code: 'invalid_credentials',
  });
});
