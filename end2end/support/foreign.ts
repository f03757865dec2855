// Sites that are not ours, on this machine: a sibling on another port, and one that is another site to every browser.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page, Request, Response } from '@playwright/test';

export interface Foreign {
  /** The same host on another port: "same-site" to a browser, which sends it our cookies. */
  sibling: string;
  /** Another host: "cross-site". */
  stranger: string;
  stop(): Promise<void>;
}

/** Starts an empty site, with the certificate in this folder: whose it is does not matter here. */
export async function startForeign(certificates: string): Promise<Foreign> {
  const [cert, key] = await Promise.all(['localhost.pem', 'localhost.key'].map(name => readFile(join(certificates, name))));
  const server = createServer({ cert, key }, (_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!DOCTYPE html><link rel="icon" href="data:,"><title>Foreign</title><p>Nothing to see.</p>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { sibling: `https://localhost:${port}`, stranger: `https://127.0.0.1:${port}`, stop };
}

export interface Form {
  action: string;
  enctype?: string;
  fields?: Record<string, string>;
}

/** The answer to the form that `send` makes the page send, once the page shows it. */
export async function answerTo(page: Page, send: () => Promise<void>): Promise<Response> {
  const isForm = (request: Request) => request.isNavigationRequest() && request.method() === 'POST';
  const answered = page.waitForResponse(response => isForm(response.request()));
  const shown = page.waitForEvent('domcontentloaded');
  await send();
  await shown;
  return answered;
}

/** Makes the page send a form as its own script would, and returns the status of the answer. */
export async function sendForm(page: Page, form: Form): Promise<number> {
  const send = (form: Form) => page.evaluate(({ action, enctype, fields }) => {
    const element = document.createElement('form');
    Object.assign(element, { method: 'post', action, enctype: enctype ?? 'application/x-www-form-urlencoded' });
    for (const [name, value] of Object.entries(fields ?? {})) {
      element.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
    }
    document.body.append(element);
    element.submit();
  }, form);
  return (await answerTo(page, () => send(form))).status();
}
