// What a daemon that has a keeper leaves for the next one, and takes over from the last.
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Log } from '../base/guarded.js';
import type { Upgrade } from '../control/upgrade-file.js';
import type { Filesystem } from '../fs/filesystem.js';
import type { SessionStatus } from '../fs/report.js';
import { keepIn, Takeover } from '../fs/takeover.js';
import { BUFFER_SIZE } from '../fuse/init.js';
import { MAX_BATCH } from '../fuse/mount.js';
import { type Mount, mountsNow } from '../fuse/mountinfo.js';
import { TakenOver } from '../fuse/taken-over.js';
import { Journal } from '../journal/journal.js';
import { type Restorer, restore } from '../journal/restorer.js';
import type { KeeperLink } from '../keeper/link.js';
import { type Channel, native } from '../native/binding.js';
import { DirectStore } from '../store/direct-store.js';
import { PooledStore } from '../store/pooled-store.js';
import type { ServeOptions } from './mount-options.js';
import { upgradeTo } from './upgrade-to.js';

const MIB = 2 ** 20;
const NOTHING = new Int32Array(0);
/** Of one log of the journal, bytes: an inode takes some 250 of it, and of the heap more than a KiB. */
const most = (): number =>
  Math.min(1024 * MIB, Math.ceil(getHeapStatistics().heap_size_limit / MIB / 2) * MIB);

export class Keeping {
  readonly journal: Journal;
  /** The last daemon's session; undefined: this is the first daemon. */
  readonly takenOver: TakenOver | undefined;
  readonly keeper: KeeperLink;
  private readonly options: ServeOptions;
  private readonly log: Log;
  private readonly began = performance.now();
  private direct: DirectStore | undefined;
  private pooled: PooledStore | undefined;
  private restorer: Restorer | undefined;
  private takeover: Takeover | undefined;
  private commit: NodeJS.Immediate | undefined;

  /** @throws Error: the last daemon's journal cannot be read. */
  constructor(keeper: KeeperLink, options: ServeOptions, log: Log) {
    this.keeper = keeper;
    this.options = options;
    this.log = log;
    const memory =
      (keeper.takesOver ? keeper.kept.get('journal') : undefined) ?? native.memfdCreate('leasefs:journal');
    this.journal = new Journal(memory, most(), () =>
      log('the journal has no room left: the mount goes on, and ends with this daemon'),
    );
    if (keeper.takesOver) this.takenOver = new TakenOver(this.journal);
    else keeper.keep('journal', memory.fd);
  }

  /** The last daemon's direct store, if it had one. */
  lastDirect(): DirectStore | undefined {
    const tmpfs = this.takenOver && this.keeper.kept.get('tmpfs');
    if (tmpfs !== undefined) this.direct = new DirectStore(this.options, tmpfs);
    return this.direct;
  }

  keepDirect(store: DirectStore): void {
    this.keeper.keep('tmpfs', store.capacity.fd);
  }

  /** A pooled store that writes what it does into the journal, with the last daemon's segments. */
  pooledStore(filesystem: () => Filesystem): PooledStore {
    const { keeper } = this;
    const store = new PooledStore(this.options.size, totalmem());
    store.keepSegments((segment, fd) => keeper.keep(`segment${segment}`, fd));
    for (const [name, memory] of this.takenOver === undefined ? [] : keeper.kept) {
      const [, segment] = /^segment(\d+)$/.exec(name) ?? [];
      if (segment !== undefined) store.adoptSegment(Number(segment), memory);
    }
    store.recordIn(this.journal, () => filesystem().plane.sb.tidyUp(0));
    if (this.takenOver !== undefined) this.restorer = store.restorer();
    this.pooled = store;
    return store;
  }

  /**
   * Before the first operation. The filesystem is what it was for the last daemon, and tells the next one what becomes of it.
   * @throws Error: the journal is damaged.
   */
  begin(filesystem: Filesystem): void {
    const { takenOver } = this;
    if (takenOver !== undefined) {
      if (this.direct === undefined) this.pooledStore(() => filesystem);
      const below = this.restorer === undefined ? [] : [this.restorer];
      this.takeover = new Takeover(filesystem.plane);
      restore(this.journal.read(), [...below, ...this.takeover.restorers, takenOver]);
    }
    keepIn(filesystem.plane, this.journal);
  }

  /** The last daemon's pooled store, from `begin` on. */
  get lastPooled(): PooledStore | undefined {
    return this.takenOver && this.pooled;
  }

  /** The last daemon's connection to the kernel. */
  channel(): Channel | undefined {
    const kept = this.takenOver && this.keeper.kept.get('fuse');
    return kept && native.adoptFuse(kept.release(), BUFFER_SIZE, MAX_BATCH);
  }

  keepChannel(channel: Channel): void {
    this.keeper.keep('fuse', channel.fd);
  }

  /** Runs it behind the commit of the present request; where there is none, behind one of its own. */
  behindCommit(run: () => void): void {
    const { journal } = this;
    journal.afterCommit(run);
    this.commit ??= setImmediate(() => {
      this.commit = undefined;
      journal.commit(NOTHING, 0);
    });
  }

  /** To a newer build. */
  upgrade(): Upgrade {
    return upgradeTo(this.keeper, () => this.journal.unreadable, this.log);
  }

  status(): SessionStatus['keeper'] {
    const { by, pid, deaths, isThere } = this.keeper;
    const { bytes, most, isOver } = this.journal;
    return isThere ? { by, pid, deaths, journal: { bytes, most, full: isOver } } : null;
  }

  /** The session has begun. */
  resume(): void {
    const { takenOver, pooled, direct, log } = this;
    if (takenOver === undefined) return;
    this.takeover?.finish(takenOver.backing.keys());
    pooled?.freeUnclaimed();
    direct?.removeUnclaimed().catch(error => log(`files of the last daemon are left in the tmpfs: ${error}`));
    log(`taken over from a daemon that has ended, in ${Math.ceil(performance.now() - this.began)} ms`);
  }

  /**
   * The mount that was taken over; undefined: none was. Where it is detached by now it is one that is mounted nowhere, not
   * another one at its old path.
   */
  mount(): Mount | undefined {
    if (this.takenOver === undefined) return undefined;
    const { device } = this.takenOver;
    const there = mountsNow().find(mount => mount.device === device);
    return there ?? { id: 0, target: this.options.mountPoint, device, type: '', source: '', root: '/' };
  }
}
