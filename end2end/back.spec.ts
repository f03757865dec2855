// Going back to a form without the back/forward cache: what was typed is there again, and what is made from it.
import { expect, test } from './support/test.ts';

test('everything that was typed and is not secret is there again, and the curl line says the same', async ({ site, page }) => {
  await site.open('/functions/quote_stay');
  await site.fillStay();
  await page.goto('/');
  await page.goBack();
  await site.ready();
  await expect(page.getByLabel('Arrival')).toHaveValue('2026-12-30');
  await expect(page.getByLabel('Nights')).toHaveValue('3');
  await expect(page.getByLabel('Room')).toHaveValue('double');
  await expect(page.getByLabel('Dog')).toBeChecked();
  await expect(page.getByRole('group', { name: 'Contact' }).getByLabel('Name')).toHaveValue('Ada');
  await expect(page.getByLabel('Wishes (optional)')).toHaveValue('a cot\n\n quiet');
  if (site.hydrates) {
    await expect(page.getByLabel('curl command')).toContainText('"nights":3,"guests":2,"room":"double"');
  }
});

test('the editor and what is said of it are there again', async ({ site, page }) => {
  await site.open('/functions/notauth_func');
  await site.editor.fill('{"half": ');
  await page.goto('/');
  await page.goBack();
  await site.ready();
  await expect(site.editor).toHaveValue('{"half": ');
  if (site.hydrates) {
    await expect(site.main).toContainText('Not a JSON object yet');
  }
});

test('a password is not', async ({ site, page }) => {
  await site.open('/login');
  await site.fillLogin('user01', 'user_01');
  await page.goto('/');
  await page.goBack();
  await site.ready();
  await expect(page.getByLabel('User', { exact: true })).toHaveValue('user01');
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue('');
});
