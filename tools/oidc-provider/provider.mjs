// A real OpenID provider on loopback: npm's oidc-provider with login pages of its own. For tests and for trying by hand.
//
//   node provider.mjs FILE
//
// FILE is JSON: {"port": 0, "tls": {"cert": PATH, "key": PATH}, "clients": [METADATA], "users": [USER]}, where USER is
// {"subject": "…", "login": "…", "password": "…", "claims": {…}}. Port 0 takes a free one. Without "tls" it speaks plain HTTP.
// Clients and users are read again at each use, so that tests can change them. It prints one line once it listens. METADATA is
// that of OpenID Connect Dynamic Client Registration 1.0, section 2.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import Provider, { interactionPolicy } from 'oidc-provider';

const [file] = process.argv.slice(2);
const read = () => JSON.parse(readFileSync(file, 'utf8'));
const { port = 0, tls } = read();

const findUser = field => value => read().users.find(user => user[field] === value);
const bySubject = findUser('subject');
const byLogin = findUser('login');

const server = tls
  ? https.createServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) })
  : http.createServer();
server.listen(port, '127.0.0.1', () => {
  // An address instead of a name: HSTS of Callgate's development site on localhost does not apply to it.
  const issuer = tls ? `https://localhost:${server.address().port}` : `http://127.0.0.1:${server.address().port}`;
  const provider = makeProvider(issuer);
  const respond = provider.callback();
  server.on('request', (request, response) => {
    if (request.url.startsWith('/interaction/')) {
      interact(provider, request, response).catch(error => failed(response, error));
    } else {
      respond(request, response);
    }
  });
  console.log(`The provider is ready at ${issuer}`);
});
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => process.exit(0));
}

function makeProvider(issuer) {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }));
  const provider = new Provider(issuer, {
    adapter: makeStorage(),
    jwks: { keys: makeKeys() },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username', 'groups'],
    },
    // Whether claims of scopes come from UserInfo only, as the specification has it, or in the ID token, too.
    conformIdTokenClaims: read().conformIdTokenClaims ?? false,
    pkce: { required: () => true },
    cookies: { keys: ['a key for cookies on loopback'] },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true, logoutSource: showLogout },
      backchannelLogout: { enabled: true },
    },
    interactions: { policy, url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, subject) => {
      const user = bySubject(subject);
      return user && { accountId: subject, claims: () => ({ sub: subject, ...user.claims }) };
    },
    // Everybody agrees to everything.
    loadExistingGrant: async ctx => {
      const { client, session } = ctx.oidc;
      const id = session.grantIdFor(client.clientId);
      const existing = id && (await ctx.oidc.provider.Grant.find(id));
      if (existing) {
        return existing;
      }
      const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = page('Error', `<p id="error">${escaped(out.error)}: ${escaped(out.error_description ?? '')}</p>`);
    },
    // The default refuses loopback addresses, where Callgate is.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 3600, Session: 86400, Grant: 86400 },
  });
  for (const event of ['server_error', 'authorization.error', 'grant.error', 'backchannel.error', 'end_session.error']) {
    provider.on(event, (_, error) => console.error(`${event}: ${error.error_detail ?? error.message}`));
  }
  return provider;
}

/** The key of each kind that clients may ask for. */
function makeKeys() {
  const kinds = [
    ['RS256', 'rsa', { modulusLength: 2048 }],
    ['ES256', 'ec', { namedCurve: 'P-256' }],
    ['EdDSA', 'ed25519', {}],
  ];
  return kinds.map(([alg, kind, options]) => {
    const { privateKey } = generateKeyPairSync(kind, options);
    return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: `key-${alg}` };
  });
}

/** Clients come from the file, all else is in memory. */
function makeStorage() {
  const stored = new Map();
  return class Storage {
    constructor(model) {
      this.model = model;
    }

    async find(id) {
      if (this.model === 'Client') {
        return read().clients.find(client => client.client_id === id);
      }
      const found = stored.get(`${this.model} ${id}`);
      return found && found.until > Date.now() ? found.payload : undefined;
    }

    async upsert(id, payload, seconds) {
      stored.set(`${this.model} ${id}`, { payload, until: Date.now() + seconds * 1000 });
    }

    async findByUid(uid) {
      const sessions = [...stored].filter(([key]) => key.startsWith(`${this.model} `)).map(([, { payload }]) => payload);
      return sessions.find(payload => payload.uid === uid);
    }

    async consume(id) {
      stored.get(`${this.model} ${id}`).payload.consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      stored.delete(`${this.model} ${id}`);
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of stored) {
        if (key.startsWith(`${this.model} `) && payload.grantId === grantId) {
          stored.delete(key);
        }
      }
    }
  };
}

/** Shows the login form, and judges what comes back from it. */
async function interact(provider, request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    return html(response, loginPage(params.client_id));
  }
  const form = await readForm(request);
  if (form.has('cancel')) {
    const error = { error: 'access_denied', error_description: 'The person pressed <b>Cancel</b>.' };
    return provider.interactionFinished(request, response, error, { mergeWithLastSubmission: false });
  }
  const user = byLogin(form.get('login'));
  if (!user || user.password !== form.get('password')) {
    return html(response, loginPage(params.client_id, 'Wrong user or password.'));
  }
  const result = { login: { accountId: user.subject }, ...(prompt.name === 'select_account' && { select_account: {} }) };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

async function readForm(request) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 10_000) {
      throw new Error('The form is too large.');
    }
  }
  return new URLSearchParams(body);
}

function loginPage(client, problem = '') {
  return page(
    'Log in at the test provider',
    `<p>to go on to ${escaped(client)}</p>
     <form method="post">
       <p role="alert">${escaped(problem)}</p>
       <p><label>Account <input name="login" autofocus></label></p>
       <p><label>Secret <input name="password" type="password"></label></p>
       <button>Continue</button> <button name="cancel" value="yes">Cancel</button>
     </form>`,
  );
}

/** The page that asks whether to log out here, too. */
async function showLogout(ctx, form) {
  ctx.body = page(
    'Log out at the test provider?',
    `${form}<button form="op.logoutForm" name="logout" value="yes">Log out</button>
     <button form="op.logoutForm">Stay logged in</button>`,
  );
}

function page(title, content) {
  return `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
    <link rel="icon" href="data:,"><title>${title}</title><h1>${title}</h1>${content}</html>`;
}

function html(response, text) {
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
  response.end(text);
}

function failed(response, error) {
  console.error(error.message);
  response.writeHead(400, { 'content-type': 'text/plain' });
  response.end(`${error.message}\n`);
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, letter => `&#${letter.charCodeAt(0)};`);
}
