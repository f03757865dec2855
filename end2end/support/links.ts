// One-time links: how an administrator makes one, and how its person opens it.
import { ADMIN, ADMIN_PASSWORD, expect, type Site } from './test.ts';

/** Lets the administrator invite a user in the browser, and gives the link. */
export async function inviteUser(site: Site, user: string): Promise<string> {
  await site.logIn(ADMIN, ADMIN_PASSWORD);
  await site.open('/users');
  await site.main.getByRole('link', { name: site.text('Invite a user') }).click();
  await site.isAt('/functions/invite_user');
  await site.ready();
  await site.field('user_id').fill(user);
  await site.call();
  const link = await site.reply.getByRole('group', { name: site.text('One-time link') }).innerText();
  expect(link).toMatch(/\/welcome\?user=[\w.@-]+#[\w-]{40,}$/);
  return link;
}

/** Opens a link. Without script nobody reads its code, so the person pastes it. */
export async function openLink(site: Site, link: string): Promise<void> {
  const { pathname, search, hash, searchParams } = new URL(link);
  await site.open(pathname + search + hash);
  // The code is taken out of the address, the name stays.
  await site.isAt(pathname + search);
  const user = searchParams.get('user');
  if (user) {
    await expect(site.main).toContainText(`Choose a password for ${user}`);
    await expect(site.main.locator('form input[autocomplete="username"]')).toHaveValue(user);
  }
  await fillCode(site, link);
}

/** Waits until the program has filled the code in, or pastes the link. */
export async function fillCode(site: Site, link: string): Promise<void> {
  const code = site.field('code');
  if (site.hydrates) {
    await expect(code).toHaveValue(link.split('#')[1]);
  } else {
    await code.fill(link);
  }
}

/** Chooses a password. Without script a refusal leads to the page of the function, where the button is another one. */
export async function choosePassword(site: Site, password: string): Promise<void> {
  await site.field('new_password').fill(password);
  const [set, create, call] = ['Set password', 'Create administrator', 'Call'].map(english => site.text(english));
  await site.main.getByRole('button', { name: new RegExp(`^(${set}|${create}|${call})$`) }).click();
}

/** Is led to the login page, which says that the password is set, and has the name filled in. */
export async function hasChosen(site: Site, user: string): Promise<void> {
  await site.isAt(`/login?done=password&user=${user}&next=/account`);
  await site.ready();
  await expect(site.main.getByRole('status')).toHaveText('Your password is set. You can now log in.');
  await expect(site.page.getByLabel('User', { exact: true })).toHaveValue(user);
}

/** Tries a password that is too short: the message is beside its field, and only secrets have to be typed again. */
export async function tryShortPassword(site: Site, link: string, called: string): Promise<void> {
  if (site.hydrates) {
    site.watch.expectResponse(`422 POST /api/${called}`);
  }
  await choosePassword(site, 'seven zebras');
  const password = site.page.getByLabel('New password', { exact: true });
  await expect(password).toHaveAttribute('aria-invalid', 'true');
  await expect(password).toHaveAccessibleDescription(
    /Must have at least 15 characters: a few words make a good one\.$/,
  );
  await site.ready();
  if (site.hydrates) {
    await expect(password).toBeFocused();
    await expect(password).toHaveValue('seven zebras');
  }
  await fillCode(site, link);
}

/** Sends the form of a link that no longer works, and expects the refusal. */
export async function isTooLate(site: Site, called: string): Promise<void> {
  if (site.hydrates) {
    site.watch.expectResponse(`404 POST /api/${called}`);
  }
  await choosePassword(site, 'eight large parrots fly');
  const message = site.hydrates ? site.main.getByRole('alert') : site.reply;
  await expect(message).toContainText(
    site.text('There is no such link: it may have been used, replaced or withdrawn, or have expired. Ask for a new one.'),
  );
  await site.ready();
}
