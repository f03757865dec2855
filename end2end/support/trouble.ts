// Failures that the caller did not cause: how to simulate each, and what the page shows.
import type { Page } from '@playwright/test';
import type { Site } from './test.ts';

export interface Trouble {
  name: string;
  /** The message on a page. */
  said: string;
  /** What the page of a function shows of such a call. */
  status: string;
  refusal: object;
  /** Makes each call fail while `meanwhile` runs, which makes exactly one, to `/api/<function>`. */
  during(site: Site, called: string, meanwhile: () => Promise<void>): Promise<void>;
}

const AWAY = 'The server could not be reached. Check your connection and try again.';
const BUSY = { ok: false, error: 'The server is busy. Try again in 2 seconds.', code: 'busy', retry_after: 2 };

/** As if no server was there. */
export const unreachable: Trouble = {
  name: 'a server that cannot be reached',
  said: AWAY,
  status: '502 Unreachable',
  refusal: { ok: false, error: AWAY, code: 'unreachable' },
  during: async (site, called, meanwhile) => {
    expectUnreachable(site, called);
    const calls = callsOf(site.page);
    await site.page.route(calls, route => route.abort('connectionrefused'));
    await meanwhile();
    await site.page.unroute(calls);
  },
};

/** As a busy server refuses calls. */
const busy: Trouble = {
  name: 'a server that is busy',
  said: BUSY.error,
  status: '503 Service Unavailable',
  refusal: BUSY,
  during: async (site, called, meanwhile) => {
    site.watch.expectResponse(`503 POST /api/${called}`);
    const calls = callsOf(site.page);
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', 'retry-after': '2' };
    const body = JSON.stringify({ ...BUSY, request_id: '23456789abcde' });
    await site.page.route(calls, route => route.fulfill({ status: 503, headers, body }));
    await meanwhile();
    await site.page.unroute(calls);
  },
};

export const TROUBLES = [unreachable, busy];

/** Expects the errors that the browser logs for a call of this function that does not reach the server. */
export function expectUnreachable(site: Site, called: string): void {
  expectNoConnection(site, 'POST', `/api/${called}`);
}

/** The same for any address. */
export function expectNoConnection(site: Site, method: string, path: string): void {
  site.watch.expectError(new RegExp(`^request failed: ${method} \\S+${path}: net::ERR_CONNECTION_REFUSED$`));
  site.watch.expectError(
    new RegExp(`^error: Failed to load resource: net::ERR_CONNECTION_REFUSED \\(\\S+${path}\\)$`),
  );
}

/** The addresses that calls of this page go to. */
function callsOf(page: Page): RegExp {
  return new RegExp(`^${new URL(page.url()).origin}/api/`);
}
