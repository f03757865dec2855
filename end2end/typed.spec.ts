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
  contact: { name: 'Ada', email: 'ada@example.org' },
  wishes: ['a cot', 'quiet'],
};

test('a form is filled in, called, and answered', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  if (site.hydrates) {
    await expect(page.getByRole('region', { name: 'From a program' })).toContainText(JSON.stringify(TYPED));
  }
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  await expect(site.reply).toContainText('"departure": "2027-01-02", "total": 176');

  // What was typed is still there.
  await expect(page.getByLabel('Arrival')).toHaveValue('2026-12-30');
  await expect(page.getByLabel('Nights')).toHaveValue('3');
  await expect(page.getByLabel('Guests')).toHaveValue('2');
  await expect(page.getByLabel('Room')).toHaveValue('double');
  await expect(page.getByLabel('Breakfast, 12 a guest and night')).toBeChecked();
  await expect(page.getByLabel('Bicycle, 15 a guest and day')).not.toBeChecked();
  await expect(page.getByLabel('Discount (optional)')).toHaveValue('0.5');
  await expect(page.getByLabel('Dog')).toBeChecked();
  await expect(page.getByLabel('Name')).toHaveValue('Ada');
  await expect(page.getByLabel('Email (optional)')).toHaveValue('ada@example.org');
  await expect(page.getByLabel('Wishes (optional)')).toHaveValue('a cot\n\n quiet');
});

test('the reply is in sight where the form is longer than the window', async ({ site, page }) => {
  await site.logIn();
  await page.setViewportSize({ width: 1280, height: 640 });
  await site.open('/functions/quote_stay');
  await site.fillStay();
  await site.call();
  await expect(site.reply.locator('.status')).toBeInViewport();
});

test('what is optional may be left out', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await page.getByLabel('Arrival').fill('2026-12-30');
  await page.getByLabel('Nights').fill('1');
  await page.getByLabel('Guests').fill('1');
  await page.getByLabel('Room').selectOption('single');
  await page.getByLabel('Name').fill('Ada');
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  await expect(site.reply).toContainText('"total": 60.0, "parts": [ { "what": "room", "price": 60.0 } ]');
});

test('labels, help and limits come from the declaration', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  await expect(page.getByLabel('Arrival')).toHaveAttribute('type', 'date');
  await expect(page.getByLabel('Nights')).toHaveAccessibleDescription('How many nights, up to a month.');
  await expect(page.getByLabel('Nights')).toHaveAttribute('max', '31');
  await expect(page.getByLabel('Room').getByRole('option')).toHaveText([
    'Choose one',
    'Single room, 60 a night',
    'Double room, 90 a night',
    'Room with a view, 140 a night',
  ]);
  // What is too long is said, and not cut off.
  const name = page.getByRole('group', { name: 'Contact' }).getByLabel('Name');
  await expect(name).not.toHaveAttribute('maxlength');
  await expect(page.getByLabel('Wishes (optional)')).toHaveAccessibleDescription('Any other wishes. One per line.');
  await expect(page.getByRole('group', { name: 'Extras (optional)' }).getByRole('checkbox')).toHaveCount(3);
});

test('each input has a name of its own, and says whether it must be filled in', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  const required = ['Arrival', 'Nights', 'Guests', 'Room', 'Name'];
  const optional = ['Discount (optional)', 'Email (optional)', 'Wishes (optional)'];
  const ticks = ['Breakfast, 12 a guest and night', 'Bicycle, 15 a guest and day', 'Parking, 8 a night', 'Dog'];
  for (const label of [...required, ...optional, ...ticks]) {
    const input = page.getByLabel(label, { exact: true });
    await expect(input).toHaveAccessibleName(label);
    await expect(input).toHaveJSProperty('required', required.includes(label));
  }
  await expect(site.main.locator('form :is(input:not([type=hidden]), select, textarea)')).toHaveCount(
    required.length + optional.length + ticks.length,
  );
});

test('the keyboard is enough to fill a form in and to call', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  // A digit for each place, the same in every order of day and month.
  await page.getByLabel('Arrival').focus();
  await page.keyboard.type('11112026');
  await page.keyboard.press('Tab');
  // Where the button of the calendar is a stop of its own, it belongs to the field.
  if (await page.getByLabel('Arrival').evaluate(input => input === document.activeElement)) {
    await page.keyboard.press('Tab');
  }
  await expect(page.getByLabel('Nights')).toBeFocused();
  await page.keyboard.type('2');
  await page.keyboard.press('Tab');
  await page.keyboard.type('1');
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Room')).toBeFocused();
  // Without the rest of its name: a space that comes late would open the list.
  await page.keyboard.type('Room');
  for (const [label, key] of [
    ['Breakfast, 12 a guest and night', 'Space'],
    ['Bicycle, 15 a guest and day', null],
    ['Parking, 8 a night', 'Space'],
    ['Discount (optional)', null],
    ['Dog', 'Space'],
  ] as const) {
    await page.keyboard.press('Tab');
    await expect(page.getByLabel(label)).toBeFocused();
    if (key) {
      await page.keyboard.press(key);
    }
  }
  await page.keyboard.press('Tab');
  await page.keyboard.type('Grace');
  await page.keyboard.press('Tab');
  await page.keyboard.type('grace@example.org');
  await page.keyboard.press('Tab');
  await page.keyboard.type('a desk');
  await page.keyboard.press('Enter');
  await page.keyboard.type('a lamp');
  await page.keyboard.press('Tab');
  await expect(site.main.getByRole('button', { name: 'Call', exact: true })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(site.reply).toContainText('200 OK');
  // 280 for the room, 24 for breakfast, 16 for parking, 10 for the dog.
  await expect(site.reply).toContainText('"guest": "Grace", "departure": "2026-11-13", "total": 330');
});

test('what only the server knows is said beside its field, and what was typed is kept', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  const arrival = page.getByLabel('Arrival');
  await arrival.fill('9999-12-30');
  if (site.hydrates) {
    site.watch.expectResponse('422 POST /api/quote_stay');
  }
  await site.call();
  await expect(arrival).toHaveAttribute('aria-invalid', 'true');
  await expect(arrival).toHaveAccessibleDescription('The first night. Is too late for this number of nights.');
  await expect(arrival).toHaveAttribute('aria-describedby', /(^| )said-argument-arrival\b/);
  await expect(page.locator('#said-argument-arrival')).toBeVisible();
  await expect(arrival).toHaveValue('9999-12-30');
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(1);
  await expect(page.getByLabel('Nights')).toHaveValue('3');
  await expect(page.getByLabel('Breakfast, 12 a guest and night')).toBeChecked();
  await expect(page.getByLabel('Email (optional)')).toHaveValue('ada@example.org');
  await expect(page.getByLabel('Wishes (optional)')).toHaveValue('a cot\n\n quiet');
  await expect(site.reply).toContainText('422 Unprocessable Content');
  if (site.hydrates) {
    await expect(arrival).toBeFocused();
  }

  await arrival.fill('2026-12-30');
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(0);
  await expect(arrival).toHaveAccessibleDescription('The first night.');
});

for (const [path, label] of [
  ['/functions/login', 'Password'],
  ['/functions/change_password', 'New password'],
]) {
  test(`the password of ${path} is hidden, and can be shown with script`, async ({ site, page }) => {
    await site.open(path);
    const password = page.getByLabel(label, { exact: true });
    await password.fill('secret');
    await expect(password).toHaveAttribute('type', 'password');
    await expect(password).toHaveAttribute('autocomplete', label === 'Password' ? 'current-password' : 'new-password');
    if (site.hydrates) {
      const show = page.getByRole('button', { name: `Show ${label.toLowerCase()}` });
      await show.click();
      await expect(password).toHaveAttribute('type', 'text');
      await expect(password).toHaveValue('secret');
      await page.getByRole('button', { name: `Hide ${label.toLowerCase()}` }).click();
      await expect(password).toHaveAttribute('type', 'password');
      await expect(password).toHaveValue('secret');
    } else {
      await expect(page.getByText('Show', { exact: true })).toBeHidden();
    }
  });
}
