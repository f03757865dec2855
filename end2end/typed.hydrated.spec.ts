// Typed arguments, where the page has its program: what is wrong is said before anything is sent.
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

/** The calls of `quote_stay` that the page sends from now on. */
function callsOf(page: Page): string[] {
  const calls: string[] = [];
  page.on('request', request => {
    if (request.url().endsWith('/quote_stay') && request.method() === 'POST') {
      calls.push(request.url());
    }
  });
  return calls;
}

test('the curl line has the example until something is typed', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  const line = page.getByRole('group', { name: 'curl command' });
  await expect(line).toContainText(/"arrival":"\d{4}-\d\d-\d\d"/);
  await page.getByLabel('Nights').fill('3');
  await expect(line).toContainText('"nights":3');
  await expect(line).not.toContainText('"arrival":"2');
});

test('all that is wrong is said beside its field, and nothing is sent until it is right', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  const calls = callsOf(page);
  await site.fillStay();
  await page.getByLabel('Arrival').fill('');
  await page.getByLabel('Nights').fill('32');
  await page.getByLabel('Wishes (optional)').fill(`fine\n${'x'.repeat(81)}`);
  await site.pressCall();

  await expect(page.getByLabel('Arrival')).toBeFocused();
  for (const [label, said] of [
    ['Arrival', 'The first night. Choose a date.'],
    ['Nights', 'How many nights, up to a month. Must be at most 31.'],
    ['Wishes (optional)', 'Any other wishes. One per line. Item 2 must have at most 80 characters.'],
  ]) {
    await expect(page.getByLabel(label)).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel(label)).toHaveAccessibleDescription(said);
  }
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(3);
  await expect(page.getByLabel('Nights')).toHaveValue('32');
  expect(calls).toEqual([]);

  // The first is right now, so the next one is where to go on.
  await page.getByLabel('Arrival').fill('2026-12-30');
  await site.pressCall();
  await expect(page.getByLabel('Nights')).toBeFocused();
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(2);
  await expect(page.getByLabel('Arrival')).toHaveAccessibleDescription('The first night.');

  await page.getByLabel('Nights').fill('3');
  await page.getByLabel('Wishes (optional)').fill('');
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(0);
  expect(calls).toHaveLength(1);
});

test('an empty form shows what it needs, and nothing else', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  const calls = callsOf(page);
  await site.pressCall();
  await expect(page.getByLabel('Arrival')).toBeFocused();
  for (const label of ['Arrival', 'Nights', 'Guests', 'Room', 'Name']) {
    await expect(page.getByLabel(label)).toHaveAttribute('aria-invalid', 'true');
  }
  await expect(page.getByLabel('Nights')).toHaveAccessibleDescription(/Enter a number\.$/);
  await expect(page.getByLabel('Name')).toHaveAccessibleDescription('How to address the guest. Fill in this field.');
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(5);
  await expect(site.main.getByRole('alert')).toHaveText('Correct the 5 marked fields.');
  expect(calls).toEqual([]);
});

test('each field shows what it must be, and right values are accepted', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  for (const [label, typed, problem] of [
    ['Nights', '1.5', 'Must be a whole number.'],
    ['Nights', '0', 'Must be at least 1.'],
    ['Discount (optional)', '1.01', 'Must be at most 1.'],
    ['Email (optional)', 'nobody', 'Must be an e-mail address.'],
    ['Wishes (optional)', 'a\nb\nc\nd\ne\nf', 'Must have at most 5 items.'],
  ]) {
    const input = page.getByLabel(label, { exact: true });
    const right = await input.inputValue();
    await input.fill(typed);
    await site.pressCall();
    await expect(input).toBeFocused();
    await expect(input).toHaveAccessibleDescription(new RegExp(`${problem.replace('.', '\\.')}$`));
    await expect(page.locator('[aria-invalid=true]')).toHaveCount(1);
    await input.fill(right);
  }
  // A name of one space is odd, not wrong.
  await page.getByLabel('Name', { exact: true }).fill(' ');
  await site.call();
  await expect(site.reply).toContainText('200 OK');
});

test('what the browser cannot read is not left out silently', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  const calls = callsOf(page);
  await site.fillStay();
  const discount = page.getByLabel('Discount (optional)');
  await discount.fill('');
  await discount.pressSequentially('0.5-');
  await site.pressCall();
  await expect(discount).toBeFocused();
  await expect(discount).toHaveAttribute('aria-invalid', 'true');
  await expect(discount).toHaveAccessibleDescription(/Must be a number\.$/);
  expect(calls).toEqual([]);
});

test('somebody who is not logged in sees what is wrong before being asked to log in', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  const calls = callsOf(page);
  await site.fillStay();
  await page.getByLabel('Guests').fill('9');
  await site.pressCall();
  await expect(page.getByLabel('Guests')).toHaveAccessibleDescription('How many guests, in one room. Must be at most 4.');
  await expect(page.getByLabel('Guests')).toBeFocused();
  await site.isAt('/functions/quote_stay');
  expect(calls).toEqual([]);
});

test('an argument may be named like what sends its form', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  await site.ready();
  await site.fillStay();
  await page.getByLabel('Arrival').evaluate((input) => {
    input.insertAdjacentHTML('afterend', '<input type="hidden" name="submit" value="">');
  });
  await site.pressCall();
  await site.isAt('/login?next=/functions/quote_stay');
});

test('a refusal by the function itself is shown in place', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/end_session');
  await page.getByLabel('Id').focus();
  await page.keyboard.type('no-such-session');
  site.watch.expectResponse('404 POST /api/end_session');
  await page.keyboard.press('Enter');
  await expect(site.reply).toContainText('There is no such session.');
  await expect(page.getByLabel('Id')).toHaveValue('no-such-session');
});
