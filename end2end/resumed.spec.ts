// Calls that wait for a login: seen, and run with one press.
import { expect, test, PASSWORD, USER } from './support/test.ts';

test.describe('a call that wanted a login', () => {
  test.beforeEach(async ({ site, page }) => {
    await site.open('/functions/quote_stay');
    await site.fillStay();
    await page.getByRole('button', { name: 'Call', exact: true }).click();
    await site.isAt('/login?next=/functions/quote_stay');
    await site.ready();
    await site.fillLogin(USER, PASSWORD);
    await site.sendLogin('/functions/quote_stay');
  });

  test('is seen after the login, and runs with one press', async ({ site, page }) => {
    const waits = page.getByRole('region', { name: 'Your call is waiting' });
    await expect(waits).toContainText('"contact":{"name":"Ada","email":"ada@example.org"}');
    await expect(page.getByLabel('Nights')).toHaveValue('3');
    await expect(site.reply).toContainText('No call yet.');
    await waits.getByRole('button', { name: 'Run this call' }).click();
    await expect(site.reply).toContainText('"total": 176');
    await site.ready();
    await expect(waits).toHaveCount(0);

    await page.reload();
    await site.ready();
    await expect(waits).toHaveCount(0);
  });

  test('never runs by itself, and can be let go', async ({ site, page }) => {
    const waits = page.getByRole('region', { name: 'Your call is waiting' });
    await page.reload();
    await site.ready();
    await site.open('/');
    await page.goBack();
    await site.ready();
    await expect(site.reply).toContainText('No call yet.');
    await waits.getByRole('button', { name: 'Discard' }).click();
    await expect(waits).toHaveCount(0);
    await site.ready();
    await expect(site.reply).toContainText('No call yet.');
    await expect(page.getByLabel('Nights')).toHaveValue('');
  });
});
