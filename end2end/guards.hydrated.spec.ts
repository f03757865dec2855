// What somebody finds out who takes the program apart that the browser is given: addresses, and a guard at each.
import { expect, test } from './support/test.ts';

interface Description {
  paths: Record<string, { post: { responses: Record<string, unknown> } }>;
}

test('every address in the program of the browser asks its guard', async ({ site, page, request }) => {
  const files = new Set<string>();
  page.on('request', (asked) => files.add(asked.url()));
  // A page of each of the files that the program is split into.
  await site.logIn();
  for (const path of ['/login', '/confirm', '/functions/auth_func', '/welcome']) {
    await site.open(path);
    await page.waitForLoadState('networkidle');
  }
  const program = [...files].filter((file) => /\.(js|wasm)$/.test(new URL(file).pathname));
  expect(program.some((file) => file.endsWith('.wasm'))).toBe(true);
  const description = (await (await request.get('/api/openapi.json')).json()) as Description;
  const described = Object.keys(description.paths).sort((one, other) => other.length - one.length);
  const found = new Set<string>();
  for (const file of program) {
    const text = (await (await request.get(file)).body()).toString('latin1');
    for (const [path] of text.matchAll(/\/api\/[a-z0-9_]+/g)) {
      // In the program, texts stand one after the other with nothing in between.
      // The description of all functions, which a refusal names, is no function.
      if (path !== '/api/openapi') found.add(described.find((known) => path.startsWith(known)) ?? path);
    }
  }
  // What only the server asks while it renders a page is not in it.
  expect([...found].sort()).toEqual(['/api/confirm_login', '/api/current_user', '/api/login', '/api/logout']);

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
