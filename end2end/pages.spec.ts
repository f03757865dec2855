// What the pages say, and that everybody can get around in them.
import { readFileSync } from 'node:fs';
import { ADMIN, ADMIN_PASSWORD, expect, test, PASSWORD, USER } from './support/test.ts';

/** The names of all functions, from the table of those that were agreed on. */
function functionNames(): string[] {
  const table = readFileSync(new URL('../tests/calls/function_table.txt', import.meta.url), 'utf8');
  const [, ...rows] = table.trimEnd().split('\n');
  return rows.map(row => row.split(' ')[0]);
}

test('home lists the functions by what they belong to, each with who may call it, in words', async ({ site, page }) => {
  await site.open('/');
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  await page.getByRole('heading', { name: 'Administration' }).click();
  const listed = (await site.main.getByRole('listitem').getByRole('link').allInnerTexts()).sort();
  expect(listed).toEqual(functionNames().sort());
  await expect(site.main.getByRole('heading', { level: 2 })).toHaveText(['Functions', 'Your account', 'Administration']);
  const rowsOf = (group: string) => page.getByRole('region', { name: group }).getByRole('listitem');
  await expect(rowsOf('Your account').filter({ hasText: 'change_password' })).toContainText('Changes the password');
  await expect(rowsOf('Administration').filter({ hasText: 'disable_user' })).toContainText('Disables a user.');
  const row = (name: string) => rowsOf('Functions').filter({ has: page.getByRole('link', { name, exact: true }) });
  await expect(row('auth_func').getByText('For logged-in users')).toBeVisible();
  await expect(row('auth_func')).toContainText('Echoes a JSON object to logged-in users');
  await expect(row('notauth_func').getByText('Open to anyone')).toBeVisible();
  await expect(row('notauth_func')).toContainText('Echoes a JSON object to anyone.');
});

test('functions are found by what they do, and those that one cannot call are left out', async ({ site, page }) => {
  const names = site.main.getByRole('listitem').getByRole('link');
  await site.logIn();
  await expect(page.getByRole('heading', { name: 'Administration' })).toHaveCount(0);
  await page.getByLabel('Search functions').fill('Role gives');
  await page.keyboard.press('Enter');
  await expect(site.main).toContainText('No function found.');
  await page.getByRole('link', { name: 'Show also functions that you cannot call (1)' }).click();
  await expect(names).toHaveText(['give_role']);
  await expect(site.main.getByText('No permission')).toBeVisible();
  await page.getByRole('link', { name: 'Clear the search' }).click();
  await expect(names.filter({ hasText: 'auth_func' }).first()).toBeVisible();
});

test('a function page can be reached by its address', async ({ site, page, server }) => {
  await site.open('/functions/auth_func');
  await expect(page).toHaveTitle('auth_func · Callgate');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('auth_func');
  await expect(site.main.getByText('For logged-in users')).toBeVisible();
  await expect(site.main).toContainText('Without a login, the call is refused before its body is read.');
  await expect(site.editor).toHaveValue('{"hello":"world"}');
  await expect(page.getByRole('region', { name: 'From a program' })).toContainText(`${server.origin}/api/auth_func`);
});

for (const path of ['/no-such-page', '/functions/no_such_function', '/a/b/c']) {
  test(`${path} is a page that leads on`, async ({ site, page }) => {
    await site.open(path, 404);
    await expect(page).toHaveTitle('Not found · Callgate');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Page not found');
    await site.main.getByRole('link', { name: 'See all functions' }).click();
    await site.isAt('/');
    await expect(page.getByRole('heading', { level: 2, name: 'Functions' })).toBeVisible();
  });
}

test('a theme that was chosen in the footer holds whatever the system prefers', async ({ site, page }) => {
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const [light, dark] = ['rgb(244, 246, 244)', 'rgb(15, 21, 19)'];
  await page.emulateMedia({ colorScheme: 'light' });
  await site.open('/functions/auth_func');
  await expect.poll(paper).toBe(light);
  const choose = async (theme: string) => {
    await page.getByRole('contentinfo').getByRole('button', { name: theme }).click();
    await expect(page.locator('html')).toHaveAttribute('data-theme', theme.toLowerCase());
    await site.isAt('/functions/auth_func');
    await site.ready();
  };
  await choose('Dark');
  await expect.poll(paper).toBe(dark);
  await choose('Light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(paper).toBe(light);
  await choose('System');
  await expect.poll(paper).toBe(dark);
});

test('320 pixels are enough', async ({ site, page }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  // A page that is being loaded may not have its style yet.
  const isNarrow = (what: string) => expect.poll(width, what).toBeLessThanOrEqual(320);
  const functions = ['auth_func', 'change_password', 'login', 'quote_stay', 'list_functions'];
  for (const path of ['/', '/login', '/confirm', '/account', ...functions.map(name => `/functions/${name}`)]) {
    await site.open(path);
    await isNarrow(path);
  }
  await site.call();
  await isNarrow('with a long reply');
  await site.logIn();
  await isNarrow('logged in');
  for (const path of ['/account', '/account/password', '/confirm']) {
    await site.open(path);
    await isNarrow(`${path}, logged in`);
  }
  await site.logIn(ADMIN, ADMIN_PASSWORD);
  for (const path of [`/user?name=${USER}`, '/users', '/roles', '/access', '/audit', '/calls', '/functions/put_role']) {
    await site.open(path);
    await isNarrow(path);
  }
  await site.open('/no-such-page', 404);
  await isNarrow('not found');
});

test('the keyboard is enough: a link skips the header, and fields follow in their order', async ({ site, page }) => {
  await site.open('/login?next=/functions/auth_func');
  const focused = page.locator(':focus');
  const skip = page.getByRole('link', { name: 'Skip to content' });
  const isMarked = () =>
    focused.evaluate(element => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    });

  const user = page.getByLabel('User', { exact: true });
  if (site.hydrates && (await page.evaluate(() => matchMedia('(pointer: fine)').matches))) {
    // The first field has the focus, behind the links of the header.
    await expect(user).toBeFocused();
    for (let links = 0; links < 3; links++) {
      await page.keyboard.press('Shift+Tab');
    }
  } else {
    await page.keyboard.press('Tab');
  }
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport({ ratio: 1 });
  await page.keyboard.press('Tab');
  await expect(site.header.getByRole('link', { name: 'Callgate' })).toBeFocused();
  expect(await isMarked()).toBe(true);
  await page.keyboard.press('Tab');
  await expect(site.header.getByRole('link', { name: 'Log in' })).toBeFocused();
  expect(await isMarked()).toBe(true);

  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await expect(skip).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(site.main).toBeFocused();

  await page.keyboard.press('Tab');
  await expect(user).toBeFocused();
  expect(await isMarked()).toBe(true);
  await page.keyboard.type(USER);
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Password', { exact: true })).toBeFocused();
  await page.keyboard.type(PASSWORD);
  if (site.hydrates) {
    await page.keyboard.press('Tab');
    await expect(page.getByRole('button', { name: 'Show password' })).toBeFocused();
    expect(await isMarked()).toBe(true);
  }
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Remember me on this device')).toBeFocused();
  expect(await isMarked()).toBe(true);
  await page.keyboard.press('Tab');
  await expect(site.main.getByRole('button', { name: 'Log in' })).toBeFocused();
  expect(await isMarked()).toBe(true);
  await page.keyboard.press('Enter');

  await site.isAt('/functions/auth_func');
  await site.ready();
  await site.isLoggedIn();
  await site.editor.focus();
  await page.keyboard.press('Tab');
  await expect(site.main.getByRole('button', { name: 'Call', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(site.reply).toContainText('200 OK');
});
