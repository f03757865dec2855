// What axe finds on a page, in light and in dark.
import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

export async function expectNoFinding(page: Page): Promise<void> {
  // With its style.
  await page.waitForLoadState();
  for (const colorScheme of ['light', 'dark'] as const) {
    // At rest: in the middle of a change of colours, no contrast is what it will be.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { passes, violations } = await new AxeBuilder({ page }).analyze();
    const findings = violations.flatMap(({ id, impact, nodes }) =>
      nodes.map(node => `${impact} ${id}: ${node.html}: ${node.failureSummary}`),
    );
    expect.soft(findings, colorScheme).toEqual([]);
    expect(passes.length).toBeGreaterThan(10);
  }
}
