// A server of one's own: the release build, on a free port, with data that goes away with it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
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
  /** The link that it printed for the first administrator; empty where there was a user. */
  firstLink: string;
  /** Lets somebody log in besides the demo users. */
  addUser(name: string, password: string): Promise<void>;
  /** Ends it for as long as `meanwhile` takes. Then it is back, at the same address and with the same data. */
  isAwayWhile(meanwhile: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

/** A process that serves, and what it said when it was ready. */
interface Running {
  child: ChildProcess;
  address: string;
  origin: string;
  firstLink: string;
}

/**
 * Limits of failed logins and pending calls that no test reaches unless it sets its own, and a timeout that closes no connection of
 * Playwright's own between two requests on a slow machine.
 */
const LENIENT = {
  CALLGATE_THROTTLE_ADDRESS_FAILURES: '1000',
  CALLGATE_THROTTLE_ACCOUNT_FAILURES: '1000',
  CALLGATE_THROTTLE_ACCOUNT_DAY_FAILURES: '1000',
  CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE: '1000',
  CALLGATE_HTTPS_HEADER_SECONDS: '60',
};

/** How often a port is looked for before it is given up. */
const PORTS_TO_TRY = 5;

/** Somebody else took the port between the look and the start. */
class PortTaken extends Error {}

export type Users = 'demo' | 'none';

/** Starts a server with these variables, as a demo or without any user, and waits until it says that it is ready. */
export async function startServer(settings: Record<string, string>, users: Users): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'callgate-end2end-'));
  const run = async (line: string[], typed = '') => {
    const command = spawn(program, line, { stdio: ['pipe', 'ignore', 'inherit'] });
    command.stdin.end(typed);
    const [status] = await once(command, 'exit');
    if (status !== 0) {
      throw new Error(`callgate ${line.join(' ')} ended with ${status}.`);
    }
  };
  const start = (address: string) => {
    const line = ['serve', '--data', data, '--certs', data, '--https', address, '--http', 'off'];
    const env = { ...process.env, ...LENIENT, ...settings };
    return serving([...line, ...(users === 'demo' ? ['--demo'] : [])], env, address);
  };
  try {
    if (users === 'none') {
      // A demo makes itself one.
      await run(['cert', '--certs', data]);
    }
    let running = await wherePortIsFree(async () => start(await freeAddress()));
    const { address, origin, firstLink } = running;
    return {
      origin,
      certificates: data,
      firstLink,
      addUser: (name, password) => run(['user', 'add', name, '--data', data], password),
      isAwayWhile: async meanwhile => {
        await end(running.child);
        try {
          await meanwhile();
        } finally {
          running = await wherePortIsFree(() => start(address));
        }
      },
      stop: async () => {
        await end(running.child);
        await rm(data, { recursive: true });
      },
    };
  } catch (error) {
    await rm(data, { recursive: true });
    throw error;
  }
}

/** Runs a command line that serves until it is ready. */
async function serving(line: string[], env: NodeJS.ProcessEnv, address: string): Promise<Running> {
  const child = spawn(program, line, { stdio: ['ignore', 'pipe', 'pipe'], env });
  try {
    const said = await whatItSaysOnceReady(child);
    const [, origin] = /Callgate is ready at (https:\S+)\n/.exec(said) ?? [];
    const [firstLink] = /https:\S+\/setup#\S+/.exec(said) ?? [''];
    return { child, address, origin, firstLink };
  } catch (error) {
    await end(child);
    throw error;
  }
}

function whatItSaysOnceReady(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer) => {
      output += chunk;
      // The last of the lines that it greets with.
      if (/Callgate is ready at https:\S+\n[^]*Stop it with Ctrl\+C\n/.test(output)) {
        resolve(output);
      } else if (output.includes('cannot be listened on')) {
        reject(new PortTaken(output));
      }
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.on('error', error => reject(new Error(`${program} does not start: ${error.message}. Build it with make build.`)));
    // Not at its exit, when there may still be something to read.
    child.on('close', () => reject(new Error(`The server ended before it was ready:\n${output}`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
    child.kill();
    await once(child, 'exit');
  }
}

/** Tries again where the port was taken. */
async function wherePortIsFree(start: () => Promise<Running>): Promise<Running> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (!(error instanceof PortTaken) || tries === PORTS_TO_TRY) {
        throw error;
      }
    }
  }
}

/** An address that nobody listens at just now, below the ports that the system gives to clients. */
async function freeAddress(): Promise<string> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createServer().listen(port, '127.0.0.1');
    try {
      await once(probe, 'listening');
    } catch {
      // Somebody listens there.
      continue;
    }
    probe.close();
    await once(probe, 'close');
    return `127.0.0.1:${port}`;
  }
}
