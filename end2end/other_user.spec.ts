// Two tabs of one browser, and two users: a page does nothing for the user who has logged in since in the other tab.
import { expect, test, ADMIN, ADMIN_PASSWORD, PASSWORD, USER } from './support/test.ts';

test('a page that was loaded for one user changes nothing for another, and offers to be loaded anew', async ({ site, page, context }) => {
  await site.logIn();
  await site.open('/functions/change_password');
  const other = await context.newPage();
  await other.goto('/login');
  await other.getByLabel('User', { exact: true }).fill(ADMIN);
  await other.getByLabel('Password', { exact: true }).fill(ADMIN_PASSWORD);
  await other.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expect(other.getByRole('banner')).toContainText(`Logged in as ${ADMIN}`);

  await page.getByLabel('New password', { exact: true }).fill('four quite unusual words');
  site.watch.expectResponse(site.hydrates ? '409 POST /api/change_password' : '409 POST /functions/change_password');
  await site.pressCall();
  await expect(site.main).toContainText('Another user has logged in since this page was loaded. Nothing was done.');
  await page.getByRole('link', { name: 'Reload the page' }).click();
  await site.isAt('/functions/change_password');
  await site.ready();
  await site.isLoggedIn(ADMIN);

  for (const [user_id, password] of [[ADMIN, ADMIN_PASSWORD], [USER, PASSWORD]]) {
    const login = await page.request.post('/api/login', { data: { user_id, password, remember: false } });
    expect(login.status(), user_id).toBe(200);
  }
});
