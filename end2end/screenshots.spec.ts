// A picture of each page in light and dark, in screenshots/, and what holds for each.
import { SIGHTS } from './support/pages.ts';
import { expect, test } from './support/test.ts';

for (const { name, show } of SIGHTS) {
  test(`${name} looks like a page of Callgate`, async ({ site, page }, { project }) => {
    await show(site);
    await expect(page).toHaveTitle(/Callgate$/);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    await expect(site.header.getByRole('link', { name: 'Callgate' })).toBeVisible();
    await expect(page.getByRole('contentinfo')).toBeVisible();
    // With its style: a page is shown before that has come, if it takes long.
    await page.waitForLoadState();
    expect(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)).toBeLessThanOrEqual(0);

    const backgrounds: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      backgrounds.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await page.screenshot({ path: `screenshots/${project.name}/${name}-${colorScheme}.png`, fullPage: true });
    }
    expect(backgrounds[0]).not.toBe(backgrounds[1]);
  });
}
