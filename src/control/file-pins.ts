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
import type { ReportedPin } from '../abi/reports.js';
import { errno } from '../base/errno.js';
import { KeptText } from '../base/kept-text.js';
import type { Quota } from '../base/quota.js';
import type { InodeNumber, PinId } from '../base/units.js';
import { decoded, printable } from '../base/words.js';
import type { LeasePlane } from '../fs/layout/plane.js';
import { PARKED } from '../fs/operations.js';
import { pinRows } from '../fs/report.js';
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
  /** What was found, until a read takes it; 'unknown': the thread could not look. */
  private found: string | 'unknown' | undefined;

  /** @param room of the texts that are read at the same time. */
  constructor(options: FilePinsOptions, room: Quota, uid: number) {
    this.options = options;
    this.text = new KeptText(room, uid);
  }

  ready(): boolean {
    return true;
  }

  /** -EAGAIN: the process cannot be looked at now, or the user reads so much at the same time that no share is left. */
  read(off: number, out: Uint8Array): number {
    const { found } = this;
    if (found === undefined && !this.text.has(off)) {
      this.ask();
      return PARKED;
    }
    this.found = undefined;
    const piece = found === 'unknown' ? undefined : this.text.read(off, out.length, () => found ?? '');
    if (piece === undefined) return -errno.EAGAIN;
    out.set(piece);
    return piece.length;
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
      this.found = answer === undefined ? 'unknown' : textOf(sought, answer.files, answer.registrations);
      wake();
    });
  }
}

/** What the process may have descriptors of, and what is then to be said, in the words of now. */
interface Sought {
  /** Files whose descriptions own pins. */
  readonly owning: readonly {
    readonly file: { readonly ino: number; readonly path: string };
    readonly pinned: readonly string[];
  }[];
  /** What holds registered memory. */
  readonly registered: readonly { readonly registration: Registration; readonly pinned: string }[];
  /** What the process itself has pinned. */
  readonly pinned: readonly string[];
}

function soughtBy({ plane, mountPoint, pid }: FilePinsOptions): Sought {
  const rows = pinRows(plane, undefined);
  const path = (ino: number): string => shown(mountPoint, plane, ino);
  const byDescription = new Map<number, string[]>();
  for (const { ownerIno, ino } of rows) {
    if (ownerIno === null) continue;
    const pinned = byDescription.get(ownerIno);
    if (pinned === undefined) byDescription.set(ownerIno, [path(ino)]);
    else pinned.push(path(ino));
  }
  return {
    owning: [...byDescription].map(([ino, pinned]) => ({ file: { ino, path: path(ino) }, pinned })),
    registered: rows.flatMap(({ id, ino }) => {
      const registration = plane.supervision.heldPin(id as PinId)?.registration;
      return registration === undefined ? [] : [{ registration, pinned: path(ino) }];
    }),
    pinned: rows
      .filter((row: ReportedPin) => row.owner === 'process' && row.pid === pid)
      .map(({ ino }) => path(ino)),
  };
}

/** @param files the process's descriptors of the owning files, @param holders of the holders of registered memory. */
function textOf(
  { owning, registered, pinned }: Sought,
  files: readonly (number | undefined)[],
  holders: readonly (number | undefined)[],
): string {
  const byHead = new Map<string, string[]>();
  const add = (fd: number | undefined, what: string, paths: readonly string[]): void => {
    if (fd === undefined) return;
    const head = `${fd}: ${what}`;
    byHead.set(head, [...(byHead.get(head) ?? []), ...paths.map(path => `   ${path}`)]);
  };
  for (const [index, { file, pinned: paths }] of owning.entries()) add(files[index], file.path, paths);
  for (const [index, { registration, pinned: path }] of registered.entries())
    add(holders[index], registration.link, [path]);
  const lines = [...[...byHead].flatMap(([head, paths]) => [head, ...paths]), ...pinned];
  return lines.map(line => `${printable(line)}\n`).join('');
}

/** As d_path(9) would show it. */
function shown(mountPoint: string, plane: LeasePlane, ino: number): string {
  const path = plane.pathOf(ino as InodeNumber);
  return path === undefined ? `inode ${ino} (deleted)` : mountPoint + decoded(path);
}
