// What another site makes a browser do with ours: nothing. The browser here is real, so
// it decides which cookies and which headers go along.
import type { APIRequestContext, BrowserContext, Page } from '@playwright/test';
import { answerTo, sendForm, startForeign, type Foreign, type Form } from './support/foreign.ts';
import { expect, test as base, PASSWORD, USER, cookieNames } from './support/test.ts';

const test = base.extend<{ attacker: Page }, { foreign: Foreign }>({
  foreign: [
    async ({ server }, use) => {
      const foreign = await startForeign(server.certificates);
      await use(foreign);
      await foreign.stop();
    },
    { scope: 'worker' },
  ],
  // In the browser of the victim, and not watched: its console is full of refusals.
  attacker: async ({ context }, use) => {
    const page = await context.newPage();
    await use(page);
    await page.close();
  },
});

const ORIGINS = ['sibling', 'stranger'] as const;
const MULTIPART = 'multipart/form-data';
/** What each field that some function takes is sent as. */
const FIELDS = {
  user_id: 'user02',
  password: 'user_02',
  new_password: 'seven small zebras swim',
  id: 'none',
  'then-page': '/account',
  arguments: '{}',
  run: 'run',
};
/** A text field whose name and value, put together with `=`, are JSON. */
const JSON_AS_TEXT = { '{"user_id":"user02","password":"user_02","new_password":"seven small zebras swim","x":"': '"}' };

/** The names of all functions. */
async function functions(request: APIRequestContext): Promise<string[]> {
  const { paths } = await (await request.get('/api/openapi.json')).json();
  const names = Object.keys(paths).map(path => path.replace('/api/', ''));
  expect(names).toContain('change_password');
  return names;
}

/** Every form that a foreign page could send. */
async function forms(request: APIRequestContext, origin: string): Promise<Form[]> {
  const names = await functions(request);
  const pages = names.flatMap(name => [`/functions/${name}`, `/functions/${name}/kept`]);
  const formPaths = ['/login', '/logout', '/confirm', ...pages];
  const toForms = formPaths.map(path => ({ action: origin + path, fields: FIELDS }));
  const toCalls = names.map(name => ({ action: `${origin}/api/${name}`, enctype: 'text/plain', fields: JSON_AS_TEXT }));
  const others = ['/login', '/logout', '/functions/logout', '/api/login', '/api/logout'].map(path => ({
    action: origin + path,
    enctype: MULTIPART,
    fields: FIELDS,
  }));
  return [...toForms, ...toCalls, ...others];
}

/** All that an attack could change and the victim could see. */
async function state(context: BrowserContext): Promise<object> {
  // The connection from before the attack may be one that the server just closes for its silence.
  const answer = await context.request.post('/api/my_sessions', { maxRetries: 1 });
  expect(answer.status()).toBe(200);
  const { sessions } = (await answer.json()) as { sessions: { id: string; current: boolean }[] };
  const cookies = (await context.cookies()).map(({ name, value }) => `${name}=${value}`);
  return { sessions: sessions.map(({ id, current }) => `${id} ${current}`).sort(), cookies };
}

/** What the server answers to each POST from now on, as `/login 403`: also where the browser keeps it from the page. */
async function answersToPosts(page: Page): Promise<string[]> {
  const answers: string[] = [];
  const paths = new Map<string, string>();
  const statuses = new Map<string, number>();
  // The two events of a request come in either order.
  const record = (id: string) => {
    if (paths.has(id) && statuses.has(id)) {
      answers.push(`${paths.get(id)} ${statuses.get(id)}`);
    }
  };
  const devtools = await page.context().newCDPSession(page);
  devtools.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (request.method === 'POST') {
      paths.set(requestId, new URL(request.url).pathname);
      record(requestId);
    }
  });
  devtools.on('Network.responseReceivedExtraInfo', ({ requestId, statusCode }) => {
    statuses.set(requestId, statusCode);
    record(requestId);
  });
  await devtools.send('Network.enable');
  return answers;
}

for (const from of ORIGINS) {
  test.describe(`a ${from}`, () => {
    test('cannot send a form that does anything', async ({ site, attacker, context, foreign, server, playwright }) => {
      // A page for each function, in each way that a form can be sent.
      test.setTimeout(900_000);
      await site.logIn();
      const before = await state(context);
      for (const form of await forms(context.request, server.origin)) {
        await attacker.goto(foreign[from]);
        expect(await sendForm(attacker, form), JSON.stringify(form)).toBe(403);
      }
      expect(await state(context)).toEqual(before);
      await site.open('/account');
      await site.isLoggedIn();
      const anew = await playwright.request.newContext({ baseURL: server.origin, ignoreHTTPSErrors: true });
      const data = { user_id: USER, password: PASSWORD };
      expect((await anew.post('/api/login', { data })).status(), 'the password is what it was').toBe(200);
      await anew.post('/api/logout');
      await anew.dispose();
    });

    test('cannot call anything by script, nor read an answer', async ({ site, attacker, context, foreign, server }) => {
      await site.logIn();
      const before = await state(context);
      await attacker.goto(foreign[from]);
      const paths = (await functions(context.request)).map(name => `/api/${name}`);
      const answers = await answersToPosts(attacker);
      const read = await attacker.evaluate(
        async ([origin, ...paths]) => {
          const answers: string[] = [];
          for (const path of [...paths, '/login', '/logout', '/functions/logout']) {
            for (const [mode, type] of [
              ['no-cors', 'text/plain'],
              ['no-cors', 'application/x-www-form-urlencoded'],
              ['cors', 'text/plain'],
              ['cors', 'application/json'],
            ] as const) {
              const body = type === 'application/x-www-form-urlencoded' ? 'user_id=user02&password=user_02' : '{}';
              const headers = { 'content-type': type };
              await fetch(origin + path, { method: 'POST', mode, body, headers, credentials: 'include' }).then(
                answer => answers.push(`${mode} ${path}: ${answer.type} ${answer.status}`),
                () => {},
              );
            }
            navigator.sendBeacon(origin + path, 'user_id=user02&password=user_02');
          }
          for (const path of ['/', '/account', '/api/openapi.json']) {
            await fetch(origin + path, { credentials: 'include' }).then(
              answer => answers.push(`${path}: ${answer.type}`),
              () => {},
            );
          }
          return answers;
        },
        [server.origin, ...paths],
      );
      expect(read).toEqual([]);
      const expected = [...paths, '/login', '/logout', '/functions/logout'].map(path => `${path} 403`).sort();
      await expect.poll(() => [...new Set(answers)].sort()).toEqual(expected);
      expect(await state(context)).toEqual(before);
    });

    test('cannot show, load or run what is ours', async ({ site, attacker, context, foreign, server }) => {
      await site.logIn();
      const before = await state(context);
      await attacker.goto(foreign[from]);
      const pages = ['/', '/account', '/logout', '/login', '/functions/logout', '/api/logout'];
      const paths = [...pages, '/pkg/callgate.js', '/pkg/callgate.css', '/favicon.svg'];
      const loaded = await attacker.evaluate(
        ([origin, ...paths]) => {
          const load = (tag: string, attributes: object) =>
            new Promise<string[]>(resolve => {
              const element = Object.assign(document.createElement(tag), attributes);
              element.onload = () => resolve([`${tag} ${JSON.stringify(attributes)}`]);
              element.onerror = () => resolve([]);
              document.body.append(element);
            });
          const loads = paths.flatMap(path => [
            load('img', { src: origin + path }),
            load('script', { src: origin + path }),
            load('link', { rel: 'stylesheet', href: origin + path }),
          ]);
          return Promise.all(loads).then(loaded => loaded.flat());
        },
        [server.origin, ...paths],
      );
      expect(loaded).toEqual([]);

      for (const path of ['/', '/account', '/login', '/functions/logout', '/no-such-page']) {
        await attacker.evaluate(
          src =>
            new Promise(resolve => {
              const frame = Object.assign(document.createElement('iframe'), { src });
              frame.onload = resolve;
              document.body.append(frame);
            }),
          server.origin + path,
        );
      }
      const frames = attacker.frames().slice(1);
      expect(frames).toHaveLength(5);
      for (const frame of frames) {
        expect(await frame.evaluate(() => document.body.textContent)).not.toContain('Callgate');
      }
      expect(await state(context)).toEqual(before);
    });

    test('cannot log a browser in', async ({ attacker, context, foreign, server }) => {
      for (const action of ['/login', '/api/login', '/functions/login']) {
        for (const [enctype, fields] of [
          ['application/x-www-form-urlencoded', FIELDS],
          ['text/plain', JSON_AS_TEXT],
        ] as const) {
          await attacker.goto(foreign[from]);
          expect(await sendForm(attacker, { action: server.origin + action, enctype, fields })).toBe(403);
        }
      }
      expect(await context.cookies()).toEqual([]);
    });

    test('cannot hide where it is', async ({ site, attacker, context, foreign, server }) => {
      await site.logIn();
      const before = await state(context);
      for (const path of ['/logout', '/api/logout', '/functions/logout']) {
        const form = `<form method="post" target="_top" action="${server.origin}${path}"></form>`;
        const sandboxed = `${form}<script>document.forms[0].submit()</script>`;
        await attacker.goto(foreign[from]);
        const response = await answerTo(attacker, () =>
          attacker.evaluate(srcdoc => {
            const frame = document.createElement('iframe');
            frame.setAttribute('sandbox', 'allow-forms allow-scripts allow-top-navigation');
            document.body.append(Object.assign(frame, { srcdoc }));
          }, sandboxed),
        );
        expect((await response.request().allHeaders())['origin']).toBe('null');
        expect(response.status()).toBe(403);
      }
      expect(await state(context)).toEqual(before);
    });
  });
}

test('the same form from a page of ours does what it says', async ({ site, page, context, server }) => {
  await site.open('/login');
  await sendForm(page, { action: `${server.origin}/login`, fields: { ...FIELDS, next: '/account' } });
  await site.isAt('/account');
  await site.ready();
  expect((await context.cookies()).map(({ name }) => name)).toEqual([cookieNames(server.origin).session]);
  expect(await sendForm(page, { action: `${server.origin}/logout` })).toBe(303);
  await site.isAt('/');
  await site.ready();
  expect(await context.cookies()).toEqual([]);
});
