// `.leasefs/upgrade`, where a keeper holds the mount: a write names the program that goes on with it.
import { readlinkSync } from 'node:fs';
import { parseUpgrade, type WireUpgrade } from '../abi/upgrade.js';
import { errno } from '../base/errno.js';
import { CAP_SYS_PTRACE } from '../base/linux.js';
import { isOwner } from '../base/owner.js';
import type { Answer, Caller } from '../fs/operations.js';
import { isCapable } from '../process/proc.js';
import { CommandFile, textOf } from './command-file.js';

/** Why it is refused; undefined: the daemon ends as soon as the write is answered. */
export type Upgrade = (asked: WireUpgrade) => string | undefined;

/**
 * The program runs as the daemon does: the caller must be able to control the daemon anyway, by ptrace(2), and see the path
 * as the daemon does. Root of a container, which may be uid 0 too, cannot.
 */
export function mayUpgrade(caller: Pick<Caller, 'uid' | 'tid'>): boolean {
  const isOrdinary = process.geteuid?.() !== 0;
  if (!isOwner(caller.uid) || (!isOrdinary && !isCapable(caller.tid, CAP_SYS_PTRACE))) return false;
  try {
    const linkOf = (whose: string, name: string) => readlinkSync(`/proc/${whose}/ns/${name}`);
    return ['mnt', 'pid', 'user'].every(name => linkOf(`${caller.tid}`, name) === linkOf('self', name));
  } catch {
    return false;
  }
}

export class UpgradeFile extends CommandFile {
  private readonly upgrade: Upgrade;

  constructor(upgrade: Upgrade) {
    super();
    this.upgrade = upgrade;
  }

  /** -EINVAL: no WireUpgrade. -EPERM. -EOPNOTSUPP: the daemon says why not. */
  protected carryOut(caller: Caller, data: Uint8Array): Answer {
    if (!mayUpgrade(caller)) return -errno.EPERM;
    let asked: WireUpgrade;
    try {
      asked = parseUpgrade(textOf(data));
    } catch (error) {
      return this.refuse(-errno.EINVAL, (error as Error).message);
    }
    const why = this.upgrade(asked);
    return why === undefined ? 0 : this.refuse(-errno.EOPNOTSUPP, why);
  }
}
