// No page has a finding of axe.
import { expectNoFinding } from './support/axe.ts';
import { FAILURE, SIGHTS } from './support/pages.ts';
import { test } from './support/test.ts';

for (const { name, show } of [...SIGHTS, FAILURE]) {
  test(`${name} has no accessibility finding`, async ({ site, page }) => {
    await show(site);
    await expectNoFinding(page);
  });
}
