// A real OpenID provider on 127.0.0.1, while Callgate is on localhost: another site, as providers are.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { test as base, expect, type Site } from './test.ts';

export { expect };

const program = fileURLToPath(new URL('../../tools/oidc-provider/provider.mjs', import.meta.url));

export interface Provider {
  origin: string;
  /** The settings file for a server. */
  settings: string;
  /** Lets a server use it. */
  register(origin: string): Promise<void>;
  /** Adds an account, whose password is its name. */
  addAccount(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** The test with a server that offers logins by the provider. Who comes for the first time gets a user of the same name. */
export const test = base.extend<object, { provider: Provider }>({
  provider: [
    async ({}, use) => {
      const provider = await startProvider();
      await use(provider);
      await provider.stop();
    },
    { scope: 'worker' },
  ],
  settings: [async ({ provider }, use) => use({ CALLGATE_SETTINGS: provider.settings }), { scope: 'worker' }],
  server: [
    async ({ server, provider }, use) => {
      await provider.register(server.origin);
      await use(server);
    },
    { scope: 'worker' },
  ],
});

async function startProvider(): Promise<Provider> {
  const folder = await mkdtemp(join(tmpdir(), 'callgate-provider-'));
  const file = join(folder, 'provider.json');
  const state = { port: 0, clients: [] as object[], users: [] as object[] };
  const write = async () => {
    // In one step: the provider may be reading it.
    await writeFile(`${file}.new`, JSON.stringify(state));
    await rename(`${file}.new`, file);
  };
  await write();
  const child = spawn('node', [program, file], { stdio: ['ignore', 'pipe', 'ignore'] });
  const origin = await firstWord(child);
  await writeFile(join(folder, 'secret'), 'secret of the client', { mode: 0o600 });
  const settings = join(folder, 'settings.toml');
  await writeFile(
    settings,
    `[[providers]]
    key = "example"
    name = "Example"
    issuer = "${origin}"
    client_id = "callgate"
    client_secret_file = "secret"
    provision = "open"
    exact_names = true`,
  );
  return {
    origin,
    settings,
    register: async site => {
      state.clients = [
        {
          client_id: 'callgate',
          client_secret: 'secret of the client',
          grant_types: ['authorization_code'],
          redirect_uris: [`${site}/login/with/example/callback`],
          post_logout_redirect_uris: [`${site}/logged-out`],
        },
      ];
      await write();
    },
    addAccount: async name => {
      const claims = { preferred_username: name, email: `${name}@example.org`, email_verified: true };
      state.users.push({ subject: `subject of ${name}`, login: name, password: name, claims });
      await write();
    },
    stop: async () => {
      if (child.exitCode === null) {
        child.kill();
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true });
    },
  };
}

/** The address in the line that it prints once it listens. */
async function firstWord(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    return line.split(' ').at(-1)!;
  }
  throw new Error('The provider did not start. Is it installed (tools/setup.sh test)?');
}

/** Waits for the provider's login page. */
export async function isAtProvider(site: Site, provider: Provider): Promise<void> {
  await expect(site.page).toHaveURL(url => url.origin === provider.origin);
  await expect(site.page.getByRole('heading', { level: 1 })).toHaveText('Log in at the test provider');
}

/** Logs in there, which leads back. */
export async function logInThere(site: Site, provider: Provider, name: string): Promise<void> {
  await isAtProvider(site, provider);
  await site.page.getByLabel('Account').fill(name);
  await site.page.getByLabel('Secret').fill(name);
  await site.page.getByRole('button', { name: 'Continue' }).click();
}

/** Presses the button of the login page that leads to the provider. */
export async function goThere(site: Site, next = '/'): Promise<void> {
  await site.open(next === '/' ? '/login' : `/login?next=${next}`);
  await site.main.getByRole('button', { name: 'Continue with Example' }).click();
}
