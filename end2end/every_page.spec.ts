// What holds for each page, in light and dark: its layout, no finding of axe where script runs, and a picture in screenshots/.
import type { Page } from '@playwright/test';
import { atRest, expectNoFinding } from './support/axe.ts';
import { FAILURE, SIGHTS } from './support/pages.ts';
import { expect, test } from './support/test.ts';

for (const { name, show } of SIGHTS) {
  test(`${name} looks like a page of Callgate and is accessible`, async ({ site, page, hydrates }, { project }) => {
    await show(site);
    await expect(page).toHaveTitle(/Callgate$/);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(site.header.getByRole('link', { name: 'Callgate' })).toBeVisible();
    await expect(page.getByRole('contentinfo')).toBeVisible();
    await looksRight(page, `${project.name}/${name}`, hydrates);
  });
}

test('the page for a request that failed looks right and is accessible', async ({ site, page, hydrates }, { project }) => {
  await FAILURE.show(site);
  await looksRight(page, `${project.name}/${FAILURE.name}`, hydrates);
});

async function looksRight(page: Page, name: string, hasScript: boolean): Promise<void> {
  // With its style: a page is shown before that has come, if it takes long.
  await page.waitForLoadState();
  expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);
  const backgrounds: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await atRest(page, colorScheme);
    backgrounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
    await page.screenshot({ path: `screenshots/${name}-${colorScheme}.png`, fullPage: true });
    if (hasScript) {
      await expectNoFinding(page, [colorScheme]);
    }
  }
  expect(backgrounds[0]).not.toBe(backgrounds[1]);
}
