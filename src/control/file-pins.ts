// `.leasefs/pid/PID/file_pins` in the form of RFC v2 ('Add display file_pins proc'): pins that a process itself
// owns are the path of the file; those that an open file description owns come after the process's descriptor of that
// and the file that it is of; so do those of memory that is registered (`leasefs run`), after the ring or device.
//
//   3: /dev/infiniband/uverbs0
//      /mnt/data
//   4: /mnt/control
//      /mnt/data
//   /mnt/other
//
// A thread looks at the process's descriptors, since that may have to wait for the process; the read waits for the thread.
import { errno } from '../base/errno.js';
import { KeptText, type Source } from '../base/kept-text.js';
import type { Quota } from '../base/quota.js';
import type { InodeNumber } from '../base/units.js';
import { decoded, printable } from '../base/words.js';
import type { LeasePlane } from '../fs/layout/plane.js';
import { PARKED } from '../fs/operations.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';
import type { PinInfo } from '../lease/types.js';
import type { Descriptors } from '../process/descriptors.js';
import type { Registration } from '../process/registration.js';

/** Pids of the processes that made a pin that is there. */
export const pinningPids = (plane: LeasePlane): number[] =>
  [...new Set(plane.leases.pinners().map(({ process }) => plane.process(process).pid))]
    .filter(pid => pid !== 0)
    .sort((a, b) => a - b);

/** A pin that a process of that pid has made. */
export const pinnerOf = (plane: LeasePlane, pid: number): PinInfo | undefined =>
  plane.leases.pinners().find(({ process }) => plane.process(process).pid === pid);

interface FilePinsOptions {
  readonly plane: LeasePlane;
  readonly mountPoint: string;
  readonly pid: number;
  readonly descriptors: Descriptors;
  /** Called when a read that waits is to run again. */
  readonly wake: () => void;
}

export class FilePinsFile implements VirtualFile {
  readonly stream = false;
  private readonly options: FilePinsOptions;
  private readonly text: KeptText;
  private isAsked = false;
  /** The text of what was found, until it is made; 'unknown': the thread could not look. */
  private found: (() => Source) | 'unknown' | undefined;
  private isMaking = false;
  /** It was made, and not read yet. */
  private isMade = false;

  /** @param room of the texts that are read at the same time. */
  constructor(options: FilePinsOptions, room: Quota, uid: number) {
    this.options = options;
    this.text = new KeptText(room, uid);
  }

  ready(): boolean {
    return true;
  }

  prepare(): boolean {
    if (typeof this.found !== 'function') return true;
    if (!this.isMaking) this.text.begin(this.found());
    this.isMaking = !this.text.make();
    if (!this.isMaking) this.found = undefined;
    this.isMade = !this.isMaking;
    return this.isMade;
  }

  /** -EAGAIN: the process cannot be looked at now, or the user reads so much at the same time that no share is left. */
  read(off: number, out: Uint8Array): number {
    if (this.found === 'unknown') {
      this.found = undefined;
      return -errno.EAGAIN;
    }
    if (!this.isMade && !this.text.has(off)) {
      this.ask();
      return PARKED;
    }
    this.isMade = false;
    return this.text.read(off, out) ?? -errno.EAGAIN;
  }

  write(): number {
    return -errno.EACCES;
  }

  listen(): void {}

  close(): void {
    this.text.drop();
  }

  private ask(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    const { pid, descriptors, wake } = this.options;
    const sought = soughtBy(this.options);
    const files = sought.owning.map(({ file }) => file);
    const registrations = sought.registered.map(({ registration }) => registration);
    descriptors.ask({ what: 'lowest', pid, files, registrations }, answer => {
      this.isAsked = false;
      this.found =
        answer === undefined
          ? 'unknown'
          : () => textOf(this.options, sought, answer.files, answer.registrations);
      wake();
    });
  }
}

/** What the process may have descriptors of, and which files are pinned by it. */
interface Sought {
  /** Files whose descriptions own pins. */
  readonly owning: readonly {
    readonly file: { readonly ino: number; readonly path: string };
    readonly pinned: readonly InodeNumber[];
  }[];
  /** What holds registered memory. */
  readonly registered: readonly { readonly registration: Registration; readonly pinned: InodeNumber }[];
  /** What the process itself has pinned. */
  readonly pinned: readonly InodeNumber[];
}

function soughtBy({ plane, mountPoint, pid }: FilePinsOptions): Sought {
  const byDescription = new Map<InodeNumber, InodeNumber[]>();
  const registered: { registration: Registration; pinned: InodeNumber }[] = [];
  const own: InodeNumber[] = [];
  for (const { pin, file, owner, process } of plane.leases.eachPin()) {
    const registration = plane.supervision.heldPin(pin)?.registration;
    if (registration !== undefined) registered.push({ registration, pinned: file });
    const ino = owner === 0 ? undefined : plane.sb.handles.get(owner)?.inode.ino;
    if (owner === 0 && plane.process(process).pid === pid) own.push(file);
    if (ino === undefined) continue;
    const pinned = byDescription.get(ino);
    if (pinned === undefined) byDescription.set(ino, [file]);
    else pinned.push(file);
  }
  const owning = [...byDescription].map(([ino, pinned]) => ({
    file: { ino, path: shown(mountPoint, plane, ino) },
    pinned,
  }));
  return { owning, registered, pinned: own };
}

/** @param files the process's descriptors of the owning files, @param holders of the holders of registered memory. */
function* textOf(
  { plane, mountPoint }: FilePinsOptions,
  { owning, registered, pinned }: Sought,
  files: readonly (number | undefined)[],
  holders: readonly (number | undefined)[],
): Generator<string> {
  const byHead = new Map<string, InodeNumber[]>();
  const add = (fd: number | undefined, what: string, inos: readonly InodeNumber[]): void => {
    if (fd === undefined) return;
    const head = `${fd}: ${what}`;
    const before = byHead.get(head);
    if (before === undefined) byHead.set(head, [...inos]);
    else for (const ino of inos) before.push(ino);
  };
  for (const [index, { file, pinned: inos }] of owning.entries()) add(files[index], file.path, inos);
  for (const [index, { registration, pinned: ino }] of registered.entries())
    add(holders[index], registration.link, [ino]);
  const line = (indent: string, ino: InodeNumber): string =>
    `${printable(indent + shown(mountPoint, plane, ino))}\n`;
  for (const [head, inos] of byHead) {
    yield `${printable(head)}\n`;
    for (const ino of inos) yield line('   ', ino);
  }
  for (const ino of pinned) yield line('', ino);
}

/** As d_path(9) would show it. */
function shown(mountPoint: string, plane: LeasePlane, ino: InodeNumber): string {
  const path = plane.pathOf(ino);
  return path === undefined ? `inode ${ino} (deleted)` : mountPoint + decoded(path);
}
