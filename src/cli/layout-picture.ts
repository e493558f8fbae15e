// A file as a picture: its blocks and holes, the ranges that each process has pinned, the leases over it. As lines for a
// terminal; layout-svg.ts draws the same facts.
import { printable } from '../base/words.js';
import type { FileLayout, ReportedLease, ReportedPin } from '../client/index.js';
import type { FileMapping } from '../process/file-mappings.js';
import { extentBar, legend } from './extent-bar.js';
import { mappingTexts } from './mapped-by.js';
import { type Piece, piecesOf } from './pieces.js';
import { exactSize, readableAge } from './sizes.js';

export interface Picture {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly store: string;
  readonly layout: FileLayout;
  readonly leases: readonly ReportedLease[];
  readonly pins: readonly ReportedPin[];
  /** Of the processes that the caller may look into. */
  readonly mappings: readonly FileMapping[];
}

/** The pins of one process. */
interface Pinner {
  /** A, B, ...: how the picture calls it. */
  readonly letter: string;
  readonly name: string;
  readonly pins: readonly ReportedPin[];
}

const LABEL = 9;
/** Pins of a process, and mappings, that are listed one by one. */
const LISTED = 8;

export function pinnersOf({ pins }: Picture): Pinner[] {
  const byProcess = new Map<string, ReportedPin[]>();
  for (const pin of pins) {
    const key = `${pin.pid} ${pin.start} ${pin.command}`;
    const own = byProcess.get(key);
    if (own === undefined) byProcess.set(key, [pin]);
    else own.push(pin);
  }
  return [...byProcess.values()].map((own, n) => ({
    letter: lettered(n),
    name: `${own[0]!.pid} ${printable(own[0]!.command)}`,
    pins: own,
  }));
}

const lettered = (n: number): string =>
  (n < 26 ? '' : lettered(Math.floor(n / 26) - 1)) + String.fromCharCode(65 + (n % 26));

export const piecesFor = ({ layout, size }: Picture, pins: readonly ReportedPin[]): Piece[] =>
  piecesOf(layout, pins, size);

/** @param width columns of the terminal. */
export function pictureLines(picture: Picture, width: number): string[] {
  const { path, size, store, layout, leases } = picture;
  const bar = Math.max(width - LABEL, 16);
  const pieces = piecesFor(picture, []);
  const labelled = (label: string, line: string): string => `${label.padEnd(LABEL)}${line}`.trimEnd();
  const head = `${printable(path)}: ${exactSize(size)}, ${layout.extents.length} extents, ${store} store`;
  if (pieces.length === 0) return [head, 'empty: no blocks and no holes', ...leaseTexts(leases)];
  const pinners = pinnersOf(picture);
  return [
    head,
    '',
    labelled('', scale(pieces, bar)),
    ...leases.map(({ id, kind }) => labelled(`lease ${id}`, leaseBar(kind, bar))),
    labelled('blocks', extentBar(pieces, bar)[0]!),
    ...pinners.map(({ letter, pins }) =>
      labelled(`pins ${letter}`, extentBar(piecesFor(picture, pins), bar)[1] ?? ''),
    ),
    '',
    legend,
    ...leaseTexts(leases),
    ...pinners.map(pinnerText),
    ...mappingTexts(picture.mappings.slice(0, LISTED)).map(text => `mapped by ${text}`),
    ...(picture.mappings.length > LISTED ? [`and ${picture.mappings.length - LISTED} more mappings`] : []),
  ];
}

function leaseTexts(leases: readonly ReportedLease[]): string[] {
  if (leases.length === 0) return ['no lease'];
  return leases.map(({ id, kind, state, must, breakMs, owner, pins, layout }) => {
    const now = state === 'breaking' ? `breaking to ${must} in ${readableAge(breakMs ?? 0)}` : state;
    const granted = layout === 0 ? '' : `, ${exactSize(layout)} granted by layouts`;
    return `lease ${id}: ${kind}, ${now}, of ${owner.pid} ${printable(owner.command)}, ${pins} pins under it${granted}`;
  });
}

function pinnerText({ letter, name, pins }: Pinner): string {
  const ranges = pins.slice(0, LISTED).map(({ off, len }) => `[${exactSize(off)},${exactSize(off + len)})`);
  const more = pins.length > LISTED ? ` and ${pins.length - LISTED} more` : '';
  const zombie = pins.some(pin => pin.zombie) ? ', zombie' : '';
  return `pins ${letter}: ${name}, ${ranges.join(' ')}${more}${zombie}`;
}

/** Breakable leases are a single line. */
function leaseBar(kind: string, width: number): string {
  const line = kind.endsWith(',breakable') ? '─' : '═';
  return `├${line.repeat(width - 2)}┤`;
}

function scale(pieces: readonly Piece[], width: number): string {
  const { off, len } = pieces.at(-1)!;
  const [middle, end] = [exactSize(Math.floor((off + len) / 2)), exactSize(off + len)];
  const half = Math.floor(width / 2);
  const left = `0${' '.repeat(Math.max(half - 1, 1))}${middle}`;
  return `${left}${' '.repeat(Math.max(width - left.length - end.length, 1))}${end}`;
}
