// The picture of a file (layout-picture.ts) as SVG, complete in print too: an axis in bytes, kind and owner of each row, a
// legend. What a shape is in detail its title says, where the viewer shows one.
import { printable } from '../base/words.js';
import { type Picture, piecesFor, pinnersOf } from './layout-picture.js';
import { exactSize, readableSize } from './sizes.js';

const WIDTH = 1200;
/** Of the labels. */
const LEFT = 350;
const RIGHT = 40;
const ROW = 26;
const BAR = 16;
const MARGIN = 10;
/** From a row's top to the base line of its text. */
const TEXT = 12;
/** Parts of the axis, at most. */
const TICKS = 8;

const fills = { written: '#4878a8', unwritten: '#a9c4de', hole: '#ffffff' } as const;
const UNBREAKABLE = '#666666';
const BREAKABLE = '#cccccc';
const MAPPED = '#bcd9bc';
const hues = ['#c8553d', '#e09f3e', '#6a994e', '#7b2d8b', '#3d8b8b', '#8b5e3d'] as const;

export function pictureSvg(picture: Picture): string {
  const { path, size, store, layout, leases, mappings } = picture;
  const pieces = piecesFor(picture, []);
  const last = pieces.at(-1);
  const end = last === undefined ? 1 : last.off + last.len;
  const x = (byte: number): number => LEFT + (Math.min(byte, end) / end) * (WIDTH - LEFT - RIGHT);
  const drawing = new Drawing();
  const part = (off: number, len: number, fill: string, title: string): void =>
    drawing.box(x(off), x(off + len), fill, title);

  drawing.text(MARGIN, `${path}: ${readableSize(size)}, ${layout.extents.length} extents, ${store} store`);
  drawing.down();
  const ticks = last === undefined ? [0] : ticksOf(end);
  drawing.text(MARGIN, 'bytes');
  for (const tick of ticks) drawing.text(x(tick), exactSize(tick), 'middle');
  drawing.down();
  const top = drawing.y;
  for (const { id, kind, state, owner, pins } of leases) {
    const of = `${owner.pid} ${owner.command}`;
    drawing.text(MARGIN, `lease ${id}: ${kind}, ${of}`);
    part(0, end, colourOf(kind), `${kind}, ${state}, of ${of}, ${pins} pins under it`);
    drawing.down();
  }
  drawing.text(MARGIN, 'blocks');
  for (const { off, len, state } of pieces) part(off, len, fills[state], `${state} ${range(off, len)}`);
  drawing.down();
  for (const [n, { name, pins }] of pinnersOf(picture).entries()) {
    const zombie = pins.some(pin => pin.zombie) ? ', zombie' : '';
    drawing.text(MARGIN, `${pins.length === 1 ? 'pin' : `${pins.length} pins`}: ${name}${zombie}`);
    for (const { id, off, len } of pins)
      part(off, len, hues[n % hues.length]!, `pin ${id} ${range(off, len)}`);
    drawing.down();
  }
  for (const { pid, command, off, len, huge } of mappings) {
    drawing.text(MARGIN, `mapped: ${pid} ${command}`);
    part(off, len, MAPPED, `${range(off, len)}, ${exactSize(huge)} in huge pages`);
    drawing.down();
  }
  for (const tick of ticks) drawing.line(x(tick), top - ROW + BAR, drawing.y - ROW + BAR);
  drawing.down();
  let at = MARGIN;
  for (const [text, fill] of legend) {
    drawing.box(at, at + BAR, fill, text);
    drawing.text(at + BAR + 6, text);
    at += BAR + 28 + text.length * 7;
  }
  drawing.down();
  return drawing.svg();
}

const legend = [
  ['written', fills.written],
  ['unwritten', fills.unwritten],
  ['hole', fills.hole],
  ['unbreakable lease', UNBREAKABLE],
  ['breakable lease', BREAKABLE],
  ['pinned, a colour a process', hues[0]],
  ['mapped', MAPPED],
] as const;

const colourOf = (kind: string): string => (kind.endsWith(',breakable') ? BREAKABLE : UNBREAKABLE);

/** From 0 on, at a power of two of bytes each, and the end where the last one leaves room for its text. */
function ticksOf(end: number): number[] {
  const step = 2 ** Math.max(Math.ceil(Math.log2(end / TICKS)), 0);
  const ticks: number[] = [];
  for (let at = 0; at < end; at += step) ticks.push(at);
  if (end - ticks.at(-1)! < step / 2 && ticks.length > 1) ticks.pop();
  return [...ticks, end];
}

/** Shapes from the top down. */
class Drawing {
  y = MARGIN;
  private readonly behind: string[] = [];
  private readonly shapes: string[] = [];

  /** To the next row. */
  down(): void {
    this.y += ROW;
  }

  text(x: number, text: string, anchor: 'start' | 'middle' = 'start'): void {
    this.shapes.push(
      `<text x="${x.toFixed(1)}" y="${this.y + TEXT}" text-anchor="${anchor}">${escaped(text)}</text>`,
    );
  }

  box(from: number, to: number, fill: string, title: string): void {
    const width = Math.max(to - from, 1).toFixed(1);
    this.shapes.push(
      `<rect x="${from.toFixed(1)}" y="${this.y}" width="${width}" height="${BAR}" fill="${fill}" stroke="#333" stroke-width="0.5"><title>${escaped(title)}</title></rect>`,
    );
  }

  /** Behind the other shapes. */
  line(x: number, from: number, to: number): void {
    const at = x.toFixed(1);
    this.behind.push(
      `<line x1="${at}" y1="${from}" x2="${at}" y2="${to}" stroke="#999" stroke-width="0.5"/>`,
    );
  }

  svg(): string {
    const height = this.y;
    const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`;
    const style = '<style>text{font:12px sans-serif;fill:#222}</style>';
    const ground = '<rect width="100%" height="100%" fill="#ffffff"/>';
    return `${[open, style, ground, ...this.behind, ...this.shapes, '</svg>'].join('\n')}\n`;
  }
}

const range = (off: number, len: number): string => `[${exactSize(off)},${exactSize(off + len)})`;

/** As XML has it; what XML cannot hold is shown as on a terminal. */
const escaped = (text: string): string =>
  printable(text).replace(/[&<>"]/g, char => `&#${char.charCodeAt(0)};`);
