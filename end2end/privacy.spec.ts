// What belongs to one person is shown to nobody else, and is gone after the logout.
import { expect, test, type Site } from './support/test.ts';

const PAGES = ['/', '/account', '/confirm', '/functions/auth_func', '/functions/my_sessions', '/functions/quote_stay'];

async function callAs(site: Site, user: string): Promise<void> {
  await site.open('/functions/auth_func');
  await site.editor.fill(`{"note":"a secret of ${user}"}`);
  await site.call();
  await expect(site.reply).toContainText(`user_id=${user}`);
}

test('two people at one server never see anything of each other', async ({ site, elsewhere }) => {
  await site.logIn('user01', 'user_01');
  await elsewhere.logIn('user02', 'user_02');
  await Promise.all([callAs(site, 'user01'), callAs(elsewhere, 'user02')]);
  for (const [own, user, other] of [
    [site, 'user01', 'user02'],
    [elsewhere, 'user02', 'user01'],
  ] as const) {
    const sees = async () => {
      await own.ready();
      await own.isLoggedIn(user);
      await expect(own.page.locator('body')).not.toContainText(other);
    };
    await sees();
    await own.page.reload();
    await sees();
    await own.open('/account');
    await sees();
    await own.page.goBack();
    await own.isAt('/functions/auth_func');
    await sees();
  }
});

test('the source of a page holds nothing of anybody for who is not logged in', async ({ server, elsewhere, page }) => {
  const [user, password] = ['canary-ada', 'seven small zebras swim'];
  await server.addUser(user, password);
  await elsewhere.logIn(user, password);
  await callAs(elsewhere, user);
  const { sessions } = await (await elsewhere.page.request.post('/api/my_sessions')).json();
  const [{ id }] = sessions;
  for (const path of [...PAGES, '/login', '/no-such-page', '/functions/change_password', '/api/openapi.json']) {
    const source = await (await page.request.get(path)).text();
    for (const text of [user, id, 'a secret of', 'Chrome on']) {
      expect(source, path).not.toContain(text);
    }
  }
});

test('after a logout the browser keeps nothing, however far one goes back', async ({ site, page, context }) => {
  await site.open('/login');
  await page.getByLabel('Remember me on this device').check();
  await site.fillLogin('user01', 'user_01');
  await site.sendLogin();
  await callAs(site, 'user01');
  await site.open('/account');
  await site.logOut();

  expect(await context.cookies()).toEqual([]);
  const kept = await page.evaluate(async () => [
    document.cookie,
    localStorage.length,
    sessionStorage.length,
    (await caches.keys()).length,
    (await indexedDB.databases()).length,
    (await navigator.serviceWorker.getRegistrations()).length,
  ]);
  expect(kept).toEqual(['', 0, 0, 0, 0, 0]);

  // Without script, the call itself was a page to go back to.
  const call = site.hydrates ? [] : ['/functions/auth_func'];
  for (const path of ['/account', '/functions/auth_func', ...call, '/']) {
    await page.goBack();
    await site.isAt(path);
    await site.ready();
    await site.isLoggedOut();
    await expect(page.locator('body')).not.toContainText('user01');
    await expect(page.locator('body')).not.toContainText('a secret of');
  }
});
