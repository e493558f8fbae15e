// A file as a picture: its blocks and holes, the ranges that each process has pinned, the leases over it. As lines for a
// terminal, and as SVG; both from the same facts.
import { printable } from '../base/words.js';
import type { FileLayout, ReportedLease, ReportedPin } from '../client/index.js';
import type { FileMapping } from '../process/file-mappings.js';
import { extentBar, legend } from './extent-bar.js';
import { mappingTexts } from './mapped-by.js';
import { type Piece, piecesOf } from './pieces.js';
import { exactSize, readableAge, readableSize } from './sizes.js';

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

function pinnersOf({ pins }: Picture): Pinner[] {
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

const piecesFor = ({ layout, size }: Picture, pins: readonly ReportedPin[]): Piece[] =>
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
  return leases.map(({ id, kind, state, must, breakMs, owner, pins }) => {
    const now = state === 'breaking' ? `breaking to ${must} in ${readableAge(breakMs ?? 0)}` : state;
    return `lease ${id}: ${kind}, ${now}, of ${owner.pid} ${printable(owner.command)}, ${pins} pins under it`;
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

const SVG = { width: 960, left: 120, row: 26, bar: 16 } as const;
const fills = { written: '#4878a8', unwritten: '#a9c4de', hole: '#ffffff' } as const;
const hues = ['#c8553d', '#e09f3e', '#6a994e', '#7b2d8b', '#3d8b8b', '#8b5e3d'] as const;

export function pictureSvg(picture: Picture): string {
  const { path, size, store, layout, leases } = picture;
  const pieces = piecesFor(picture, []);
  const last = pieces.at(-1);
  const end = last === undefined ? 1 : last.off + last.len;
  const x = (byte: number): number => SVG.left + (byte / end) * (SVG.width - SVG.left - 16);
  let y = 16;
  const shapes: string[] = [];
  const label = (text: string, at = 8): void => {
    shapes.push(`<text x="${at}" y="${y + 12}">${escaped(text)}</text>`);
  };
  const box = (begin: number, to: number, fill: string, title: string): void => {
    const width = Math.max(x(to) - x(begin), 1);
    shapes.push(
      `<rect x="${x(begin).toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${SVG.bar}" fill="${fill}" stroke="#333" stroke-width="0.5"><title>${escaped(title)}</title></rect>`,
    );
  };
  label(`${path}: ${readableSize(size)}, ${layout.extents.length} extents, ${store} store`);
  y += SVG.row;
  for (const { id, kind, owner, state } of leases) {
    label(`lease ${id}`);
    const fill = kind.endsWith(',breakable') ? '#bbbbbb' : '#666666';
    box(0, end, fill, `${kind}, ${state}, of ${owner.pid} ${owner.command}`);
    y += SVG.row;
  }
  label('blocks');
  for (const { off, len, state } of pieces) box(off, off + len, fills[state], `${state} ${range(off, len)}`);
  y += SVG.row;
  pinnersOf(picture).forEach(({ name, pins }, n) => {
    label(name);
    for (const { id, off, len } of pins)
      box(off, off + len, hues[n % hues.length]!, `pin ${id} ${range(off, len)}`);
    y += SVG.row;
  });
  for (const { pid, command, off, len, huge } of picture.mappings) {
    label(`mapped ${pid} ${command}`);
    box(off, Math.min(off + len, end), '#bcd9bc', `${range(off, len)}, ${exactSize(huge)} in huge pages`);
    y += SVG.row;
  }
  const style = '<style>text{font:12px sans-serif;fill:#222}</style>';
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${SVG.width}" height="${y}" viewBox="0 0 ${SVG.width} ${y}">`;
  return `${[open, style, '<rect width="100%" height="100%" fill="#ffffff"/>', ...shapes, '</svg>'].join('\n')}\n`;
}

const range = (off: number, len: number): string => `[${exactSize(off)},${exactSize(off + len)})`;

/** As XML has it; what XML cannot hold is shown as on a terminal. */
const escaped = (text: string): string =>
  printable(text).replace(/[&<>"]/g, char => `&#${char.charCodeAt(0)};`);
