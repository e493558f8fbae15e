// `.leasefs/leases` and `.leasefs/pins` (A1): a line each in the manner of /proc/mounts, and the same as JSON. Fields are
// separated by one space; a space, backslash or control character in a name is \ooo, what is not shown or not there is '-'.
import type { ReportedLease, ReportedPin } from '../abi/reports.js';
import { decoded, field, jsonLine } from '../base/words.js';
import type { LeasePlane } from '../fs/layout/plane.js';
import { leaseRows, pinRows } from '../fs/report.js';
import type { Viewer } from './viewer.js';

export function leasesText(plane: LeasePlane, viewer: Viewer): string {
  return textOf(
    'ID KIND STATE MUST BREAK_MS PINS AGE_MS PID START COMMAND PATH',
    leases(plane, viewer).map(({ id, kind, state, must, breakMs, pins, ageMs, owner, path }) => [
      id,
      kind,
      state === 'held' && !owner.alive ? 'owner-dead' : state,
      must,
      breakMs,
      pins,
      ageMs,
      owner.pid,
      owner.start,
      owner.command,
      path,
    ]),
  );
}

export function pinsText(plane: LeasePlane, viewer: Viewer): string {
  return textOf(
    'ID BEGIN END OWNER LEASE STATE AGE_MS UID PID START COMMAND PATH',
    pins(plane, viewer).map(
      ({ id, off, len, owner, lease, zombie, ageMs, uid, pid, start, command, path }) => [
        id,
        off,
        off === null || len === null ? null : off + len,
        owner,
        lease,
        zombie ? 'zombie' : 'held',
        ageMs,
        uid,
        pid,
        start,
        command,
        path,
      ],
    ),
  );
}

export const leasesJson = (plane: LeasePlane, viewer: Viewer): string =>
  jsonOf('leases', { leases: leases(plane, viewer) });
export const pinsJson = (plane: LeasePlane, viewer: Viewer): string =>
  jsonOf('pins', { pins: pins(plane, viewer) });

/** The first member says what the rest is. */
export const jsonOf = (file: string, content: object): string =>
  `${jsonLine({ version: { file: `.leasefs/${file}.json`, major: 1, minor: 0 }, ...content }, 2)}\n`;

function leases(plane: LeasePlane, viewer: Viewer) {
  return leaseRows(plane, undefined).map((row: ReportedLease) => {
    const seen = viewer.maySee(row.owner.uid);
    const owner = { ...row.owner, command: decoded(row.owner.command) };
    return { ...row, owner, ...place(row, seen), hidden: !seen };
  });
}

function pins(plane: LeasePlane, viewer: Viewer) {
  return pinRows(plane, undefined).map((row: ReportedPin) => {
    const seen = viewer.maySee(row.uid);
    const range = { off: seen ? row.off : null, len: seen ? row.len : null };
    const ownerIno = seen ? row.ownerIno : null;
    return {
      ...row,
      command: decoded(row.command),
      ...place(row, seen),
      ...range,
      ownerIno,
      hidden: !seen,
    };
  });
}

const place = ({ ino, path }: { ino: number; path: string | null }, seen: boolean) => ({
  ino: seen ? ino : null,
  path: seen && path !== null ? decoded(path) : null,
});

function textOf(header: string, rows: readonly (readonly (string | number | null)[])[]): string {
  return [header, ...rows.map(row => row.map(cell).join(' '))].map(line => `${line}\n`).join('');
}

const cell = (value: string | number | null): string =>
  value === null || value === '' ? '-' : field(`${value}`);
