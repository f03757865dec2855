// Calling functions, where the page has its program.
import { ADMIN, ADMIN_PASSWORD, expect, test, USER } from './support/test.ts';

test('the editor says at once what is wrong and where, and nothing is sent until it is right', async ({ site, page }) => {
  await site.open('/functions/notauth_func');
  const calls: string[] = [];
  page.on('request', request => {
    if (request.method() === 'POST') {
      calls.push(request.url());
    }
  });
  await expect(site.editor).toHaveAttribute('aria-invalid', 'false');
  await expect(site.editor).toHaveAccessibleDescription('Valid JSON object');

  for (const [text, said] of [
    ['{"a":}', 'Not a JSON object yet: a value is missing, at line 1, column 6.'],
    ['{\n  "a": 1,\n}', 'Not a JSON object yet: a name in double quotes is missing, at line 3, column 1.'],
    ['[1, 2]', 'Not a JSON object yet: it is JSON, but not an object in braces.'],
  ]) {
    await site.editor.fill(text);
    await expect(site.editor).toHaveAttribute('aria-invalid', 'true');
    await expect(site.editor).toHaveAccessibleDescription(said);
    await expect(site.main.getByText(said)).toBeVisible();
    await site.main.getByRole('button', { name: 'Call', exact: true }).click();
    await expect(site.editor).toBeFocused();
  }
  expect(calls).toEqual([]);

  await site.editor.fill('{"a":1}');
  await expect(site.editor).toHaveAttribute('aria-invalid', 'false');
  await expect(site.editor).toHaveAccessibleDescription('Valid JSON object');
  await site.main.getByRole('button', { name: 'Format' }).click();
  await expect(site.editor).toHaveValue('{\n  "a": 1\n}');
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"a":1})' });
});

test('what is typed before the program has arrived counts', async ({ site, page }) => {
  let letGo = () => {};
  let typed = Promise.resolve();
  await page.route('**/*.wasm', async route => {
    await typed;
    await route.continue();
  });
  for (const [text, is_wrong] of [['{"typed":', 'true'], ['{"typed":"early"}', 'false']]) {
    typed = new Promise<void>(resolve => {
      letGo = resolve;
    });
    await page.goto('/functions/notauth_func');
    await site.editor.fill(text);
    letGo();
    await site.ready();
    await expect(site.editor).toHaveValue(text);
    await expect(site.editor).toHaveAttribute('aria-invalid', is_wrong);
    if (is_wrong === 'false') {
      await site.call();
      await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"typed":"early"})' });
    }
  }
});

test('a call that changes who is logged in shows that in the head of its page', async ({ site, page }) => {
  const manage = page.getByRole('navigation', { name: 'Administration' });
  await site.open('/functions/login');
  await page.evaluate(() => Object.assign(window, { samePage: true }));
  await expect(site.header.getByRole('link', { name: 'Log in' })).toHaveAttribute('href', '/login?next=/functions/login');
  await site.fillLogin(ADMIN, ADMIN_PASSWORD);
  await site.call();
  await site.isLoggedIn(ADMIN);
  await expect(manage.getByRole('link')).toHaveText(['Users', 'Roles', 'Access', 'Audit log', 'Call log']);

  await site.fillLogin(USER, 'user_01');
  await site.call();
  await site.isLoggedIn(USER);
  await expect(manage).toHaveCount(0);
  expect(await page.evaluate(() => 'samePage' in window)).toBe(true);

  await site.header.getByRole('button', { name: 'Log out' }).click();
  await site.isAt('/');
  await site.isLoggedOut();
});

test('calls are made in place, one after the other', async ({ site, page }) => {
  await site.open('/functions/notauth_func');
  await page.evaluate(() => Object.assign(window, { samePage: true }));
  for (const number of [1, 2]) {
    await site.editor.fill(`{"n":${number}}`);
    await site.call();
    await site.hasReply('200 OK', { ok: true, msg: `notauth_func({"n":${number}})` });
  }
  expect(await page.evaluate(() => 'samePage' in window)).toBe(true);
});

test('the program of each language follows what is typed, and is copied', async ({ site, page, context, server }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: server.origin });
  await site.open('/functions/notauth_func');
  const programs = page.getByRole('region', { name: 'From a program' });
  await site.editor.fill(`{"it's":true}`);
  for (const [language, label, text] of [
    ['curl', 'curl command', `--data-raw '{"it'\\''s":true}' \\ ${server.origin}/api/notauth_func`],
    ['Python', 'Python code', `{ "it's": True }`],
    ['JavaScript', 'JavaScript code', `{ "it's": true }`],
    ['Rust', 'Rust code', `r#"{"it's":true}"#`],
  ]) {
    // The radio button itself is not shown.
    await programs.getByText(language, { exact: true }).click();
    await expect(programs.getByRole('group')).toHaveCount(1);
    await expect(programs.getByLabel(label)).toContainText(text);
    await programs.getByRole('button', { name: 'Copy' }).click();
    await expect(programs.getByRole('status')).toHaveText('Copied');
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toBe(await programs.getByLabel(label).textContent());
  }
});

test('a long call says for how long it has been running, and the user can stop waiting', async ({ site, page }) => {
  await page.route('**/api/notauth_func', () => {});
  site.watch.expectError(/net::ERR_ABORTED/);
  await site.open('/functions/notauth_func');
  await site.editor.fill('{"a":1}');
  await site.main.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(site.main.getByRole('timer')).toHaveText(/^Running for [2-9] s$/);
  await site.main.getByRole('button', { name: 'Cancel' }).click();
  await expect(site.main.getByText('499 Cancelled')).toBeVisible();
  await expect(site.main.getByText('You stopped waiting.').first()).toBeVisible();
  await expect(site.main.getByRole('timer')).toHaveCount(0);
  await page.unroute('**/api/notauth_func');
  await site.call();
  await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"a":1})' });
});
