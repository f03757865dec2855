// Typed arguments: a form with an input for each, made from the declaration.
import { expect, test } from './support/test.ts';

const TYPED = {
  arrival: '2026-12-30',
  nights: 3,
  guests: 2,
  room: 'double',
  extras: ['breakfast'],
  discount: 0.5,
  dog: true,
  contact: { name: 'Ada' },
  wishes: ['a cot', 'quiet'],
};

test('a form is filled in, called, and answered', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  if (site.hydrates) {
    await expect(page.getByRole('region', { name: 'From a shell' })).toContainText(JSON.stringify(TYPED));
  }
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  await expect(site.reply).toContainText('"departure":"2027-01-02","total":176');

  // What was typed is still there.
  await expect(page.getByLabel('Nights')).toHaveValue('3');
  await expect(page.getByLabel('Room')).toHaveValue('double');
  await expect(page.getByLabel('Breakfast, 12 a guest and night')).toBeChecked();
  await expect(page.getByLabel('Bicycle, 15 a guest and day')).not.toBeChecked();
  await expect(page.getByLabel('Dog')).toBeChecked();
  await expect(page.getByLabel('Wishes (optional)')).toHaveValue('a cot\n\n quiet');
});

test('labels, help and limits come from the declaration', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  await expect(page.getByLabel('Arrival')).toHaveAttribute('type', 'date');
  await expect(page.getByLabel('Nights')).toHaveAccessibleDescription('How many nights, a month at the most.');
  await expect(page.getByLabel('Nights')).toHaveAttribute('max', '31');
  await expect(page.getByRole('group', { name: 'Contact' }).getByLabel('Name')).toHaveAttribute('maxlength', '60');
  await expect(page.getByLabel('Wishes (optional)')).toHaveAccessibleDescription('What else matters. One per line.');
  await expect(page.getByRole('group', { name: 'Extras (optional)' }).getByRole('checkbox')).toHaveCount(3);
});

test('what only the server knows is said beside its field, and what was typed is kept', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  await page.getByLabel('Arrival').fill('9999-12-30');
  if (site.hydrates) {
    site.watch.expectResponse('422 POST /api/quote_stay');
  }
  await site.call();
  const arrival = page.getByLabel('Arrival');
  await expect(arrival).toHaveAttribute('aria-invalid', 'true');
  await expect(arrival).toHaveAccessibleDescription('The first night. Is too late for so many nights.');
  await expect(arrival).toHaveValue('9999-12-30');
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(1);
  await expect(page.getByLabel('Nights')).toHaveValue('3');
  await expect(site.reply).toContainText('422 Unprocessable Content');
});

test('the password of a login form can be shown', async ({ site, page }) => {
  await site.open('/functions/login');
  const password = page.getByLabel('Password', { exact: true });
  await expect(password).toHaveAttribute('type', 'password');
  await expect(password).toHaveAttribute('autocomplete', 'current-password');
  if (site.hydrates) {
    await password.fill('secret');
    await page.getByRole('button', { name: 'Show password' }).click();
    await expect(password).toHaveAttribute('type', 'text');
    await expect(password).toHaveValue('secret');
  }
});
