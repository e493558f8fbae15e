// `.leasefs/inject`: each write is one JSON object, whose injection is done when the write returns.
import { parseInjection, type WireInjection } from '../abi/injection.js';
import { errno, errnoName } from '../base/errno.js';
import { isOwner } from '../base/owner.js';
import { blockOf, blocksFor, type InodeNumber } from '../base/units.js';
import type { Filesystem } from '../fs/filesystem.js';
import type { Injector } from '../fs/layout/injector.js';
import type { Answer, Caller } from '../fs/operations.js';
import { CommandFile, textOf } from './command-file.js';

const NOT_ALLOWED = 'only root and the user of the mount may inject';

/** -ESRCH, by injection. */
const nothingTo: Partial<Record<WireInjection['do'], string>> = {
  break: 'the file has no lease',
  expire: 'no break is pending on the file',
  end: 'no owner of a lease on the file lives',
};

export class InjectFile extends CommandFile {
  private readonly filesystem: Filesystem;
  private readonly injector: Injector;

  constructor(filesystem: Filesystem, injector: Injector) {
    super();
    this.filesystem = filesystem;
    this.injector = injector;
  }

  protected carryOut(caller: Caller, data: Uint8Array): Answer {
    if (!isOwner(caller.uid)) return this.refuse(-errno.EPERM, NOT_ALLOWED);
    const { plane } = this.filesystem;
    let injection: WireInjection;
    try {
      injection = parseInjection(JSON.parse(textOf(data)), 'ino') as unknown as WireInjection;
    } catch (error) {
      return this.refuse(-errno.EINVAL, (error as Error).message);
    }
    if ('ino' in injection && plane.sb.inode(injection.ino as InodeNumber)?.file === undefined) {
      return this.refuse(-errno.EINVAL, `inode ${injection.ino} is no regular file of the mount`);
    }
    const answer = this.perform(caller, injection);
    return answer < 0 ? this.refuse(answer, nothingTo[injection.do] ?? '') : 0;
  }

  protected override refuse(answer: Answer, why: string): Answer {
    super.refuse(answer, why);
    this.filesystem.plane.log(`injection refused: ${this.reason}; ${errnoName(answer)}`);
    return answer;
  }

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
