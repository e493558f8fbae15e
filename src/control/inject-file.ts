// `.leasefs/inject`: each write is one JSON object, whose injection is done when the write returns; else its errno says why.

import { parseInjection, type WireInjection } from '../abi/injection.js';
import { errno } from '../base/errno.js';
import { blockOf, blocksFor, type InodeNumber } from '../base/units.js';
import type { Filesystem } from '../fs/filesystem.js';
import type { Injector } from '../fs/layout/injector.js';
import type { Answer, Caller } from '../fs/operations.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';

/** Only root and the daemon's own user may inject. */
export const mayInject = ({ uid }: Caller): boolean => uid === 0 || uid === process.geteuid?.();

export class InjectFile implements VirtualFile {
  readonly stream = false;
  private readonly filesystem: Filesystem;
  private readonly injector: Injector;

  constructor(filesystem: Filesystem, injector: Injector) {
    this.filesystem = filesystem;
    this.injector = injector;
  }

  ready(): boolean {
    return true;
  }

  read(): number {
    return 0;
  }

  write(caller: Caller, data: Uint8Array): Answer {
    if (!mayInject(caller)) return -errno.EPERM;
    const { plane } = this.filesystem;
    let injection: WireInjection;
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
      injection = parseInjection(JSON.parse(text), 'ino') as unknown as WireInjection;
    } catch (error) {
      plane.log(`injection refused: ${(error as Error).message}; EINVAL`);
      return -errno.EINVAL;
    }
    if ('ino' in injection && plane.sb.inode(injection.ino as InodeNumber)?.file === undefined) {
      return -errno.EINVAL;
    }
    const answer = this.perform(caller, injection);
    return answer < 0 ? answer : data.length;
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
    }
  }
}
