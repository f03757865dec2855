// Calling functions without script.
import { expect, test } from './support/test.ts';

test('what is no JSON is refused with its place, and stays in the editor', async ({ site }) => {
  await site.open('/functions/notauth_func');
  const text = '</textarea><script>alert(1)</script>';
  await site.editor.fill(text);
  await site.call();
  await site.hasReply('400 Bad Request', {
    ok: false,
    error: 'The body is not a JSON object: expected value at line 1, column 1.',
    code: 'malformed_body',
    detail: 'expected value at line 1, column 1',
  });
  await expect(site.editor).toHaveValue(text);
  await expect(site.editor).toHaveAttribute('aria-invalid', 'true');
  await expect(site.main.locator('script')).toHaveCount(0);
});

test('the programs in other languages are shown without script', async ({ page, site }) => {
  await site.open('/functions/notauth_func');
  const programs = page.getByRole('region', { name: 'From a program' });
  await expect(programs.getByLabel('curl command')).toBeVisible();
  await programs.getByText('Python', { exact: true }).click();
  await expect(programs.getByLabel('Python code')).toContainText('import requests');
  await expect(programs.getByRole('group')).toHaveCount(1);
});

test('a reload shows the reply again and calls nothing', async ({ site, page }) => {
  await site.open('/functions/notauth_func');
  await site.editor.fill('{"once":true}');
  await site.call();
  const posts: string[] = [];
  page.on('request', request => {
    if (request.method() === 'POST') {
      posts.push(request.url());
    }
  });
  await page.reload();
  await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"once":true})' });
  expect(posts).toEqual([]);
});

test('arguments that are too large lead to a page that says so', async ({ site, page }) => {
  await site.open('/functions/notauth_func');
  await site.editor.fill(JSON.stringify({ large: 'x'.repeat(70_000) }));
  site.watch.expectResponse('413 POST /functions/notauth_func');
  await site.main.getByRole('button', { name: 'Call', exact: true }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('That did not work');
  await expect(site.main).toContainText('The body is too large.');
  await site.main.getByRole('link', { name: 'See all functions' }).click();
  await site.isAt('/');
});
