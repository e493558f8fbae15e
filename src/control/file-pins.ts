// `.leasefs/pid/PID/file_pins` in the form of RFC v2 ('Add display file_pins proc'): pins that a process itself
// owns are the path of the file; those that an open file description owns come after the process's descriptor of that
// and the file that it is of; so do those of memory that is registered (`leasefs run`), after the ring or device.
//
//   3: /dev/infiniband/uverbs0
//      /mnt/data
//   4: /mnt/control
//      /mnt/data
//   /mnt/other
import type { ReportedPin } from '../abi/reports.js';
import type { InodeNumber, PinId } from '../base/units.js';
import { decoded, printable } from '../base/words.js';
import type { LeasePlane } from '../fs/layout/plane.js';
import { pinRows } from '../fs/report.js';
import { linkOf, listOf, textOf } from '../process/proc-text.js';
import { descriptorIn } from '../process/registration.js';

/** Pids of the processes that made a pin that is there. */
export const pinningPids = (plane: LeasePlane): number[] =>
  [...new Set(pinRows(plane, undefined).map(({ pid }) => pid))]
    .filter(pid => pid !== 0)
    .sort((a, b) => a - b);

export function filePins(plane: LeasePlane, mountPoint: string, pid: number): string {
  const lines: string[] = [];
  const rows = pinRows(plane, undefined);
  const byDescription = new Map<number, ReportedPin[]>();
  for (const row of rows) {
    if (row.ownerIno === null) continue;
    const pins = byDescription.get(row.ownerIno);
    if (pins === undefined) byDescription.set(row.ownerIno, [row]);
    else pins.push(row);
  }
  for (const [ino, pins] of byDescription) {
    const owning = shown(mountPoint, plane, ino);
    const fd = descriptorOf(pid, ino, owning);
    if (fd === undefined) continue;
    lines.push(`${fd}: ${owning}`, ...pins.map(pin => `   ${shown(mountPoint, plane, pin.ino)}`));
  }
  lines.push(...registered(plane, mountPoint, pid, rows));
  for (const row of rows) {
    if (row.owner === 'process' && row.pid === pid) lines.push(shown(mountPoint, plane, row.ino));
  }
  return lines.map(line => `${printable(line)}\n`).join('');
}

function registered(
  plane: LeasePlane,
  mountPoint: string,
  pid: number,
  rows: readonly ReportedPin[],
): string[] {
  const byHolder = new Map<string, string[]>();
  for (const row of rows) {
    const registration = plane.supervision.heldPin(row.id as PinId)?.registration;
    const fd = registration && descriptorIn(registration, pid);
    if (fd === undefined) continue;
    const head = `${fd}: ${registration!.link}`;
    const paths = byHolder.get(head) ?? [];
    byHolder.set(head, [...paths, `   ${shown(mountPoint, plane, row.ino)}`]);
  }
  return [...byHolder].flatMap(([head, paths]) => [head, ...paths]);
}

/** As d_path(9) would show it. */
function shown(mountPoint: string, plane: LeasePlane, ino: number): string {
  const path = plane.pathOf(ino as InodeNumber);
  return path === undefined ? `inode ${ino} (deleted)` : mountPoint + decoded(path);
}

/**
 * The process's lowest descriptor of the file. By fdinfo and the link, since a stat would come to ourselves and wait for
 * ever; two files of one number and name on two filesystems are taken for each other.
 */
function descriptorOf(pid: number, ino: number, path: string): number | undefined {
  const fds = listOf(`/proc/${pid}/fd`).map(Number);
  return fds.sort((a, b) => a - b).find(fd => isOf(pid, fd, ino, path));
}

function isOf(pid: number, fd: number, ino: number, path: string): boolean {
  if (!textOf(`/proc/${pid}/fdinfo/${fd}`).includes(`\nino:\t${ino}\n`)) return false;
  const link = linkOf(`/proc/${pid}/fd/${fd}`);
  return link === path || link.endsWith(' (deleted)');
}
