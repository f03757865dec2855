// Typed arguments, where the page has its program: what is wrong is said before anything is sent.
import { expect, test } from './support/test.ts';

test('all that is wrong is said beside its field, and nothing is sent until it is right', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  const calls: string[] = [];
  page.on('request', request => {
    if (request.url().endsWith('/api/quote_stay')) {
      calls.push(request.url());
    }
  });
  await site.fillStay();
  await page.getByLabel('Arrival').fill('');
  await page.getByLabel('Nights').fill('32');
  await page.getByLabel('Wishes (optional)').fill(`fine\n${'x'.repeat(81)}`);
  const call = site.main.getByRole('button', { name: 'Call', exact: true });
  await call.click();

  await expect(page.getByLabel('Arrival')).toBeFocused();
  for (const [label, said] of [
    ['Arrival', 'The first night. Must be a date such as 2026-01-31.'],
    ['Nights', 'How many nights, a month at the most. Must be at most 31.'],
    ['Wishes (optional)', 'What else matters. One per line. Item 2 must have at most 80 characters.'],
  ]) {
    await expect(page.getByLabel(label)).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel(label)).toHaveAccessibleDescription(said);
  }
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(3);
  expect(calls).toEqual([]);

  await page.getByLabel('Arrival').fill('2026-12-30');
  await page.getByLabel('Nights').fill('3');
  await page.getByLabel('Wishes (optional)').fill('');
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(0);
  expect(calls).toHaveLength(1);
});

test('somebody who is not logged in is told what is wrong before being asked to log in', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  await site.fillStay();
  await page.getByLabel('Guests').fill('9');
  await site.main.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(page.getByLabel('Guests')).toHaveAccessibleDescription('How many guests, in one room. Must be at most 4.');
  await site.isAt('/functions/quote_stay');
});

test('the keyboard is enough to fill a form in and to call', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/end_session');
  await page.getByLabel('Id').focus();
  await page.keyboard.type('no-such-session');
  await page.keyboard.press('Tab');
  site.watch.expectResponse('404 POST /api/end_session');
  await page.keyboard.press('Enter');
  await expect(site.reply).toContainText('There is no such session.');
});
