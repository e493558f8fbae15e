// The daemon's part of `leasefs upgrade`: whether another program may go on with the mount, and the end of this one.
import type { WireUpgrade } from '../abi/upgrade.js';
import { errno, errnoName } from '../base/errno.js';
import type { Log } from '../base/guarded.js';
import type { Upgrade } from '../control/upgrade-file.js';
import { JOURNAL_VERSION } from '../journal/version.js';
import { type KeeperLink, UPGRADE } from '../keeper/link.js';

const ANEW = 'unmount, and mount with the new build';

/** Ends this daemon, once the write that asked for it is answered. */
const end = (): void => void setImmediate(() => process.exit(UPGRADE));

/** @param unreadable why no daemon could read the journal. */
export function upgradeTo(
  keeper: KeeperLink,
  unreadable: () => string | undefined,
  log: Log,
  leave: () => void = end,
): Upgrade {
  return ({ journal, program }: WireUpgrade) => {
    if (journal !== JOURNAL_VERSION)
      return `its journal has version ${journal}, and that of this daemon ${JOURNAL_VERSION}: ${ANEW}`;
    const why = unreadable();
    if (why !== undefined) return `${why}: ${ANEW}`;
    const answer = keeper.next([...program, ...process.argv.slice(2)]);
    if (answer < 0) return whyNot(keeper, answer);
    log(`upgrade: ${program.join(' ')} goes on with the mount`);
    leave();
    return undefined;
  };
}

function whyNot(keeper: KeeperLink, answer: number): string {
  return answer === -errno.EOPNOTSUPP
    ? 'systemd starts the program of the unit again: install the new build in its place'
    : `${keeper.by} ${keeper.pid} does not answer: ${errnoName(answer)}`;
}
