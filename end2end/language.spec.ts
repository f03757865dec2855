// Choosing the language: the page stays, with script and without, and all of it is in that language.
import { expect, newName, test, type Site } from './support/test.ts';

const PASSWORD = 'six large parrots walk';

/** The texts of the page that have three English words in a row, but for code, names and parts marked as English. */
async function englishTexts(site: Site): Promise<string[]> {
  return site.page.evaluate(() => {
    const isOther = (element: Element | null) =>
      element?.closest('code, pre, script, style, textarea, option, :not(html)[lang="en"], [translate="no"]') !== null;
    const found: string[] = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const text = texts.currentNode.textContent ?? '';
      if (/([A-Za-z'-]+[.,:;!?]? +){2}[A-Za-z'-]+/.test(text) && !isOther(texts.currentNode.parentElement)) {
        found.push(text);
      }
    }
    return found;
  });
}

/** Calls `quote_stay` as JSON, and expects what is said of each argument beside its field in the form. */
async function showsFaults(site: Site, data: object, fields: string[]): Promise<void> {
  const reply = await site.page.request.post('/api/quote_stay', { data, headers: { 'accept-language': 'ko' } });
  expect(reply.status()).toBe(422);
  const { faults } = (await reply.json()) as { faults: { field: string; problem: string }[] };
  expect(faults.map(({ field }) => field)).toEqual(fields);
  for (const { field, problem } of faults) {
    expect(problem).toMatch(/[가-힣]/);
    await expect(site.field(field)).toHaveAttribute('aria-invalid', 'true');
    await expect(site.field(field)).toHaveAccessibleDescription(new RegExp(problem));
  }
}

test('after a choice of Korean the page stays and is in Korean, with its calls and faults, until English is chosen', async ({
  site,
  page,
  server,
}) => {
  // A choice is kept in the account, so it is one of its own.
  const user = newName();
  await server.addUser(user, PASSWORD);
  await site.open('/login?next=/functions/quote_stay');
  await site.choose('ko');
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('로그인');
  expect(await englishTexts(site)).toEqual([]);
  await site.fillLogin(user, PASSWORD);
  await site.sendLogin('/functions/quote_stay', user);
  expect(await englishTexts(site)).toEqual([]);

  const stay = { arrival: '2026-12-30', nights: 3, guests: 2, room: 'double', contact: { name: 'Ada' } };
  await site.fillStay();
  if (site.hydrates) {
    // The program says of what is typed what the server says.
    await site.field('nights').fill('32');
    await site.pressCall();
    await showsFaults(site, { ...stay, nights: 32 }, ['nights']);
    await site.fillStay();
    site.watch.expectResponse('422 POST /api/quote_stay');
  }
  // Only the server knows of this one.
  await site.field('arrival').fill('9999-12-30');
  await site.call();
  await showsFaults(site, { ...stay, arrival: '9999-12-30' }, ['arrival']);
  expect(await englishTexts(site)).toEqual([]);

  await site.fillStay();
  await site.call();
  await expect(site.reply).toContainText('200 OK');
  expect(await englishTexts(site)).toEqual([]);

  await site.open('/functions/list_users');
  if (site.hydrates) {
    site.watch.expectResponse('403 POST /api/list_users');
  }
  await site.call();
  await expect(site.reply).toContainText('관리자에게 요청하세요.');

  await site.choose('en');
  await expect(site.main.getByRole('button', { name: 'Call', exact: true })).toBeVisible();
  await site.isLoggedIn(user);
});
