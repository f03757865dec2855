// The `test` that all specs use: a server per worker, a watched page, and the steps that journeys are made of.
import { randomUUID } from 'node:crypto';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { startServer, type Server, type Users } from './server.ts';
import { Watch } from './watch.ts';

export { expect };

export const USER = 'user01';
export const PASSWORD = 'user_01';
/** Who may do everything. */
export const ADMIN = 'user03';
export const ADMIN_PASSWORD = 'user_03';

/** The names of the cookies of a site: of the session, and of a remembered browser. */
export function cookieNames(origin: string): { session: string; remember: string } {
  const { port } = new URL(origin);
  return { session: `__Host-callgate-${port}`, remember: `__Host-callgate-remember-${port}` };
}


/** A name that no other test has. */
export function newName(): string {
  return `ada-${randomUUID().slice(0, 8)}`;
}

export interface Options {
  /** Whether the program takes over the pages; without script it does not. */
  hydrates: boolean;
}

interface Fixtures {
  watch: Watch;
  site: Site;
  /** The same site in a browser of its own, as watched as the first. */
  elsewhere: Site;
}

interface WorkerFixtures {
  /** Variables for the server of these tests. */
  settings: Record<string, string>;
  /** Who can log in at the start. */
  users: Users;
  server: Server;
}

export const test = base.extend<Fixtures & Options, WorkerFixtures>({
  hydrates: [true, { option: true }],
  settings: [{}, { option: true, scope: 'worker' }],
  users: ['demo', { option: true, scope: 'worker' }],
  server: [
    async ({ settings, users }, use) => {
      const server = await startServer(settings, users);
      await use(server);
      await server.stop();
    },
    { scope: 'worker', timeout: 600_000 },
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
    await use(new Site(page, watch, hydrates));
  },
  elsewhere: async ({ browser, hydrates }, use) => {
    // With the options of the project, as every context.
    const context = await browser.newContext();
    const page = await context.newPage();
    const watch = new Watch(page, hydrates);
    await watch.start();
    await use(new Site(page, watch, hydrates));
    watch.check();
    await context.close();
  },
});

/** Callgate as a person sees it. */
export class Site {
  readonly header: Locator;
  readonly main: Locator;
  readonly editor: Locator;
  readonly reply: Locator;
  /** The pending call. */
  readonly waiting: Locator;

  constructor(
    readonly page: Page,
    readonly watch: Watch,
    readonly hydrates: boolean,
  ) {
    this.header = page.getByRole('banner');
    this.main = page.getByRole('main');
    this.editor = page.getByRole('textbox', { name: 'Arguments (JSON object)' });
    this.reply = page.getByRole('region', { name: 'Reply' });
    this.waiting = page.getByRole('region', { name: 'Your call is waiting' });
  }

  /** Waits until a page that was just loaded can be used: with script, until the program has taken over what waits for it. */
  async ready(): Promise<void> {
    await this.page.waitForLoadState('domcontentloaded');
    if (this.hydrates) {
      await expect(this.page.locator('.waiting')).toHaveCount(0);
    }
  }

  /** Goes to a page, as if its address was typed, and expects this status. */
  async open(path: string, status = 200): Promise<void> {
    if (status >= 400) {
      this.watch.expectResponse(`${status} GET ${path.split('?')[0]}`);
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
  async sendLogin(target = '/', user = USER): Promise<void> {
    await this.main.getByRole('button', { name: 'Log in' }).click();
    await this.isAt(target);
    await this.ready();
    await this.isLoggedIn(user);
  }

  async logIn(user = USER, password = PASSWORD): Promise<void> {
    await this.open('/login');
    await this.fillLogin(user, password);
    await this.sendLogin('/', user);
  }

  async logOut(): Promise<void> {
    await this.header.getByRole('button', { name: 'Log out' }).click();
    await this.isAt('/');
    await this.isLoggedOut();
    await this.ready();
  }

  /** Fills the form of `quote_stay` in. */
  async fillStay(): Promise<void> {
    await this.page.getByLabel('Arrival').fill('2026-12-30');
    await this.page.getByLabel('Nights').fill('3');
    await this.page.getByLabel('Guests').fill('2');
    await this.page.getByLabel('Room').selectOption({ label: 'Double room, 90 a night' });
    await this.page.getByLabel('Breakfast, 12 a guest and night').check();
    await this.page.getByLabel('Discount (optional)').fill('0.5');
    await this.page.getByLabel('Dog').check();
    const contact = this.page.getByRole('group', { name: 'Contact' });
    await contact.getByLabel('Name').fill('Ada');
    await contact.getByLabel('Email (optional)').fill('ada@example.org');
    await this.page.getByLabel('Wishes (optional)').fill('a cot\n\n quiet');
  }

  /** Waits until the password was given too long ago for what asks for a fresh login. */
  async becomesStale(): Promise<void> {
    const ask = async () => {
      const reply = await this.page.request.post('/api/change_password', { data: { new_password: 'x' } });
      return reply.status();
    };
    await expect.poll(ask).toBe(403);
  }

  /** Presses the button that calls the function of this page. */
  async pressCall(): Promise<void> {
    await this.main.getByRole('button', { name: 'Call', exact: true }).click();
  }

  /** Presses that button where the call wants a login first, and logs in. */
  async callAndLogIn(path: string, user = USER, password = PASSWORD): Promise<void> {
    await this.pressCall();
    await this.isAt(`/login?next=${path}`);
    await this.ready();
    await this.fillLogin(user, password);
    await this.sendLogin(path, user);
  }

  /** Calls the function of this page with what is typed, and waits for the reply. */
  async call(): Promise<void> {
    await this.pressCall();
    await expect(this.reply).toContainText(/ in \d+ ms/);
    await this.ready();
  }

  async hasReply(status: string, body: object): Promise<void> {
    await expect(this.reply.locator('.status')).toHaveText(new RegExp(`^${status} in \\d+ ms$`));
    // The reference of a refusal is another one each time.
    const said = async () => {
      const { request_id: _, ...reply } = JSON.parse(await this.reply.getByRole('group', { name: 'Reply as JSON' }).innerText());
      return JSON.stringify(reply);
    };
    await expect.poll(said).toBe(JSON.stringify(body));
  }

  async isAt(path: string): Promise<void> {
    await expect(this.page).toHaveURL(url => url.pathname + url.search === path);
  }

  async isLoggedIn(user = USER): Promise<void> {
    await expect(this.header).toContainText(`Logged in as ${user}`);
    await expect(this.header.getByRole('button', { name: 'Log out' })).toBeVisible();
  }

  async isLoggedOut(): Promise<void> {
    await expect(this.header.getByRole('link', { name: 'Log in' })).toBeVisible();
    await expect(this.header).not.toContainText(USER);
  }
}
