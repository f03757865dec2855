// The `test` that all specs use: a server per worker, a watched page, and the steps that journeys are made of.
import { randomUUID } from 'node:crypto';
import { test as base, expect, type Locator, type Page } from '@playwright/test';
import { startServer, type Server, type Users } from './server.ts';
import { Watch } from './watch.ts';
import { OWN_NAMES, text, type Language } from './words.ts';

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
  site: async ({ page, watch, hydrates, locale }, use) => {
    await use(new Site(page, watch, hydrates, languageOf(locale)));
  },
  elsewhere: async ({ browser, hydrates, locale }, use) => {
    // With the options of the project, as every context.
    const context = await browser.newContext();
    const page = await context.newPage();
    const watch = new Watch(page, hydrates);
    await watch.start();
    await use(new Site(page, watch, hydrates, languageOf(locale)));
    watch.check();
    await context.close();
  },
});

/** The language of the pages in a browser of this locale. */
function languageOf(locale?: string): Language {
  return locale?.startsWith('ko') ? 'ko' : 'en';
}

/** Callgate as a person sees it. */
export class Site {
  readonly header: Locator;
  readonly main: Locator;

  constructor(
    readonly page: Page,
    readonly watch: Watch,
    readonly hydrates: boolean,
    private language: Language,
  ) {
    this.header = page.getByRole('banner');
    this.main = page.getByRole('main');
  }

  get editor(): Locator {
    return this.page.getByRole('textbox', { name: this.text('Arguments (JSON object)') });
  }

  get reply(): Locator {
    return this.page.getByRole('region', { name: this.text('Reply') });
  }

  /** The pending call. */
  get waiting(): Locator {
    return this.page.getByRole('region', { name: this.text('Your call is waiting') });
  }

  /** A text of the pages, in their language. */
  text(english: string, context?: string): string {
    return text(this.language, english, context);
  }

  /** The input with this name in the form of the page. */
  field(name: string): Locator {
    return this.main.locator(`[name="${name}"]`);
  }

  /** Chooses the language of the pages. The same page is shown again. */
  async choose(language: Language): Promise<void> {
    const { pathname, search } = new URL(this.page.url());
    await this.page.getByRole('contentinfo').getByRole('button', { name: OWN_NAMES[language] }).click();
    this.language = language;
    await expect(this.page.locator('html')).toHaveAttribute('lang', language);
    await this.isAt(pathname + search);
    await this.ready();
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
    await this.field('user_id').fill(user);
    await this.field('password').fill(password);
  }

  /** Sends the login form that is shown, and waits for the page that it leads to. */
  async sendLogin(target = '/', user = USER): Promise<void> {
    await this.main.getByRole('button', { name: this.text('Log in'), exact: true }).click();
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
    await this.header.getByRole('button', { name: this.text('Log out') }).click();
    await this.isAt('/');
    await this.isLoggedOut();
    await this.ready();
  }

  /** Fills the form of `quote_stay` in. */
  async fillStay(): Promise<void> {
    await this.field('arrival').fill('2026-12-30');
    await this.field('nights').fill('3');
    await this.field('guests').fill('2');
    await this.field('room').selectOption('double');
    await this.main.locator('[name="extras"][value="breakfast"]').check();
    await this.field('discount').fill('0.5');
    await this.field('dog').check();
    await this.field('contact.name').fill('Ada');
    await this.field('contact.email').fill('ada@example.org');
    await this.field('wishes').fill('a cot\n\n quiet');
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
    await this.main.getByRole('button', { name: this.text('Call'), exact: true }).click();
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
    await expect(this.reply).toContainText(new RegExp(` ${this.#took()}`));
    await this.ready();
  }

  async hasReply(status: string, body: object): Promise<void> {
    await expect(this.reply.locator('.status')).toHaveText(new RegExp(`^${status} ${this.#took()}$`));
    // The reference of a refusal is another one each time.
    const said = async () => {
      const { request_id: _, ...reply } = JSON.parse(await this.reply.getByRole('group', { name: 'Reply as JSON' }).innerText());
      return JSON.stringify(reply);
    };
    await expect.poll(said).toBe(JSON.stringify(body));
  }

  /** How the duration of a call is said, as a pattern. */
  #took(): string {
    return this.text('in {ms} ms').replace('{ms}', '\\d+');
  }

  async isAt(path: string): Promise<void> {
    await expect(this.page).toHaveURL(url => url.pathname + url.search === path);
  }

  async isLoggedIn(user = USER): Promise<void> {
    await expect(this.header).toContainText(this.text('Logged in as ') + user);
    await expect(this.header.getByRole('button', { name: this.text('Log out') })).toBeVisible();
  }

  async isLoggedOut(): Promise<void> {
    await expect(this.header.getByRole('link', { name: this.text('Log in') })).toBeVisible();
    await expect(this.header).not.toContainText(USER);
  }
}
