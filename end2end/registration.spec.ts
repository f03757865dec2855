// Registration, where the operator has opened it: somebody adds a user for oneself and logs in.
import { expectNoFinding } from './support/axe.ts';
import { expect, test, type Site } from './support/test.ts';

test.use({ settings: { CALLGATE_REGISTRATION_OPEN: 'true' } });

const PASSWORD = 'six large parrots walk';

async function fill(site: Site, name: string, password: string): Promise<void> {
  await site.page.getByLabel('User id').fill(name);
  await site.page.getByLabel('New password', { exact: true }).fill(password);
}

/** The name that the server made from the requested one, as the page shows it. */
function nameIn(message: string): string {
  const [, name] = /user <(ada-[a-z2-9]{5})> registered, and can log in under that name/.exec(message) ?? [];
  expect(name, message).toBeDefined();
  return name;
}

test('somebody registers, reads the whole of the name, and logs in with it', async ({ site, page }) => {
  await site.open('/login?next=/functions/auth_func');
  await site.main.getByRole('link', { name: 'Register' }).click();
  await site.isAt('/register?next=/functions/auth_func');
  await site.ready();
  await fill(site, 'ada', PASSWORD);
  await site.main.getByRole('button', { name: 'Register' }).click();
  const message = site.hydrates ? site.main.getByRole('status') : site.reply;
  await expect(message).toContainText('can log in under that name');
  await site.ready();
  const name = nameIn(await message.innerText());

  if (site.hydrates) {
    await expectNoFinding(page);
    // What was typed is out of the way, and the next step is where the focus is.
    await expect(page.getByLabel('New password', { exact: true })).toBeHidden();
    await expect(page.getByRole('link', { name: 'Continue' })).toBeFocused();
    await page.keyboard.press('Enter');
    await site.isAt('/login?next=/functions/auth_func');
    await site.ready();
  } else {
    await site.open('/login?next=/functions/auth_func');
  }
  await site.fillLogin('ada', PASSWORD);
  site.watch.expectResponse(site.hydrates ? '401 POST /api/login' : '401 POST /login');
  await site.main.getByRole('button', { name: 'Log in' }).click();
  await expect(site.main.getByRole('alert')).toHaveText('Wrong user or password. Try again.');
  await site.ready();
  await site.fillLogin(name, PASSWORD);
  await site.sendLogin('/functions/auth_func', name);
  await site.open('/users', 403);
});

test('the page of the function registers as well, and says beside the fields what will not do', async ({
  site,
  page,
}) => {
  await site.open('/functions/register');
  for (const [name, password, label, said] of [
    ['a b', PASSWORD, 'User id', /Must consist of letters/],
    ['ada', 'seven zebras', 'New password', /Must have at least 15 characters/],
  ] as const) {
    if (site.hydrates) {
      site.watch.expectResponse('422 POST /api/register');
    }
    await fill(site, name, password);
    await site.call();
    const field = page.getByLabel(label, { exact: true });
    await expect(field).toHaveAttribute('aria-invalid', 'true');
    await expect(field).toHaveAccessibleDescription(said);
    await expect(page.locator('[aria-invalid=true]')).toHaveCount(1);
    await expect(page.getByLabel('User id')).toHaveValue(name);
  }
  await page.getByLabel('New password', { exact: true }).fill(PASSWORD);
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  expect(await page.content()).not.toContain(PASSWORD);
  await site.logIn(nameIn(await site.reply.innerText()), PASSWORD);
});
