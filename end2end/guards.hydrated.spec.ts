// What somebody finds out who takes the program apart that the browser is given: addresses, and a guard at each.
import { expect, test } from './support/test.ts';

interface Description {
  paths: Record<string, { post: { responses: Record<string, unknown> } }>;
}

// security check 70
test('every address in the program of the browser asks its guard', async ({ site, page, request }) => {
  await site.open('/');
  const files = await page.evaluate(() => performance.getEntriesByType('resource').map((entry) => entry.name));
  const program = files.filter((file) => /\.(js|wasm)$/.test(new URL(file).pathname));
  expect(program.some((file) => file.endsWith('.wasm'))).toBe(true);
  const found = new Set<string>();
  for (const file of program) {
    const text = (await (await request.get(file)).body()).toString('latin1');
    for (const [path] of text.matchAll(/\/api\/[a-z0-9_]+/g)) {
      found.add(path);
    }
  }
  expect([...found]).toEqual(expect.arrayContaining(['/api/current_user', '/api/list_functions', '/api/login']));

  const description = (await (await request.get('/api/openapi.json')).json()) as Description;
  for (const path of found) {
    const operation = description.paths[path];
    expect(operation, `${path} is described`).toBeDefined();
    const isGuarded = '401' in operation.post.responses && path !== '/api/login';
    for (const data of ['{}', '{', '']) {
      const headers = { 'Content-Type': 'application/json' };
      const reply = await request.post(path, { headers, data });
      expect(reply.status() === 401, `${path} with ${data}: ${reply.status()}`).toBe(isGuarded);
    }
  }
});
