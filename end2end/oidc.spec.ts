// Logging in with an account elsewhere: out to another site and back, under the policy that lets no form lead there.
import { expect, goThere, isAtProvider, logInThere, test } from './support/provider.ts';
import { cookieNames, newName } from './support/test.ts';

test('an account elsewhere logs in, and the address holds nothing of it', async ({ site, page, provider, server, context }) => {
  const name = newName();
  await provider.addAccount(name);
  await goThere(site, '/functions/auth_func');
  await logInThere(site, provider, name);
  await site.isAt('/functions/auth_func');
  await site.ready();
  await site.isLoggedIn(name);
  const own = (await context.cookies(server.origin)).map(cookie => cookie.name);
  expect(own).toContain(cookieNames(server.origin).session);
  expect(own).not.toContain(cookieNames(server.origin).remember);

  // A reload and Back repeat nothing of the way.
  await page.reload();
  await site.isLoggedIn(name);
  await site.open('/account');
  await expect(site.main.getByRole('region', { name: 'Accounts elsewhere' })).toContainText(`${name}@example.org`);
  await page.goBack();
  await site.isAt('/functions/auth_func');
  await site.ready();
  await site.isLoggedIn(name);
});

test('the second login asks for nothing, and two tabs both finish', async ({ site, page, provider, context }) => {
  const name = newName();
  await provider.addAccount(name);
  await site.open('/login?next=/functions/auth_func');
  const other = await context.newPage();
  await other.goto('/login?next=/account');
  for (const tab of [page, other]) {
    await tab.getByRole('button', { name: 'Continue with Example' }).click();
    await expect(tab.getByLabel('Account')).toBeVisible();
  }
  await logInThere(site, provider, name);
  await site.isAt('/functions/auth_func');
  await site.ready();
  await other.getByLabel('Account').fill(name);
  await other.getByLabel('Secret').fill(name);
  await other.getByRole('button', { name: 'Continue' }).click();
  await expect(other).toHaveURL(url => url.pathname === '/account');
  await other.close();

  await goThere(site);
  await site.isAt('/');
  await site.isLoggedIn(name);
});

test('who cancels there is back at the form, which says so', async ({ site, page, provider }) => {
  await goThere(site, '/functions/auth_func');
  await isAtProvider(site, provider);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expect(page).toHaveURL(url => url.pathname === '/login' && url.searchParams.get('failed') === 'cancelled');
  await site.ready();
  await expect(site.main.getByText('You did not log in at Example.')).toBeVisible();
  await expect(page).toHaveTitle('Error: Log in · Callgate');
  await expect(page.locator('body')).not.toContainText('pressed');
  await site.isLoggedOut();
  // From here, both ways are open.
  await expect(page.locator('input[name=next]').first()).toHaveValue('/functions/auth_func');
  await site.fillLogin('user01', 'user_01');
  await site.sendLogin('/functions/auth_func');
});

test('a user links an account, logs in with it, and unlinks it', async ({ site, page, provider, server }) => {
  const [name, user] = [newName(), newName()];
  await provider.addAccount(name);
  await server.addUser(user, 'seven small zebras swim');
  await site.logIn(user, 'seven small zebras swim');
  await site.open('/account');
  const accounts = site.main.getByRole('region', { name: 'Accounts elsewhere' });
  await accounts.getByRole('button', { name: 'Link Example' }).click();
  await logInThere(site, provider, name);
  await expect(page).toHaveURL(url => url.pathname === '/account' && url.searchParams.get('linked') === 'example');
  await site.ready();
  await expect(site.main).toContainText('Your account at Example is linked.');
  await expect(accounts).toContainText(`${name}@example.org`);
  await expect(accounts.getByRole('button', { name: 'Link Example' })).toHaveCount(0);

  await site.logOut();
  await goThere(site, '/account');
  await site.isAt('/account');
  await site.ready();
  await site.isLoggedIn(user);
  await expect(site.main.getByRole('region', { name: 'Where you are logged in' })).toContainText('Example');
  await site.header.getByRole('button', { name: 'Log out' }).click();
  await expect(page).toHaveURL(url => url.pathname === '/logged-out');

  await site.logIn(user, 'seven small zebras swim');
  await site.open('/account');
  await accounts.getByRole('button', { name: /^Unlink/ }).click();
  await site.isAt('/account?done=identity_unlinked');
  await site.ready();
  await expect(accounts.getByRole('button', { name: 'Link Example' })).toBeVisible();
});

test('who has no password confirms a login elsewhere, and chooses one', async ({ site, page, provider }) => {
  const name = newName();
  await provider.addAccount(name);
  await goThere(site, '/account');
  await logInThere(site, provider, name);
  await site.isAt('/account');
  await site.ready();
  await site.main.getByRole('link', { name: 'Choose a password' }).first().click();
  await site.isAt('/confirm?next=/account/password');
  await site.ready();
  await expect(page.getByLabel('Password', { exact: true })).toHaveCount(0);
  await site.main.getByRole('button', { name: 'Confirm with Example' }).click();
  // Although it still knows the person.
  await logInThere(site, provider, name);
  await site.isAt('/account/password');
  await site.ready();
  await page.getByLabel('New password', { exact: true }).fill('seven small zebras swim');
  await page.getByRole('button', { name: /^(Change|Choose|Set) password$/ }).click();
  await expect(page).toHaveURL(url => url.pathname === '/account' && url.searchParams.get('done') === 'password_changed');
  await site.ready();
  await site.isLoggedIn(name);
});

test('a call that waits for a login goes on after one elsewhere', async ({ site, provider }) => {
  const name = newName();
  await provider.addAccount(name);
  await site.open('/functions/auth_func');
  await site.editor.fill('{"kept":"what was typed"}');
  await site.pressCall();
  await site.isAt('/login?next=/functions/auth_func');
  await site.ready();
  await site.main.getByRole('button', { name: 'Continue with Example' }).click();
  await logInThere(site, provider, name);
  await site.isAt('/functions/auth_func');
  await site.ready();
  await expect(site.waiting).toContainText('what was typed');
});

test('a logout ends the session here, and there only with another press', async ({ site, page, provider }) => {
  const name = newName();
  await provider.addAccount(name);
  await goThere(site);
  await logInThere(site, provider, name);
  await site.isAt('/');
  await site.ready();
  await site.header.getByRole('button', { name: 'Log out' }).click();
  await site.isAt('/logged-out?with=example');
  await site.ready();
  await site.isLoggedOut();
  await site.main.getByRole('link', { name: 'Log out at Example, too' }).click();
  await expect(page).toHaveURL(url => url.origin === provider.origin);
  await page.getByRole('button', { name: 'Log out', exact: true }).click();
  await expect(page).toHaveURL(url => url.pathname === '/logged-out');
  await site.ready();
  await expect(site.main).toContainText('You are logged out here.');
  // The next login asks there again.
  await goThere(site);
  await isAtProvider(site, provider);
});
