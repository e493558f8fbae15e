// `.leasefs/` at the root of the mount: which files there are, and what each says when it is opened (A1).
import { errno } from '../base/errno.js';
import { type Source, textRoom } from '../base/kept-text.js';
import { S_IFDIR, S_IFREG } from '../base/linux.js';
import { isOwner } from '../base/owner.js';
import { BLOCK, FIRST_VIRTUAL, type InodeNumber, type Name } from '../base/units.js';
import type { Filesystem } from '../fs/filesystem.js';
import type { Injector } from '../fs/layout/injector.js';
import type { Opener, VirtualEntry, VirtualFile, VirtualTree } from '../fs/vfs/virtual.js';
import { Descriptors } from '../process/descriptors.js';
import { threadGroupOf, uidsOf } from '../process/proc.js';
import { EventStream } from './event-stream.js';
import { EventWakes } from './event-wakes.js';
import { FilePinsFile, pinnerOf, pinningPids } from './file-pins.js';
import { InjectFile } from './inject-file.js';
import { leasesJson, leasesText, pinsJson, pinsText } from './listings.js';
import { SizeFile } from './size-file.js';
import { metricsText, type Stats, statsJson, statsText } from './stats.js';
import { TextFile } from './text-file.js';
import { mayUpgrade, type Upgrade, UpgradeFile } from './upgrade-file.js';
import { Viewer } from './viewer.js';

const CONTROL_NAME = '.leasefs';

const TOP = FIRST_VIRTUAL;
const PIDS = (TOP + 1) as InodeNumber;
const FIRST_FILE = TOP + 2;
/** Of a process: its directory, and its file_pins after it. */
const FIRST_PID = TOP + 2 ** 32;
const FILE_PINS = 'file_pins';

const DIRECTORY = S_IFDIR | 0o555;
const FILE = S_IFREG | 0o444;
/** The permission is checked at open. */
const WRITABLE = S_IFREG | 0o222;
const INJECT = 'inject';
const SIZE = 'size';
const UPGRADE = 'upgrade';
const WRITABLES: readonly string[] = [INJECT, SIZE, UPGRADE];

/** Made at the first read, for who opened the file. */
type Text = (viewer: Viewer) => Source;

interface ControlOptions {
  readonly filesystem: Filesystem;
  readonly mountPoint: string;
  /** Whether readdir of the root shows it. */
  readonly listed: boolean;
  /** Whether there is a file to ask for faults. */
  readonly allowInject: boolean;
  /** Lets another program go on with the mount; undefined: nothing outlives the daemon. */
  readonly upgrade: Upgrade | undefined;
}

export class ControlTree implements VirtualTree {
  readonly name = CONTROL_NAME as Name;
  readonly top = TOP;
  readonly listed: boolean;
  private readonly filesystem: Filesystem;
  private readonly mountPoint: string;
  private readonly injector: Injector | undefined;
  private readonly upgrade: Upgrade | undefined;
  private readonly wakes: EventWakes;
  private readonly room = textRoom();
  private readonly descriptors: Descriptors;
  /** In the order of their inode numbers. */
  private readonly names: readonly string[];
  private readonly texts: Readonly<Record<string, Text>>;

  constructor({ filesystem, mountPoint, listed, allowInject, upgrade }: ControlOptions) {
    this.filesystem = filesystem;
    this.mountPoint = mountPoint;
    this.listed = listed;
    const { plane } = filesystem;
    this.wakes = new EventWakes(plane.recorder.ring, plane.log);
    this.descriptors = new Descriptors(plane.log);
    this.texts = {
      leases: viewer => leasesText(plane, viewer),
      'leases.json': viewer => leasesJson(plane, viewer),
      pins: viewer => pinsText(plane, viewer),
      'pins.json': viewer => pinsJson(plane, viewer),
      stats: () => this.stats(statsText),
      'stats.json': () => this.stats(statsJson),
      metrics: () => this.stats(metricsText),
    };
    this.injector = allowInject ? filesystem.allowInjection() : undefined;
    this.upgrade = upgrade;
    this.names = [
      'events',
      ...Object.keys(this.texts),
      SIZE,
      ...(allowInject ? [INJECT] : []),
      ...(upgrade === undefined ? [] : [UPGRADE]),
    ];
  }

  mode(ino: InodeNumber): number {
    if (ino === TOP || ino === PIDS) return DIRECTORY;
    if (ino < FIRST_PID) {
      const name = this.fileName(ino);
      if (name === undefined) return 0;
      return WRITABLES.includes(name) ? FILE | WRITABLE : FILE;
    }
    if (!this.isProcess(pidOf(ino))) return 0;
    return isPidDirectory(ino) ? DIRECTORY : FILE;
  }

  lookup(dir: InodeNumber, name: Name): InodeNumber | undefined {
    if (dir === TOP) {
      if (name === 'pid') return PIDS;
      const index = this.names.indexOf(name);
      return index < 0 ? undefined : fileIno(index);
    }
    if (dir === PIDS) {
      const pid = /^[1-9]\d{0,8}$/.test(name) ? Number(name) : 0;
      return pid !== 0 && this.isProcess(pid) ? pidIno(pid) : undefined;
    }
    return name === FILE_PINS && isPidDirectory(dir) ? ((dir + 1) as InodeNumber) : undefined;
  }

  entries(dir: InodeNumber): readonly VirtualEntry[] {
    if (dir === TOP) {
      const files = this.names.map((name, index) => ({ name: name as Name, ino: fileIno(index) }));
      return [...files, { name: 'pid' as Name, ino: PIDS }];
    }
    if (dir === PIDS) {
      return pinningPids(this.filesystem.plane).map(pid => ({
        name: `${pid}` as Name,
        ino: pidIno(pid),
      }));
    }
    return [{ name: FILE_PINS as Name, ino: (dir + 1) as InodeNumber }];
  }

  parent(dir: InodeNumber): InodeNumber {
    return dir >= FIRST_PID ? PIDS : TOP;
  }

  open(opener: Opener, ino: InodeNumber, wake: () => void): VirtualFile | number {
    const viewer = new Viewer(opener);
    if (ino >= FIRST_PID) return this.openFilePins(viewer, opener.uid, pidOf(ino), wake);
    const name = this.fileName(ino);
    if (name === undefined) return -errno.ENOENT;
    const { plane } = this.filesystem;
    if (name === INJECT) return this.openInject(opener);
    if (name === UPGRADE) return this.openUpgrade(opener);
    if (name === SIZE) return new SizeFile(plane.sb, opener);
    if (name === 'events') {
      return new EventStream(plane.recorder.ring, viewer, this.wakes, wake);
    }
    return new TextFile(() => this.texts[name]!(viewer), this.room, opener.uid);
  }

  private openInject(opener: Opener): VirtualFile | number {
    return this.injector !== undefined && isOwner(opener.uid)
      ? new InjectFile(this.filesystem, this.injector)
      : -errno.EPERM;
  }

  private openUpgrade(opener: Opener): VirtualFile | number {
    return this.upgrade !== undefined && mayUpgrade(opener) ? new UpgradeFile(this.upgrade) : -errno.EPERM;
  }

  private openFilePins(viewer: Viewer, reader: number, pid: number, wake: () => void): VirtualFile | number {
    const { mountPoint, descriptors } = this;
    const { plane } = this.filesystem;
    const uid = uidsOf(pid)?.real ?? pinnerOf(plane, pid)?.uid;
    if (uid === undefined) return -errno.ESRCH;
    if (!viewer.maySee(uid)) return -errno.EACCES;
    return new FilePinsFile({ plane, mountPoint, pid, descriptors, wake }, this.room, reader);
  }

  private fileName(ino: InodeNumber): string | undefined {
    return this.names[ino - FIRST_FILE];
  }

  /** The process lives, or a pin of it does. */
  private isProcess(pid: number): boolean {
    return threadGroupOf(pid) === pid || pinnerOf(this.filesystem.plane, pid) !== undefined;
  }

  private *stats(textOf: (stats: Stats) => string): Generator<string> {
    const { filesystem } = this;
    const { plane } = filesystem;
    const status = yield* filesystem.status();
    const { pinnedBlocks, zombies, breaking } = plane.leases.counts();
    yield textOf({
      ...status,
      pinnedBytes: pinnedBlocks * BLOCK,
      zombies,
      breaking,
      events: Object.fromEntries(plane.recorder.ring.counts),
    });
  }
}

const fileIno = (index: number): InodeNumber => (FIRST_FILE + index) as InodeNumber;
const pidIno = (pid: number): InodeNumber => (FIRST_PID + 2 * pid) as InodeNumber;
const pidOf = (ino: InodeNumber): number => Math.floor((ino - FIRST_PID) / 2);
const isPidDirectory = (ino: InodeNumber): boolean => ino >= FIRST_PID && (ino - FIRST_PID) % 2 === 0;
