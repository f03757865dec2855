// The pictures of the README, in docs/.
import { ADMIN, ADMIN_PASSWORD, expect, test, USER } from './support/test.ts';

const path = (name: string) => `../docs/${name}.png`;

test('home', async ({ site, page }) => {
  await site.open('/');
  await page.screenshot({ path: path('home') });
});

test('the page of a function, with a reply', async ({ site, page }) => {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  await site.call();
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: path('function') });
});

test('the page of a user, for an administrator', async ({ site, elsewhere, page }) => {
  await elsewhere.logIn();
  await site.logIn(ADMIN, ADMIN_PASSWORD);
  for (const [name, data] of [
    ['put_role', { role: 'support', permissions: ['users.read'], description: 'Helps' }],
    ['give_role', { user_id: USER, role: 'support' }],
  ] as const) {
    expect((await page.request.post(`/api/${name}`, { data })).status(), name).toBe(200);
  }
  await site.open(`/user?name=${USER}`);
  await page.screenshot({ path: path('user') });
});

test.describe('on a phone, in the dark', () => {
  test.use({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' });

  test('the login', async ({ site, page }) => {
    await site.open('/login');
    await page.screenshot({ path: path('login-phone-dark') });
  });
});

test.describe('in Korean, on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, locale: 'ko-KR' });

  test('home', async ({ site, page }) => {
    await site.open('/');
    await page.screenshot({ path: path('home-phone-korean') });
  });
});
