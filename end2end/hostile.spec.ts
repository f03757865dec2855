// Hostile text from whatever a stranger can write is shown as text and does nothing. That no dialog
// opens and no policy is broken is watched in every test.
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

const HOSTILE = '"></title></script></textarea><script>alert(1)</script><img src=x onerror=alert(2)>';

async function expectInert(page: Page): Promise<void> {
  await expect(page.locator('img, main script, head script:not([nonce])')).toHaveCount(0);
}

test('in the name of a user who is refused', async ({ site, page }) => {
  await site.open('/login');
  site.watch.expectResponse(site.hydrates ? '401 POST /api/login' : '401 POST /login');
  await site.fillLogin(HOSTILE, 'wrong');
  await site.main.getByRole('button', { name: 'Log in' }).click();
  await expect(site.main.getByRole('alert')).toHaveText('Wrong user or password. Try again.');
  await site.ready();
  await expect(page.getByLabel('User', { exact: true })).toHaveValue(HOSTILE);
  await expectInert(page);
});

test('in the address', async ({ site, page }) => {
  const next = `/functions/${HOSTILE.replaceAll(' ', '')}`;
  const escaped = encodeURIComponent(HOSTILE);
  await site.open(`/login?next=${encodeURIComponent(next)}`);
  await expect(site.field('next')).toHaveValue(next);
  await expectInert(page);
  for (const path of [
    `/?__path=${encodeURIComponent('/api/login')}&__err=${btoa(HOSTILE)}`,
    `/login?__path=/api/login&__err=${escaped}`,
    `/?q=${escaped}#${escaped}`,
  ]) {
    await site.open(path);
    await expectInert(page);
    await expect(page.locator('body')).not.toContainText('onerror');
  }
  for (const path of [`/${escaped}`, `/functions/${escaped}`]) {
    site.watch.expectResponse(`404 GET ${new URL(path, 'https://localhost').pathname}`);
    expect((await page.goto(path))?.status()).toBe(404);
    await site.ready();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Page not found');
    await expectInert(page);
  }
});

test('in what a browser says it is', async ({ site, page, playwright, server }) => {
  const stranger = await playwright.request.newContext({
    baseURL: server.origin,
    ignoreHTTPSErrors: true,
    userAgent: `curl/8 ${HOSTILE}`,
  });
  await stranger.post('/api/login', { data: { user_id: 'user02', password: 'user_02', remember: false } });
  await site.logIn('user02', 'user_02');
  await site.open('/account');
  await expect(site.main.getByRole('listitem').filter({ hasText: 'curl' }).first()).toBeVisible();
  await expect(page.locator('body')).not.toContainText('onerror');
  await expectInert(page);
  await stranger.dispose();
});

test('in the value of a field', async ({ site, page }) => {
  await site.logIn();
  // Past the browser's own checks, so that the refusal is the server's.
  const form = { arrival: '2026-12-30', room: HOSTILE, extras: HOSTILE, wishes: HOSTILE, 'contact.name': HOSTILE };
  await page.request.post('/functions/quote_stay', { form });
  await site.open('/functions/quote_stay');
  await expect(site.reply).toContainText('422 Unprocessable Content');
  await expect(page.getByLabel('Wishes (optional)')).toHaveValue(HOSTILE);
  await expect(page.getByLabel('Name')).toHaveValue(HOSTILE);
  await expectInert(page);
});
