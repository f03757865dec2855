// One-time links to their end: what is not good enough uses nothing up, and what is good enough is taken once.
import { choosePassword, hasChosen, inviteUser, isTooLate, openLink, tryShortPassword } from './support/links.ts';
import { ADMIN, ADMIN_PASSWORD, expect, newName, test } from './support/test.ts';

const OLD = 'seven small zebras swim';
const GOOD = 'six large parrots walk';

test('an invitation outlives a password that is too short', async ({ site, elsewhere }) => {
  const user = newName();
  const link = await inviteUser(site, user);
  await openLink(elsewhere, link);
  await tryShortPassword(elsewhere, link, 'choose_password');
  await choosePassword(elsewhere, GOOD);
  await hasChosen(elsewhere, user);
  await elsewhere.logIn(user, GOOD);
});

test('an invitation works once, and who comes later changes nothing', async ({ site, elsewhere }) => {
  const user = newName();
  const link = await inviteUser(site, user);
  await openLink(elsewhere, link);
  await choosePassword(elsewhere, GOOD);
  await hasChosen(elsewhere, user);

  await openLink(elsewhere, link);
  await isTooLate(elsewhere, 'choose_password');
  await elsewhere.logIn(user, GOOD);
});

test('a link for a new password ends the old one at once, and its person chooses another', async ({
  site,
  elsewhere,
  server,
}) => {
  const user = newName();
  await server.addUser(user, OLD);
  await elsewhere.logIn(user, OLD);
  await site.logIn(ADMIN, ADMIN_PASSWORD);
  await site.open(`/user?name=${user}`);
  await site.main.getByText('Require a new password').click();
  await site.main.getByRole('button', { name: `Remove the password of ${user} and create a link` }).click();
  await site.isAt('/functions/require_new_password');
  await site.ready();
  // The link is shown on the page of the user, with messages to send.
  const card = site.main.getByRole('region', { name: 'One-time link' });
  await expect(card).toBeFocused();
  const link = await card.getByRole('group', { name: 'One-time link' }).innerText();
  await card.getByText('Message to send: 한국어', { exact: true }).click();
  await expect(card.getByRole('group', { name: 'Message to send: 한국어' })).toContainText(link);

  await elsewhere.open('/account');
  await expect(elsewhere.main).toContainText('You are not logged in');
  await openLink(elsewhere, link);
  await choosePassword(elsewhere, GOOD);
  await hasChosen(elsewhere, user);
  await elsewhere.logIn(user, GOOD);
});
