// `leasefs mount --keeper`: leasefs-keeper before the daemon, or systemd's descriptor store in its place.
import { accessSync, constants } from 'node:fs';
import { release } from 'node:os';
import { KeeperProcess } from '../keeper/keeper-process.js';
import type { KeeperLink } from '../keeper/link.js';
import { noKeeperOn } from '../keeper/needs.js';
import { isStoreOfSystemd, SystemdStore } from '../keeper/systemd-store.js';
import { native } from '../native/binding.js';
import { built } from '../native/built.js';
import { home } from './origin.js';
import { sealedEnvironment } from './sealed.js';
import { CommandError, UsageError } from './verb.js';

/** More than so many deaths in so many seconds end the mount. */
const DEATHS = 5;
const SECONDS = 60;
const FIRST_FD = 3;

/** @throws UsageError where this kernel cannot send requests again. */
export function needKeeper(): void {
  const why = noKeeperOn(release());
  if (why !== undefined) throw new UsageError(why);
}

/** The command that keeps a daemon. @param place of the socket among the daemon's descriptors. @throws CommandError */
export function keeperCommand(place: number, daemon: readonly string[]): [string, ...string[]] {
  const program = built('leasefs-keeper');
  try {
    accessSync(program, constants.X_OK);
  } catch {
    throw new CommandError(`no ${program} for --keeper: 'node ${home()}native/build.mjs' makes it`);
  }
  // For tests, which kill more.
  const { LEASEFS_DEATHS } = process.env;
  const limits = LEASEFS_DEATHS === undefined ? [`${DEATHS}`, `${SECONDS}`] : [LEASEFS_DEATHS, '1'];
  return [program, `${place}`, ...limits, ...daemon];
}

/** This process becomes the keeper. @param fds that the daemon has too. */
export function becomeKeeper(command: readonly [string, ...string[]], fds: readonly number[]): never {
  const variables = Object.entries(sealedEnvironment(process.env)).map(([name, value]) => `${name}=${value}`);
  const failed = native.execute(command[0], command, variables, fds);
  throw new CommandError(`cannot start ${command[0]}: errno ${-failed}`);
}

/** The first number for a descriptor that is not taken. */
export function freePlace(taken: readonly number[]): number {
  let place = FIRST_FD;
  while (taken.includes(place)) place++;
  return place;
}

/** Whether systemd holds the descriptors of a daemon that it started. */
export const keptBySystemd = (foreground: boolean): boolean => foreground && isStoreOfSystemd(process.env);

/** Of this process, a daemon. @param fd of --keeper-fd. @throws FsError */
export function linkToKeeper(fd: number | undefined, wanted: boolean): KeeperLink | undefined {
  if (fd !== undefined) return new KeeperProcess(fd);
  return wanted
    ? new SystemdStore(process.env, [process.execPath, ...process.execArgv, ...process.argv.slice(1)])
    : undefined;
}
