// The daemon of a mount that has a keeper, and its death.
import { readFileSync } from 'node:fs';
import { eventually } from './actors.js';
import type { Mounted } from './mounted.js';

// Of mounts that are made from now on: as many deaths as a test wants.
process.env.LEASEFS_DEATHS = '63';

/** The keeper's child; 0 while there is none. */
export function daemonOf(mount: Mounted): number {
  const children = readFileSync(`/proc/${mount.pid}/task/${mount.pid}/children`, 'latin1');
  return Number(children.trim().split(' ')[0] ?? 0);
}

/** Kills the daemon; the next one may not serve yet. */
export function kill(mount: Mounted): void {
  const daemon = daemonOf(mount);
  if (daemon > 0) process.kill(daemon, 'SIGKILL');
}

/** Kills the daemon; resolves when another one has been started. */
export async function killed(mount: Mounted): Promise<void> {
  const daemon = daemonOf(mount);
  kill(mount);
  await eventually('the next daemon', () => ![0, daemon].includes(daemonOf(mount)));
}
