// The `test` that all specs use: a server per worker, a watched page, and the steps that journeys are made of.
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { startServer, type Server } from './server.ts';
import { Watch } from './watch.ts';

export { expect };

export const USER = 'user01';
export const PASSWORD = 'user_01';
export const SESSION_COOKIE = '__Host-callgate';

export interface Options {
  /** Whether the program takes over the pages; without script it does not. */
  hydrates: boolean;
}

interface Fixtures {
  watch: Watch;
  site: Site;
}

export const test = base.extend<Fixtures & Options, { server: Server }>({
  hydrates: [true, { option: true }],
  server: [
    async ({}, use) => {
      const server = await startServer();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  baseURL: async ({ server }, use) => use(server.origin),
  watch: [
    async ({ page, hydrates }, use) => {
      const watch = new Watch(page, hydrates);
      await watch.start();
      await use(watch);
      watch.check();
    },
    { auto: true },
  ],
  site: async ({ page, watch, hydrates }, use) => {
    const site = new Site(page, watch, hydrates);
    await site.start();
    await use(site);
  },
});

/** Callgate as a person sees it. */
export class Site {
  readonly header: Locator;
  readonly main: Locator;
  readonly editor: Locator;
  readonly reply: Locator;

  constructor(
    readonly page: Page,
    readonly watch: Watch,
    readonly hydrates: boolean,
  ) {
    this.header = page.getByRole('banner');
    this.main = page.getByRole('main');
    this.editor = page.getByRole('textbox', { name: 'Arguments, a JSON object' });
    this.reply = page.getByRole('region', { name: 'Reply' });
  }

  /** Lets `ready` see when the program has taken over: its router then listens to the history. */
  async start(): Promise<void> {
    await this.page.addInitScript(() => {
      const listen = window.addEventListener;
      window.addEventListener = function (this: Window, ...[type, ...rest]: Parameters<typeof listen>) {
        if (type === 'popstate') {
          document.documentElement.setAttribute('data-taken-over', '');
        }
        return listen.call(this, type, ...rest);
      } as typeof listen;
    });
  }

  /** Waits until a page that was just loaded can be used: with script, until the program runs. */
  async ready(): Promise<void> {
    if (this.hydrates) {
      await expect(this.page.locator('html')).toHaveAttribute('data-taken-over');
      await expect(this.page.locator('.waiting')).toHaveCount(0);
    }
  }

  /** Goes to a page, as if its address was typed, and expects this status. */
  async open(path: string, status = 200): Promise<void> {
    if (status >= 400) {
      this.watch.expectResponse(`${status} GET ${path}`);
    }
    const response = await this.page.goto(path);
    expect(response?.status()).toBe(status);
    await this.ready();
  }

  async fillLogin(user: string, password: string): Promise<void> {
    await this.page.getByLabel('User', { exact: true }).fill(user);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
  }

  /** Sends the login form that is shown, and waits for the page that it leads to. */
  async sendLogin(target = '/'): Promise<void> {
    await this.main.getByRole('button', { name: 'Log in' }).click();
    await this.isAt(target);
    await this.ready();
    await this.isLoggedIn();
  }

  async logIn(): Promise<void> {
    await this.open('/login');
    await this.fillLogin(USER, PASSWORD);
    await this.sendLogin();
  }

  async logOut(): Promise<void> {
    await this.header.getByRole('button', { name: 'Log out' }).click();
    await this.isAt('/');
    await this.isLoggedOut();
    await this.ready();
  }

  /** Calls the function of this page with what is typed, and waits for the reply. */
  async call(): Promise<void> {
    await this.main.getByRole('button', { name: 'Call', exact: true }).click();
    await expect(this.reply).toContainText(/ in \d+ ms/);
    await this.ready();
  }

  async hasReply(status: string, body: object): Promise<void> {
    await expect(this.reply.locator('.status')).toHaveText(new RegExp(`^${status} in \\d+ ms$`));
    await expect(this.reply.locator('pre')).toHaveText(JSON.stringify(body));
  }

  async isAt(path: string): Promise<void> {
    await expect(this.page).toHaveURL(url => url.pathname + url.search === path);
  }

  async isLoggedIn(): Promise<void> {
    await expect(this.header).toContainText(`Logged in as ${USER}`);
    await expect(this.header.getByRole('button', { name: 'Log out' })).toBeVisible();
  }

  async isLoggedOut(): Promise<void> {
    await expect(this.header.getByRole('link', { name: 'Log in' })).toBeVisible();
    await expect(this.header).not.toContainText(USER);
  }
}
