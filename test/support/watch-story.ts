// A program that watches for breaks while daemons die: test/programs/bindings/watch.*, in one language each.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Moment } from '../../src/abi/injection.js';
import { truncate } from './client-process.js';
import { daemonOf, killed } from './keeper.js';
import type { Mounted } from './mounted.js';

const top = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
export const include = top('native/include');
export const programs = top('test/programs/bindings');

/** The daemon of a mount with --allow-inject dies at the next entry of its journal, which `next` makes. */
async function diesAt(mount: Mounted, at: Moment, next: () => Promise<void>): Promise<void> {
  const daemon = daemonOf(mount);
  // It stays open: its close would be an entry.
  const injector = openSync(mount.file('.leasefs/inject'), 'w');
  writeSync(injector, JSON.stringify({ do: 'die', at, count: 1 }));
  await next();
  closeSync(injector);
  assert.is.not(daemonOf(mount), daemon, 'the daemon has died');
}

/** Daemons die while it asks for its watch, while it waits for a break, and while it has one to answer. */
export async function watchStory(
  mount: Mounted,
  path: string,
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<void> {
  writeFileSync(path, 'content');
  const [program, ...args] = command;
  const child = spawn(program!, [...args, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const says = async (line: string): Promise<void> => assert.is((await lines.next()).value, line);
  try {
    await says('leased');
    await diesAt(mount, 'between', async () => {
      child.stdin.write('\n');
      await says('watching');
    });
    for (let deaths = 0; deaths < 2; deaths++) await killed(mount);
    const breaking = truncate(path, 0);
    await says('hears');
    await killed(mount);
    child.stdin.end('\n');
    await says('answered');
    assert.is(await breaking, 'ok');
    assert.equal(await ended, [0, null]);
  } finally {
    child.kill('SIGKILL');
  }
}
