// Watches a page for everything that should never happen, and fails the test that let it happen.
import { expect, type ConsoleMessage, type Page, type Request, type Response } from '@playwright/test';

export class Watch {
  readonly #page: Page;
  readonly #complaints: string[] = [];
  readonly #responses: string[] = [];
  readonly #expectedResponses: string[] = [];
  readonly #expectedErrors: RegExp[] = [];

  readonly #hydrates: boolean;

  constructor(page: Page, hydrates: boolean) {
    this.#page = page;
    this.#hydrates = hydrates;
    page.on('console', message => this.#onConsole(message));
    page.on('pageerror', error => this.#complaints.push(`uncaught: ${error.stack ?? error.message}`));
    page.on('requestfailed', request => this.#onFailure(request));
    page.on('response', response => this.#onResponse(response));
    page.on('dialog', async dialog => {
      this.#complaints.push(`dialog: ${dialog.message()}`);
      await dialog.dismiss();
    });
  }

  /** Lets a policy violation show on the console, with what it is about. */
  async start(): Promise<void> {
    await this.#page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', event => {
        console.error(`policy violation: ${event.effectiveDirective}, blocked ${event.blockedURI}`);
      });
    });
  }

  /** This test wants exactly this answer, once: `401 POST /api/login`. */
  expectResponse(line: string): void {
    this.#expectedResponses.push(line);
  }

  /** This test wants errors like this on the console, at least one. */
  expectError(pattern: RegExp): void {
    this.#expectedErrors.push(pattern);
  }

  /** To be called at the end. */
  check(): void {
    const unexpected = this.#complaints.filter(text => !this.#expectedErrors.some(pattern => pattern.test(text)));
    expect.soft(unexpected, 'what the page complained of').toEqual([]);
    expect.soft(this.#responses, 'answers with an error status').toEqual(this.#expectedResponses);
    for (const pattern of this.#expectedErrors) {
      expect.soft(this.#complaints.filter(text => pattern.test(text)), `errors like ${pattern}`).not.toEqual([]);
    }
  }

  #onConsole(message: ConsoleMessage): void {
    // The browser also logs each answer with an error status. `#onResponse` judges those, by method and path.
    const isAboutStatus = message.text().startsWith('Failed to load resource: the server responded with a status of');
    // Without script, Chromium warns that the preloaded program is not used. It cannot be.
    const isAboutPreload = !this.#hydrates && /\.wasm was preloaded .* but not used/.test(message.text());
    if (['error', 'warning', 'assert'].includes(message.type()) && !isAboutStatus && !isAboutPreload) {
      this.#complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  }

  #onFailure(request: Request): void {
    const reason = request.failure()?.errorText;
    // Without script, Chromium does not fetch any, and calls that "csp" although no policy is broken.
    const isScriptOff = !this.#hydrates && request.resourceType() === 'script' && reason === 'csp';
    // What is still on its way when a test goes on to the next page, the browser gives up: files, and the question who is
    // logged in, which a page asks by itself after a call.
    const isLeftBehind =
      reason === 'net::ERR_ABORTED' &&
      /^\/(pkg\/|favicon\.svg$|api\/current_user$)/.test(new URL(request.url()).pathname);
    if (!isScriptOff && !isLeftBehind) {
      this.#complaints.push(`request failed: ${request.method()} ${request.url()}: ${reason}`);
    }
  }

  #onResponse(response: Response): void {
    if (response.status() >= 400) {
      const path = new URL(response.url()).pathname;
      this.#responses.push(`${response.status()} ${response.request().method()} ${path}`);
    }
  }
}
