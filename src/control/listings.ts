// `.leasefs/leases` and `.leasefs/pins` (A1): a line each in the manner of /proc/mounts, and the same as JSON. Fields are
// separated by one space; a space, backslash or control character in a name is \ooo, what is not shown or not there is '-'.
import { decoded, field, jsonLine } from '../base/words.js';
import type { LeasePlane } from '../fs/layout/plane.js';
import { leaseRows, pinRows } from '../fs/report.js';
import type { Viewer } from './viewer.js';

export function* leasesText(plane: LeasePlane, viewer: Viewer): Generator<string> {
  yield 'ID KIND STATE MUST BREAK_MS PINS AGE_MS PID START COMMAND PATH\n';
  for (const { id, kind, state, must, breakMs, pins, ageMs, owner, path } of leases(plane, viewer)) {
    yield line([
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
    ]);
  }
}

export function* pinsText(plane: LeasePlane, viewer: Viewer): Generator<string> {
  yield 'ID BEGIN END OWNER LEASE STATE AGE_MS UID PID START COMMAND PATH\n';
  for (const row of pins(plane, viewer)) {
    const { id, off, len, owner, lease, zombie, ageMs, uid, pid, start, command, path } = row;
    yield line([
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
    ]);
  }
}

export const leasesJson = (plane: LeasePlane, viewer: Viewer): Generator<string> =>
  jsonOfRows('leases', leases(plane, viewer));
export const pinsJson = (plane: LeasePlane, viewer: Viewer): Generator<string> =>
  jsonOfRows('pins', pins(plane, viewer));

/** The first member says what the rest is. */
export const jsonOf = (file: string, content: object): string =>
  `${jsonLine({ version: versionOf(file), ...content }, 2)}\n`;

const versionOf = (file: string): object => ({ file: `.leasefs/${file}.json`, major: 1, minor: 0 });

/** The same with one member, the rows, in parts. */
function* jsonOfRows(file: string, rows: Iterable<object>): Generator<string> {
  const head = jsonLine({ version: versionOf(file) }, 2);
  yield `${head.slice(0, -2)},\n  "${file}": [`;
  let before = '';
  for (const row of rows) {
    yield `${before}\n    ${jsonLine(row, 2).replaceAll('\n', '\n    ')}`;
    before = ',';
  }
  yield before === '' ? ']\n}\n' : '\n  ]\n}\n';
}

function* leases(plane: LeasePlane, viewer: Viewer) {
  for (const row of leaseRows(plane, undefined)) {
    const seen = viewer.maySee(row.owner.uid);
    const owner = { ...row.owner, command: decoded(row.owner.command) };
    yield { ...row, owner, ...place(row, seen), hidden: !seen };
  }
}

function* pins(plane: LeasePlane, viewer: Viewer) {
  for (const row of pinRows(plane, undefined)) {
    const seen = viewer.maySee(row.uid);
    const range = { off: seen ? row.off : null, len: seen ? row.len : null };
    const ownerIno = seen ? row.ownerIno : null;
    yield {
      ...row,
      command: decoded(row.command),
      ...place(row, seen),
      ...range,
      ownerIno,
      hidden: !seen,
    };
  }
}

const place = ({ ino, path }: { ino: number; path: string | null }, seen: boolean) => ({
  ino: seen ? ino : null,
  path: seen && path !== null ? decoded(path) : null,
});

const line = (cells: readonly (string | number | null)[]): string => `${cells.map(cell).join(' ')}\n`;

const cell = (value: string | number | null): string =>
  value === null || value === '' ? '-' : field(`${value}`);
