// Every page there is to look at, and how to get there.
import { answerTo } from './foreign.ts';
import { inviteUser, isTooLate } from './links.ts';
import { ADMIN, ADMIN_PASSWORD, expect, newName, PASSWORD, USER, type Site } from './test.ts';

export interface Sight {
  name: string;
  show(site: Site): Promise<void>;
}

export const SIGHTS: Sight[] = [
  { name: 'home', show: site => site.open('/') },
  { name: 'home-logged-in', show: site => site.logIn() },
  { name: 'login', show: site => site.open('/login') },
  { name: 'login-refused', show: refusedLogin },
  { name: 'login-cancelled-elsewhere', show: site => site.open('/login?failed=cancelled') },
  { name: 'logged-out', show: site => site.open('/logged-out') },
  { name: 'function', show: site => site.open('/functions/auth_func') },
  { name: 'function-called', show: calledFunction },
  { name: 'function-with-fields', show: site => site.open('/functions/login') },
  { name: 'function-refused', show: refusedCall },
  { name: 'function-typed', show: site => site.open('/functions/quote_stay') },
  { name: 'function-typed-refused', show: refusedStay },
  { name: 'function-waiting', show: waitingCall },
  { name: 'change-password', show: changePassword },
  { name: 'password-changed', show: changedPassword },
  { name: 'confirm', show: confirm },
  { name: 'account', show: account },
  { name: 'users', show: asAdmin('/users') },
  { name: 'user', show: asAdmin(`/user?name=${USER}`) },
  { name: 'user-admin', show: asAdmin(`/user?name=${ADMIN}`) },
  { name: 'user-with-link', show: userWithLink },
  { name: 'user-not-there', show: asAdmin('/user?name=nobody', 404) },
  { name: 'roles', show: asAdmin('/roles') },
  { name: 'access', show: asAdmin(`/access?user_id=${USER}&function=list_users`) },
  { name: 'audit', show: asAdmin('/audit') },
  { name: 'calls', show: asAdmin('/calls') },
  { name: 'users-forbidden', show: forbidden },
  { name: 'users-logged-out', show: site => site.open('/users', 401) },
  { name: 'invite', show: asAdmin('/functions/invite_user') },
  { name: 'welcome', show: site => site.open('/welcome') },
  { name: 'welcome-refused', show: refusedLink },
  { name: 'setup-closed', show: site => site.open('/setup') },
  { name: 'function-closed', show: site => site.open('/functions/register') },
  { name: 'register-closed', show: site => site.open('/register') },
  { name: 'not-found', show: site => site.open('/no-such-page', 404) },
];

/** The page for a request that failed. It has no program, and less around it than the others. */
export const FAILURE: Sight = { name: 'failure', show: failure };

/** What somebody sees whose form is too large. */
async function failure(site: Site): Promise<void> {
  await site.open('/functions/notauth_func');
  await site.editor.fill(JSON.stringify({ large: 'x'.repeat(70_000) }));
  site.watch.expectResponse('413 POST /functions/notauth_func');
  // As a browser without script sends it; with script, the reply is shown in place.
  await answerTo(site.page, () => site.main.locator('form').evaluate((form: HTMLFormElement) => form.submit()));
}

async function refusedLogin(site: Site): Promise<void> {
  await site.open('/login');
  site.watch.expectResponse(site.hydrates ? '401 POST /api/login' : '401 POST /login');
  await site.fillLogin(USER, 'wrong');
  await site.main.getByRole('button', { name: site.text('Log in'), exact: true }).click();
  await expect(site.main.getByRole('alert')).not.toBeEmpty();
  await site.ready();
}

async function calledFunction(site: Site): Promise<void> {
  await site.open('/login?next=/functions/auth_func');
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin('/functions/auth_func');
  await site.call();
}

async function refusedCall(site: Site): Promise<void> {
  await site.open('/functions/login');
  if (site.hydrates) {
    site.watch.expectResponse('401 POST /api/login');
  }
  await site.fillLogin(USER, 'wrong');
  await site.call();
}

async function refusedStay(site: Site): Promise<void> {
  await site.logIn();
  await site.open('/functions/quote_stay');
  await site.fillStay();
  await site.field('arrival').fill('9999-12-30');
  if (site.hydrates) {
    site.watch.expectResponse('422 POST /api/quote_stay');
  }
  await site.call();
}

async function waitingCall(site: Site): Promise<void> {
  await site.open('/functions/quote_stay');
  await site.fillStay();
  await site.pressCall();
  await site.isAt('/login?next=/functions/quote_stay');
  await site.ready();
  await site.fillLogin(USER, PASSWORD);
  await site.sendLogin('/functions/quote_stay');
}

async function confirm(site: Site): Promise<void> {
  await site.logIn();
  await site.open('/confirm?next=/account');
}

function asAdmin(path: string, status = 200): (site: Site) => Promise<void> {
  return async site => {
    await site.logIn(ADMIN, ADMIN_PASSWORD);
    await site.open(path, status);
  };
}

async function userWithLink(site: Site): Promise<void> {
  const user = newName();
  await inviteUser(site, user);
  await site.open(`/user?name=${user}`);
  await site.main.getByRole('button', { name: site.text('Create an invitation link') }).click();
  await expect(site.main.getByRole('region', { name: site.text('One-time link') })).toBeVisible();
  await site.ready();
}

async function forbidden(site: Site): Promise<void> {
  await site.logIn();
  await site.open('/users', 403);
}

async function refusedLink(site: Site): Promise<void> {
  await site.open('/welcome');
  await site.field('code').fill('used');
  await isTooLate(site, 'choose_password');
}

async function changePassword(site: Site): Promise<void> {
  await site.logIn();
  await site.open('/account/password');
}

async function changedPassword(site: Site): Promise<void> {
  await site.logIn();
  await site.open('/account?done=password_changed#notice');
}

async function account(site: Site): Promise<void> {
  await site.logIn();
  await site.open('/account');
}
