// What a first visit costs: all that a browser loads for the login page.
import { readFile } from 'node:fs/promises';
import { expect, test } from './support/test.ts';

/** The bodies' size when this was last written down, in bytes as they come over the line. */
const WRITTEN_DOWN = 'first_visit_bytes.txt';

test('the login page loads no more than was written down, and two percent', async ({ site, page }) => {
  const sizes = new Map<string, number>();
  page.on('requestfinished', async request => {
    const { responseBodySize } = await request.sizes();
    sizes.set(new URL(request.url()).pathname, responseBodySize);
  });
  await site.open('/login');
  await page.waitForLoadState('networkidle');
  const all = [...sizes].sort(([, one], [, other]) => other - one);
  const bytes = all.reduce((sum, [, size]) => sum + size, 0);
  const table = all.map(([path, size]) => `${size} ${path}`).join('\n');
  console.log(`${bytes} bytes in ${all.length} files\n${table}`);
  const written = Number(await readFile(new URL(WRITTEN_DOWN, import.meta.url), 'utf8'));
  expect(bytes, table).toBeLessThanOrEqual(written * 1.02);
  expect(bytes, 'much less: write it down, so that it stays').toBeGreaterThan(written * 0.9);
});

test('every file comes compressed, and is kept for good', async ({ site, page }) => {
  const files: string[] = [];
  page.on('response', async response => {
    if (new URL(response.url()).pathname.startsWith('/pkg/')) {
      const { 'content-encoding': coding, 'cache-control': kept, etag } = await response.allHeaders();
      files.push(`${coding} ${kept} ${etag === undefined ? 'no' : 'a'} tag`);
    }
  });
  await site.open('/login');
  await page.waitForLoadState('networkidle');
  expect([...new Set(files)]).toEqual(['br public, max-age=31536000, immutable a tag']);
});
