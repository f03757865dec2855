// Every page there is to look at, and how to get there.
import { expect, PASSWORD, USER, type Site } from './test.ts';

export interface Sight {
  name: string;
  show(site: Site): Promise<void>;
}

export const SIGHTS: Sight[] = [
  { name: 'home', show: site => site.open('/') },
  { name: 'home-logged-in', show: site => site.logIn() },
  { name: 'login', show: site => site.open('/login') },
  { name: 'login-refused', show: refusedLogin },
  { name: 'function', show: site => site.open('/functions/auth_func') },
  { name: 'function-called', show: calledFunction },
  { name: 'function-with-fields', show: site => site.open('/functions/login') },
  { name: 'function-refused', show: refusedCall },
  { name: 'not-found', show: site => site.open('/no-such-page', 404) },
];

async function refusedLogin(site: Site): Promise<void> {
  await site.open('/login');
  site.watch.expectResponse(site.hydrates ? '401 POST /api/login' : '401 POST /login');
  await site.fillLogin(USER, 'wrong');
  await site.main.getByRole('button', { name: 'Log in' }).click();
  await expect(site.main.getByRole('alert')).toHaveText('Invalid user_id or password');
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
