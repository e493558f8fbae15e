// What `leasefs top` shows, as lines: pure, from two looks at a mount.
import type { ReportedLease, ReportedPin, ReportedStatus } from '../client/index.js';
import { pathText } from './mounted-path.js';
import { readableAge, readableSize } from './sizes.js';
import { table } from './table.js';

export interface Look {
  /** ms of a clock that only grows. */
  readonly at: number;
  readonly status: ReportedStatus;
  readonly leases: readonly ReportedLease[];
  readonly pins: readonly ReportedPin[];
  /** How often each event has happened since the mount. */
  readonly events: Readonly<Record<string, number>>;
}

export const sorts = ['pins', 'breaks', 'leases', 'age', 'path'] as const;
export type Sort = (typeof sorts)[number];

export interface View {
  readonly mountPoint: string;
  readonly sort: Sort;
  /** Only files whose path, owner or kind has it. */
  readonly filter: string;
  /** Being typed. */
  readonly typing: boolean;
}

/** One file with what is held of it. */
interface FileRow {
  readonly path: string;
  readonly leases: number;
  /** Of its first lease. */
  readonly kind: string;
  readonly owner: string;
  readonly state: string;
  readonly pins: number;
  readonly pinned: number;
  /** ms until the next break is forced; Infinity when none is pending. */
  readonly breakMs: number;
  readonly ageMs: number;
}

export function fileRows(
  { leases, pins }: Pick<Look, 'leases' | 'pins'>,
  { mountPoint, sort, filter }: View,
) {
  const byFile = new Map<number, FileRow>();
  for (const lease of leases) {
    const { ino, owner, ageMs } = lease;
    const row = byFile.get(ino);
    const breakMs = Math.min(
      row?.breakMs ?? Number.POSITIVE_INFINITY,
      lease.breakMs ?? Number.POSITIVE_INFINITY,
    );
    byFile.set(ino, {
      path: row?.path ?? pathText(mountPoint, lease),
      leases: (row?.leases ?? 0) + 1,
      kind: row?.kind ?? lease.kind,
      owner: row?.owner ?? `${owner.pid} ${owner.command}${owner.alive ? '' : ' (dead)'}`,
      state: worse(row?.state, lease.state),
      pins: 0,
      pinned: 0,
      breakMs,
      ageMs: Math.max(row?.ageMs ?? 0, ageMs),
    });
  }
  for (const { ino, len } of pins) {
    const row = byFile.get(ino);
    if (row !== undefined) byFile.set(ino, { ...row, pins: row.pins + 1, pinned: row.pinned + len });
  }
  const wanted = filter.toLowerCase();
  return [...byFile.values()]
    .filter(({ path, owner, kind }) => `${path} ${owner} ${kind}`.toLowerCase().includes(wanted))
    .sort((a, b) => order[sort](a, b) || (a.path < b.path ? -1 : 1));
}

const order: Record<Sort, (a: FileRow, b: FileRow) => number> = {
  pins: (a, b) => b.pinned - a.pinned,
  breaks: (a, b) => (a.breakMs === b.breakMs ? 0 : a.breakMs - b.breakMs),
  leases: (a, b) => b.leases - a.leases,
  age: (a, b) => b.ageMs - a.ageMs,
  path: () => 0,
};

function worse(a: string | undefined, b: string): string {
  const rank = ['held', 'zombie', 'breaking'];
  return a !== undefined && rank.indexOf(a) > rank.indexOf(b) ? a : b;
}

/** What --json prints. */
export function topJson(look: Look, view: View): object {
  // JSON has no infinity.
  const files = fileRows(look, view).map(row => ({
    ...row,
    breakMs: row.breakMs === Number.POSITIVE_INFINITY ? null : row.breakMs,
  }));
  return { mount: view.mountPoint, status: look.status, files, events: look.events };
}

/** @param before the last look, for what happens a second. @param columns of the terminal: paths are cut to fit. */
export function screen(
  look: Look,
  before: Look | undefined,
  view: View,
  columns = Number.POSITIVE_INFINITY,
): string[] {
  return [...header(look, before, view), '', ...body(look, view, pathColumns(columns))];
}

/** Of a terminal: half of a narrow one, all but the other columns of a wide one. */
const pathColumns = (columns: number): number => Math.max(Math.floor(columns / 2), columns - OTHER_COLUMNS);
/** What the columns behind the path take, mostly. */
const OTHER_COLUMNS = 80;

function header({ at, status, leases, pins, events }: Look, before: Look | undefined, view: View): string[] {
  const count = (name: string): number => events[name] ?? 0;
  const rate = (name: string): string => {
    if (before === undefined || at <= before.at) return '';
    // Another daemon has begun to count anew.
    const already = before.events[name] ?? 0;
    const more = count(name) >= already ? count(name) - already : count(name);
    const perSecond = (more * 1000) / (at - before.at);
    return ` (${perSecond.toFixed(1)}/s)`;
  };
  const breaking = leases.filter(({ state }) => state === 'breaking').length;
  const zombies = leases.filter(({ state }) => state === 'zombie').length;
  let pinned = 0;
  for (const { len } of pins) pinned += len;
  const path = status.passthrough ? 'passthrough' : 'daemon';
  return [
    `leasefs top: ${view.mountPoint}, ${status.store} store, ${path}, ${readableSize(status.used)} of ${readableSize(status.size)}`,
    `leases ${leases.length}: ${breaking} breaking, ${zombies} zombie; pins ${pins.length}: ${readableSize(pinned)}; waiting ${status.waiters}; files ${status.files}`,
    `refused ${count('refused')}${rate('refused')}; breaks ${count('break')}${rate('break')}: ${count('answered')} answered, ${count('forced')} forced`,
    `sort: ${view.sort}; ${view.typing ? `filter: ${view.filter}_` : view.filter === '' ? 'no filter' : `filter: ${view.filter}`}`,
  ];
}

function body(look: Look, view: View, width: number): string[] {
  const rows = fileRows(look, view);
  if (rows.length === 0) return [view.filter === '' ? 'no leases' : 'no leases that the filter lets through'];
  return table<FileRow>(
    [
      { title: 'PATH', cell: ({ path }) => endOf(path, width) },
      { title: 'PINS', right: true, cell: ({ pins }) => `${pins}` },
      { title: 'PINNED', right: true, cell: ({ pinned }) => readableSize(pinned) },
      { title: 'LEASES', right: true, cell: ({ leases }) => `${leases}` },
      { title: 'KIND', cell: ({ kind }) => kind },
      { title: 'STATE', cell: ({ state }) => state },
      {
        title: 'BREAK',
        right: true,
        cell: ({ breakMs }) => (breakMs === Infinity ? '' : readableAge(breakMs)),
      },
      { title: 'AGE', right: true, cell: ({ ageMs }) => readableAge(ageMs) },
      { title: 'OWNER', cell: ({ owner }) => owner },
    ],
    rows,
  );
}

/** The end of a path tells files apart. */
function endOf(path: string, width: number): string {
  const chars = [...path];
  return chars.length <= width ? path : `…${chars.slice(chars.length - width + 1).join('')}`;
}

/** Cut to a terminal, the last line being the keys. */
export function fit(lines: readonly string[], columns: number, rows: number): string[] {
  const keys = 'q quit  s sort  / filter  p b l a f: by pins, breaks, leases, age, path';
  const shown = lines.slice(0, Math.max(rows - 1, 0));
  const cut = (line: string): string => {
    const chars = [...line];
    return chars.length <= columns ? line : `${chars.slice(0, columns - 1).join('')}…`;
  };
  const padding = Array<string>(Math.max(rows - 1 - shown.length, 0)).fill('');
  return [...shown, ...padding, keys].map(cut);
}
