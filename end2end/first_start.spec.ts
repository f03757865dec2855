// The first start: the link that the server prints creates the first administrator.
import { choosePassword, isTooLate, openLink, tryShortPassword } from './support/links.ts';
import { expect, test } from './support/test.ts';

test.use({ users: 'none' });

const PASSWORD = 'six large parrots walk';

test('the printed link makes an administrator, who manages users, and nobody else', async ({
  site,
  elsewhere,
  server,
}) => {
  // Somebody else opens it meanwhile, and comes too late.
  await openLink(elsewhere, server.firstLink);
  await elsewhere.page.getByLabel('User id').fill('second');
  await openLink(site, server.firstLink);
  const user = site.page.getByLabel('User id');
  await user.fill('root');
  await tryShortPassword(site, server.firstLink, 'create_first_admin');
  await expect(user).toHaveValue('root');
  await choosePassword(site, PASSWORD);
  await site.isAt('/login?next=/users');
  await site.ready();
  await site.fillLogin('root', PASSWORD);
  await site.sendLogin('/users', 'root');
  await expect(site.main.getByRole('link', { name: 'root' })).toBeVisible();

  await isTooLate(elsewhere, 'create_first_admin');
  await site.open('/users');
  await expect(site.main.getByRole('link', { name: 'second' })).toHaveCount(0);
});
