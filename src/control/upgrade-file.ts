// `.leasefs/upgrade`, where a keeper holds the mount: a write names the program that goes on with it. Else the write
// answers an errno, and a read through the same description says why in one line.
import { readlinkSync } from 'node:fs';
import { parseUpgrade, type WireUpgrade } from '../abi/upgrade.js';
import { errno } from '../base/errno.js';
import { oneLine } from '../base/guarded.js';
import { CAP_SYS_PTRACE } from '../base/linux.js';
import type { Answer, Caller } from '../fs/operations.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';
import { isCapable } from '../process/proc.js';
import { mayInject } from './inject-file.js';

/** Why it is refused; undefined: the daemon ends as soon as the write is answered. */
export type Upgrade = (asked: WireUpgrade) => string | undefined;

/** Characters; what was written may be long. */
const REASON_MAX = 1000;
const NOTHING = new Uint8Array(0);

/**
 * The program runs as the daemon does: the caller must be able to control the daemon anyway, by ptrace(2), and see the path
 * as the daemon does. Root of a container, which may be uid 0 too, cannot.
 */
export function mayUpgrade(caller: Pick<Caller, 'uid' | 'tid'>): boolean {
  const isOrdinary = process.geteuid?.() !== 0;
  if (!mayInject(caller) || (!isOrdinary && !isCapable(caller.tid, CAP_SYS_PTRACE))) return false;
  try {
    const linkOf = (whose: string, name: string) => readlinkSync(`/proc/${whose}/ns/${name}`);
    return ['mnt', 'pid', 'user'].every(name => linkOf(`${caller.tid}`, name) === linkOf('self', name));
  } catch {
    return false;
  }
}

export class UpgradeFile implements VirtualFile {
  readonly stream = false;
  private readonly upgrade: Upgrade;
  /** Why the last write was refused; empty: it was not. */
  private reason: Uint8Array = NOTHING;

  constructor(upgrade: Upgrade) {
    this.upgrade = upgrade;
  }

  ready(): boolean {
    return true;
  }

  read(off: number, out: Uint8Array): number {
    const piece = this.reason.subarray(off, off + out.length);
    out.set(piece);
    return piece.length;
  }

  /** -EINVAL: no WireUpgrade. -EPERM. -EOPNOTSUPP: the daemon says why not. */
  write(caller: Caller, data: Uint8Array): Answer {
    this.reason = NOTHING;
    if (!mayUpgrade(caller)) return -errno.EPERM;
    let asked: WireUpgrade;
    try {
      asked = parseUpgrade(new TextDecoder('utf-8', { fatal: true }).decode(data));
    } catch (error) {
      return this.refuse(-errno.EINVAL, oneLine((error as Error).message));
    }
    const why = this.upgrade(asked);
    return why === undefined ? data.length : this.refuse(-errno.EOPNOTSUPP, why);
  }

  listen(): void {}

  close(): void {}

  private refuse(answer: Answer, why: string): Answer {
    this.reason = Buffer.from(`${why.slice(0, REASON_MAX)}\n`);
    return answer;
  }
}
