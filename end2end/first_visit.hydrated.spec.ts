// What a first visit costs: all that a browser loads for a page.
import { readFile } from 'node:fs/promises';
import { expect, test } from './support/test.ts';

/** The size of the bodies when it was last written down, in bytes as they come over the line: a line for each page. */
const WRITTEN_DOWN = 'first_visit_bytes.txt';

/** The most that a page may load, whatever is written down. */
const LIMITS = { '/login': 160_000, '/functions/quote_stay': 310_000 };

async function writtenDown(page: string): Promise<number> {
  const file = await readFile(new URL(WRITTEN_DOWN, import.meta.url), 'utf8');
  const line = file.split('\n').find(line => line.startsWith(`${page} `));
  return Number(line?.split(' ')[1]);
}

for (const [path, limit] of Object.entries(LIMITS)) {
  test(`${path} loads no more than was written down, and two percent`, async ({ site, page }) => {
    const sizes: Promise<[string, number]>[] = [];
    page.on('requestfinished', request => {
      const size = async (): Promise<[string, number]> => {
        const { responseBodySize } = await request.sizes();
        return [new URL(request.url()).pathname, responseBodySize];
      };
      sizes.push(size());
    });
    await site.open(path);
    await page.waitForLoadState('networkidle');
    const all = [...new Map(await Promise.all(sizes))].sort(([, one], [, other]) => other - one);
    const bytes = all.reduce((sum, [, size]) => sum + size, 0);
    const table = all.map(([path, size]) => `${size} ${path}`).join('\n');
    console.log(`${path} ${bytes}\n${table}`);
    const written = await writtenDown(path);
    expect(bytes, table).toBeLessThanOrEqual(Math.min(written * 1.02, limit));
    expect(bytes, 'much less: write it down, so that it stays').toBeGreaterThan(written * 0.9);
  });
}

test('the page of a function names all its modules, and loads each once', async ({ site, page }) => {
  const modules: string[] = [];
  page.on('requestfinished', request => {
    const { pathname } = new URL(request.url());
    if (pathname.endsWith('.wasm')) {
      modules.push(pathname);
    }
  });
  await site.open('/functions/quote_stay');
  await page.waitForLoadState('networkidle');
  expect(new Set(modules).size, modules.join()).toBe(modules.length);
  // The page names them, so the browser need not wait for the main module to find them.
  expect(await page.locator('link[rel=preload]').count()).toBe(modules.length);
});

test('every file comes compressed, and is kept for good', async ({ site, page }) => {
  const files: Promise<string>[] = [];
  page.on('response', response => {
    const headers = async () => {
      const { 'content-encoding': coding, 'cache-control': kept, etag } = await response.allHeaders();
      return `${coding} ${kept} ${etag === undefined ? 'no' : 'a'} tag`;
    };
    if (new URL(response.url()).pathname.startsWith('/pkg/')) {
      files.push(headers());
    }
  });
  await site.open('/login');
  await page.waitForLoadState('networkidle');
  expect([...new Set(await Promise.all(files))]).toEqual(['br public, max-age=31536000, immutable a tag']);
});
