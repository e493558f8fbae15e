// `.leasefs/inject`: each write is one JSON object, whose injection is done when the write returns. Else the write answers
// an errno, and a read through the same description says why in one line.

import { parseInjection, type WireInjection } from '../abi/injection.js';
import { errno, errnoName } from '../base/errno.js';
import { oneLine } from '../base/guarded.js';
import { isOwner } from '../base/owner.js';
import { blockOf, blocksFor, type InodeNumber } from '../base/units.js';
import type { Filesystem } from '../fs/filesystem.js';
import type { Injector } from '../fs/layout/injector.js';
import type { Answer, Caller } from '../fs/operations.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';

/** Only root and the daemon's own user may inject. */
export const mayInject = ({ uid }: Pick<Caller, 'uid'>): boolean => isOwner(uid);

/** Characters; what was written may be long. */
const REASON_MAX = 1000;
const NOT_ALLOWED = 'only root and the user of the mount may inject';

/** -ESRCH, by injection. */
const nothingTo: Partial<Record<WireInjection['do'], string>> = {
  break: 'the file has no lease',
  expire: 'no break is pending on the file',
  end: 'no owner of a lease on the file lives',
};

const NOTHING = new Uint8Array(0);

export class InjectFile implements VirtualFile {
  readonly stream = false;
  private readonly filesystem: Filesystem;
  private readonly injector: Injector;
  /** Why the last write was refused; empty: it was not. */
  private reason: Uint8Array = NOTHING;

  constructor(filesystem: Filesystem, injector: Injector) {
    this.filesystem = filesystem;
    this.injector = injector;
  }

  ready(): boolean {
    return true;
  }

  read(off: number, out: Uint8Array): number {
    const piece = this.reason.subarray(off, off + out.length);
    out.set(piece);
    return piece.length;
  }

  write(caller: Caller, data: Uint8Array): Answer {
    this.reason = NOTHING;
    if (!mayInject(caller)) return this.refuse(-errno.EPERM, NOT_ALLOWED);
    const { plane } = this.filesystem;
    let injection: WireInjection;
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
      injection = parseInjection(JSON.parse(text), 'ino') as unknown as WireInjection;
    } catch (error) {
      return this.refuse(-errno.EINVAL, (error as Error).message);
    }
    if ('ino' in injection && plane.sb.inode(injection.ino as InodeNumber)?.file === undefined) {
      return this.refuse(-errno.EINVAL, `inode ${injection.ino} is no regular file of the mount`);
    }
    const answer = this.perform(caller, injection);
    return answer < 0 ? this.refuse(answer, nothingTo[injection.do] ?? '') : data.length;
  }

  private refuse(answer: Answer, why: string): Answer {
    const reason = oneLine(why).slice(0, REASON_MAX);
    this.reason = Buffer.from(`${reason}\n`);
    this.filesystem.plane.log(`injection refused: ${reason}; ${errnoName(answer)}`);
    return answer;
  }

  listen(): void {}

  close(): void {}

  private perform(caller: Caller, injection: WireInjection): Answer {
    const { injector } = this;
    const asker = this.filesystem.plane.processes.identify(caller.tid);
    switch (injection.do) {
      case 'break':
        return injector.break(asker, injection.ino as InodeNumber);
      case 'change': {
        const { ino, off, len } = injection;
        const call = `change [${off}, ${off + len})`;
        return injector.change(asker, ino as InodeNumber, blockOf(off), blocksFor(off + len), call);
      }
      case 'expire':
        return injector.expire(asker, injection.ino as InodeNumber);
      case 'end':
        return injector.end(asker, injection.ino as InodeNumber);
      case 'pins':
        return injector.refusePins(asker, injection.count, injection.errno);
      case 'delay':
        return injector.delayGrants(asker, injection.count, injection.ms);
      case 'enospc':
        return injector.refuseSpace(asker, injection.count);
      case 'throw':
        return injector.fail(asker, injection.in, injection.count);
      case 'die':
        return injector.die(asker, injection.at, injection.count);
    }
  }
}
