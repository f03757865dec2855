// A server of one's own: the release build as a demo, on a free port, with data that goes away with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is tested. $END2END_PROGRAM names another build, seen from the project's folder. */
const program = fileURLToPath(new URL(`../../${process.env.END2END_PROGRAM ?? 'target/release/callgate'}`, import.meta.url));

export interface Server {
  /** Its address, without a slash at the end. */
  origin: string;
  /** The folder of its certificate and key. */
  certificates: string;
  /** Lets somebody log in besides the demo users. */
  addUser(name: string, password: string): Promise<void>;
  stop(): Promise<void>;
}

/** As many logins fail as the tests of one server like, unless they say otherwise. */
const UNTHROTTLED = {
  CALLGATE_THROTTLE_ADDRESS_FAILURES: '1000',
  CALLGATE_THROTTLE_ACCOUNT_FAILURES: '1000',
  CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES: '1000',
};

/** Starts a server with these variables and waits until it says that it is ready. */
export async function startServer(settings: Record<string, string> = {}): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'callgate-end2end-'));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(
    program,
    ['serve', '--demo', '--data', data, '--certs', data, '--https', address, '--http', 'off'],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...UNTHROTTLED, ...settings } },
  );
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill();
      await once(child, 'exit');
    }
    await rm(data, { recursive: true });
  };
  const addUser = async (name: string, password: string) => {
    const adding = spawn(program, ['user', 'add', name, '--data', data], { stdio: ['pipe', 'ignore', 'inherit'] });
    adding.stdin.end(password);
    const [status] = await once(adding, 'exit');
    if (status !== 0) {
      throw new Error(`The user ${name} could not be added.`);
    }
  };
  try {
    return { origin: await originOnceReady(child), certificates: data, addUser, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function originOnceReady(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer) => {
      output += chunk;
      const ready = /Callgate is ready at (https:\S+)\n/.exec(output);
      if (ready) {
        resolve(ready[1]);
      }
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('error', error => reject(new Error(`${program} does not start: ${error.message}. Build it with make build.`)));
    child.on('exit', () => reject(new Error(`The server ended before it was ready:\n${output}`)));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
