// What axe finds on a page. It is a script, so it needs a page in which scripts run.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

type ColorScheme = 'light' | 'dark';

export async function expectNoFinding(page: Page, colorSchemes: ColorScheme[] = ['light', 'dark']): Promise<void> {
  // With its style.
  await page.waitForLoadState();
  for (const colorScheme of colorSchemes) {
    await atRest(page, colorScheme);
    const { passes, violations } = await new AxeBuilder({ page }).analyze();
    const findings = violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(node => `${impact} ${id}: ${node.html}: ${node.failureSummary}`),
    );
    expect.soft(findings, colorScheme).toEqual([]);
    expect(passes.length).toBeGreaterThan(10);
  }
}

/** Shows the page in these colours, without motion: in the middle of a change, no contrast is what it will be. */
export async function atRest(page: Page, colorScheme: ColorScheme): Promise<void> {
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
}
