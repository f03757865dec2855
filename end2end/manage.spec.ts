// Managing users and roles: the same journeys with and without script.
import { hasChosen, inviteUser, openLink } from './support/links.ts';
import { ADMIN, ADMIN_PASSWORD, expect, newName, test, type Site } from './support/test.ts';

const PASSWORD = 'six large parrots walk';

async function asAdmin(site: Site, path: string): Promise<void> {
  await site.logIn(ADMIN, ADMIN_PASSWORD);
  await site.open(path);
}

/** Presses a button that calls a function and leads to that page. */
async function press(site: Site, name: string, path: string): Promise<void> {
  await site.main.getByRole('button', { name }).click();
  await site.isAt(path);
  await site.ready();
}

test('a person is invited, chooses a password, and logs in', async ({ site, elsewhere }) => {
  const user = newName();
  const link = await inviteUser(site, user);
  await openLink(elsewhere, link);
  if (elsewhere.hydrates) {
    // It is out of the address as soon as it is in its field.
    expect(new URL(elsewhere.page.url()).hash).toBe('');
    // Another link in the same tab loads no page, and the skip link is no code.
    const [, code] = link.split('#');
    for (const [fragment, filled] of [['another', 'another'], ['main', 'another'], [code, code]]) {
      await elsewhere.page.evaluate(hash => location.assign(hash), `#${fragment}`);
      await expect(elsewhere.field('code')).toHaveValue(filled);
    }
  }
  await elsewhere.page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await elsewhere.main.getByRole('button', { name: 'Set password' }).click();
  await hasChosen(elsewhere, user);
  await elsewhere.fillLogin(user, PASSWORD);
  await elsewhere.sendLogin('/account', user);

  await site.open(`/user?name=${user}`);
  await expect(site.main.getByText('Can log in.')).toBeVisible();
  await expect(site.main.getByRole('region', { name: 'Recent activity' })).toContainText('One-time link used');
});

test('who is disabled is out at once, and back only with a new login', async ({ site, elsewhere, server }) => {
  const user = newName();
  await server.addUser(user, PASSWORD);
  await elsewhere.logIn(user, PASSWORD);
  await asAdmin(site, `/users?part=${user}`);
  await site.main.getByRole('link', { name: user }).click();
  const page = `/user?name=${user}`;
  await site.isAt(page);
  await site.ready();
  // One press does nothing yet: it shows what would happen.
  await expect(site.main.getByRole('button', { name: `Disable ${user}` })).toBeHidden();
  await site.main.getByText('Disable this user').click();
  await press(site, `Disable ${user}`, `${page}&done=user_disabled`);
  const notice = site.main.locator('.notice');
  await expect(notice).toHaveText('The user has been disabled.');
  await expect(notice).toBeFocused();
  await expect(site.main).toContainText('This user is disabled and cannot log in.');

  await elsewhere.open('/account');
  await expect(elsewhere.main).toContainText('You are not logged in');
  await press(site, 'Enable', `${page}&done=user_enabled`);
  await expect(site.main.getByText('Can log in.')).toBeVisible();
  await elsewhere.open('/account');
  await expect(elsewhere.main).toContainText('You are not logged in');
  await elsewhere.logIn(user, PASSWORD);

  await site.main.getByText('Delete this user').click();
  await press(site, `Delete ${user} permanently`, '/users?done=user_deleted');
  await elsewhere.open('/account');
  await expect(elsewhere.main).toContainText('You are not logged in');
});

test('a role is made, given, used, taken and deleted', async ({ site, elsewhere, server }) => {
  const [user, role] = [newName(), newName()];
  await server.addUser(user, PASSWORD);
  await asAdmin(site, '/roles');
  await site.main.getByText('Add a role').click();
  const fresh = site.main.getByRole('region', { name: 'New role' });
  await fresh.getByLabel('Name').fill(role);
  await fresh.getByLabel('Description').fill('Reads what happened');
  await fresh.getByLabel('audit.read').check();
  await fresh.getByRole('button', { name: 'Add' }).click();
  await site.isAt('/roles?done=role_saved');
  await site.ready();
  const row = site.main.getByRole('row').filter({ hasText: role });
  await expect(row).toContainText('Reads what happened');
  const card = site.main.getByRole('region', { name: `Edit role ${role}` });
  await row.getByRole('link', { name: /^Edit/ }).click();
  await site.isAt(`/roles?edit=${role}`);
  await site.ready();
  await expect(card.getByLabel('Description')).toHaveValue('Reads what happened');
  await expect(card.getByLabel('audit.read')).toBeChecked();
  await expect(card.getByLabel('users.manage')).not.toBeChecked();

  await site.open(`/user?name=${user}`);
  const page = `/user?name=${user}`;
  const roles = site.main.getByRole('region', { name: 'Roles' });
  const choice = site.page.getByLabel('Give a role');
  // Without a choice nothing is given, and nobody is made an administrator by the way.
  await expect(choice).toHaveValue('');
  await expect(choice.getByRole('option', { name: 'admin' })).toHaveCount(0);
  await roles.getByRole('button', { name: 'Give' }).click();
  await expect(choice).toBeFocused();
  await expect(roles).toContainText('No roles.');
  await choice.selectOption(role);
  await press(site, 'Give', `${page}&done=role_given`);
  await expect(roles.getByRole('listitem').filter({ hasText: role })).toBeVisible();

  await elsewhere.logIn(user, PASSWORD);
  const nav = elsewhere.page.getByRole('navigation', { name: 'Administration' });
  await expect(nav.getByRole('link')).toHaveText(['Audit log', 'Call log']);
  await nav.getByRole('link', { name: 'Audit log' }).click();
  await elsewhere.isAt('/audit');
  await elsewhere.ready();
  await expect(elsewhere.main.getByRole('table', { name: 'Events' }).getByRole('row').nth(1)).toBeVisible();

  await site.main.getByRole('button', { name: new RegExp(`^Remove ?: ${role}$`) }).click();
  await expect(roles).toContainText('No roles.');
  await site.ready();
  await elsewhere.open('/audit', 403);
  await expect(elsewhere.main).toContainText('audit.read');
  await expect(nav).toHaveCount(0);

  await site.open(`/roles?edit=${role}`);
  await card.getByText('Delete this role').click();
  await card.getByRole('button', { name: 'Delete permanently' }).click();
  await site.isAt('/roles?done=role_deleted');
  await site.ready();
  await expect(row).toHaveCount(0);
});

test('a user is made an administrator in a step of its own', async ({
  site,
  server,
}) => {
  const user = newName();
  await server.addUser(user, PASSWORD);
  const page = `/user?name=${user}`;
  await asAdmin(site, page);
  const roles = site.main.getByRole('region', { name: 'Roles' });
  const make = roles.getByRole('button', { name: 'Make administrator' });
  await expect(make).toBeHidden();
  await roles.getByText(`Make ${user} an administrator`).click();
  await expect(roles).toContainText('An administrator can call every function.');
  await make.click();
  await site.isAt(`${page}&done=role_given`);
  await site.ready();
  await expect(roles.getByRole('listitem')).toContainText('admin');
  await expect(make).toHaveCount(0);
  // Others rely on there being one administrator.
  await roles.getByRole('button', { name: /^Remove ?: admin$/ }).click();
  await expect(roles).toContainText('No roles.');
  await site.ready();
});

test('one sees what a user can call, and why not', async ({ site, server }) => {
  const user = newName();
  await server.addUser(user, PASSWORD);
  await asAdmin(site, '/access');
  await site.page.getByLabel('User').fill(user);
  await site.page.getByLabel('Function', { exact: true }).selectOption('list_events');
  await press(site, 'Check', `/access?user_id=${user}&function=list_events`);
  const answer = site.main.getByRole('status');
  await expect(answer).toContainText(`${user} cannot call list_events.`);
  await expect(answer).toContainText('audit.read');
  const row = site.main.getByRole('row').filter({ has: site.page.getByRole('link', { name: 'list_events' }) });
  await expect(row.getByRole('cell').nth(0)).toHaveText('not logged in');
  await expect(row.getByRole('cell').nth(1)).toHaveText('permission required');
  await expect(row.getByRole('cell').nth(2)).toHaveText('yes');
});

test('the audit log is filtered, and read page by page', async ({ site, server }) => {
  const user = newName();
  await server.addUser(user, PASSWORD);
  await asAdmin(site, '/audit');
  await site.page.getByLabel('User').fill(user);
  await site.main.getByRole('button', { name: 'Show', exact: true }).click();
  await expect(site.page).toHaveURL(new RegExp(`user=${user}`));
  await site.ready();
  // The heading is a row, too.
  const rows = site.main.getByRole('table', { name: 'Events' }).getByRole('row');
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText('User added');
});

test('the last administrator stays one, and the page says why', async ({ site }) => {
  await asAdmin(site, `/user?name=${ADMIN}`);
  await site.main.getByRole('button', { name: /^Remove ?: admin$/ }).click();
  await site.isAt('/functions/take_role');
  await site.ready();
  await expect(site.reply).toContainText('This is the last administrator who can log in.');
  await site.open('/users');
  await expect(site.main.getByRole('link', { name: ADMIN })).toBeVisible();
});
