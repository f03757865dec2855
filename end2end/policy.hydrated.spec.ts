// The content security policy, in a browser that obeys it.
import { expect, test } from './support/test.ts';

for (const [what, markup] of [
  ['script', '<script>window.injected = true</script>'],
  ['script with a guessed nonce', '<script nonce="guess">window.injected = true</script>'],
  ['handler', '<svg onload="window.injected = true"></svg>'],
]) {
  test(`an injected ${what} does not run, and the page still does`, async ({ site, page }) => {
    await page.route('/functions/notauth_func', async route => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace('</body>', `${markup}</body>`) });
    });
    site.watch.expectError(/policy violation: script-src-(elem|attr), blocked inline/);
    site.watch.expectError(/violates the following Content Security Policy directive/);
    await site.open('/functions/notauth_func');
    await site.call();
    await site.hasReply('200 OK', { ok: true, msg: 'notauth_func({"hello":"world"})' });
    expect(await page.content()).toContain('window.injected');
    expect(await page.evaluate(() => 'injected' in window)).toBe(false);
  });
}
