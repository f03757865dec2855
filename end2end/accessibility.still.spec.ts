// No page has a finding of axe where the program does not run. axe itself is a script, so script is on here, and the
// program is replaced by one that does nothing. Colours and widths are those of every_page.spec.ts.
import { expectNoFinding } from './support/axe.ts';
import { FAILURE, SIGHTS } from './support/pages.ts';
import { test } from './support/test.ts';

test.use({ javaScriptEnabled: true });

for (const { name, show } of [...SIGHTS, FAILURE]) {
  test(`${name} has no accessibility finding`, async ({ site, page }) => {
    const body = 'export default () => new Promise(() => {});';
    await page.route(/\/pkg\/callgate\.[\w-]+\.js$/, route => route.fulfill({ contentType: 'text/javascript', body }));
    await show(site);
    await expectNoFinding(page, ['light']);
  });
}
