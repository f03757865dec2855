// Typed arguments without script: the browser checks what it can, the server all of it.
import { expect, test } from './support/test.ts';

test('the browser leads to the first field that is wrong, and nothing is sent until it is content', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  const sent: string[] = [];
  page.on('request', request => {
    if (request.method() === 'POST') {
      sent.push(request.url());
    }
  });
  await site.pressCall();
  await expect(page.getByLabel('Arrival')).toBeFocused();

  await site.fillStay();
  for (const [label, wrong, right] of [
    ['Nights', '32', '3'],
    ['Guests', '1.5', '2'],
    ['Discount (optional)', '2', '0.5'],
    ['Name', '', 'Ada'],
    ['Email (optional)', 'nobody', 'ada@example.org'],
  ]) {
    const input = page.getByLabel(label, { exact: true });
    await input.fill(wrong);
    await page.getByLabel('Room').focus();
    await site.pressCall();
    await expect(input).toBeFocused();
    await input.fill(right);
  }
  expect(sent).toEqual([]);
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  expect(sent).toHaveLength(1);
});

test('what the browser lets through is said beside its field, and what was typed is kept', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  const wishes = page.getByLabel('Wishes (optional)');
  const tooLong = `quiet\n${'x'.repeat(81)}`;
  await wishes.fill(tooLong);
  await site.call();
  await expect(site.reply).toContainText('422 Unprocessable Content');
  await expect(wishes).toHaveAttribute('aria-invalid', 'true');
  await expect(wishes).toHaveAccessibleDescription('Any other wishes. One per line. Item 2 must have at most 80 characters.');
  await expect(wishes).toHaveValue(tooLong);
  await expect(page.getByLabel('Discount (optional)')).toHaveValue('0.5');
  await expect(page.locator('[aria-invalid=true]')).toHaveCount(1);
});

test('a browser that checks nothing gets all errors at once, each beside its field', async ({ site, page }) => {
  await site.logIn();
  const form = { nights: '32', guests: '1.5', room: 'cellar', extras: 'pool', discount: '2', 'contact.name': '', wishes: '' };
  await page.request.post('/functions/quote_stay', { form });
  await site.open('/functions/quote_stay');
  await expect(site.reply).toContainText('422 Unprocessable Content');
  for (const [label, problem] of [
    ['Arrival', 'Choose a date.'],
    ['Nights', 'Must be at most 31.'],
    ['Guests', 'Must be a whole number.'],
    ['Room', 'Must be one of single, double, view.'],
    ['Discount (optional)', 'Must be at most 1.'],
    ['Name', 'Fill in this field.'],
  ]) {
    await expect(page.getByLabel(label, { exact: true })).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByLabel(label, { exact: true })).toHaveAccessibleDescription(new RegExp(`${problem}$`));
  }
  await expect(page.getByRole('group', { name: 'Extras (optional)' })).toContainText('must be one of');
  await expect(page.getByLabel('Email (optional)')).toHaveAttribute('aria-invalid', 'false');
  await expect(page.getByLabel('Nights')).toHaveValue('32');
});
