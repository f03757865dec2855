// Calls every function with openapi-fetch, by the types that openapi-typescript makes of `/api/openapi.json`: see ../generated.py.
import createClient, { type Client } from 'openapi-fetch';
import type { components, operations, paths } from './api/paths.js';
import { calls } from './api/calls.js';

/** A call of a function with its example, and the statuses that may be answered. */
export interface Call {
  name: keyof operations;
  allowed: number[];
  call: (client: Client<paths>) => Promise<{
    data?: { ok: true };
    error?: components['schemas']['Refusal'];
    response: Response;
  }>;
}

const ADMINISTRATOR = { user_id: 'user03', password: 'user_03' };
const baseUrl = process.env.BASE;

/** A client with a cookie jar of its own. */
function newClient(): Client<paths> {
  const jar = new Map<string, string>();
  const client = createClient<paths>({ baseUrl });
  client.use({
    onRequest({ request }) {
      request.headers.set('cookie', [...jar].map(([name, value]) => `${name}=${value}`).join('; '));
    },
    onResponse({ response }) {
      for (const line of response.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        if (name !== undefined && value !== undefined) jar.set(name, value);
      }
    },
  });
  return client;
}

/** Makes a call, and says what is wrong with the answer. */
async function problemOf({ allowed, call }: Call): Promise<string | undefined> {
  const client = newClient();
  const login = await client.POST('/api/login', { body: ADMINISTRATOR });
  if (login.error) return `the login before it was refused: ${login.error.code}`;
  const { data, error, response } = await call(client);
  if (!allowed.includes(response.status)) return `${response.status} is not one of ${allowed.join(', ')}`;
  const isDescribed = response.ok ? data?.ok === true : error?.ok === false && error.code !== '';
  return isDescribed ? undefined : `the answer is ${JSON.stringify(data ?? error)}`;
}

let failed = 0;
for (const call of calls) {
  const problem = await problemOf(call).catch(String);
  if (problem !== undefined) failed += 1;
  console.log(`TypeScript: ${call.name}: ${problem === undefined ? 'ok' : `FAILED, ${problem}`}`);
}
const title = 'every function answers a generated TypeScript client as described';
console.log(`${title}: ${failed === 0 ? 'ok' : 'FAILED'}`);
console.log(`${calls.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
