// A file's extents as one line for a terminal, and the pins under it as another.
import type { Piece } from './pieces.js';

const marks = { written: '█', unwritten: '▒', hole: '·' } as const;
const PINNED = '▲';

/** What the marks mean. */
export const legend = `${marks.written} written  ${marks.unwritten} unwritten  ${marks.hole} hole  ${PINNED} pinned`;

/**
 * Each cell stands for an equal part of the file and shows the most of what is in it: written before unwritten before
 * hole. The second line is there when something is pinned.
 */
export function extentBar(pieces: readonly Piece[], width: number): string[] {
  const size = Math.max(...pieces.map(({ off, len }) => off + len));
  const cells: string[] = Array(width).fill(marks.hole);
  const under: string[] = Array(width).fill(' ');
  const fill = (line: string[], begin: number, end: number, mark: string): void => {
    const last = Math.max(Math.ceil((end / size) * width), 1);
    for (let cell = Math.floor((begin / size) * width); cell < last; cell++) line[cell] = mark;
  };
  for (const state of ['unwritten', 'written'] as const) {
    for (const piece of pieces) {
      if (piece.state === state) fill(cells, piece.off, piece.off + piece.len, marks[state]);
    }
  }
  for (const { pinned } of pieces) for (const { begin, end } of pinned) fill(under, begin, end, PINNED);
  const pins = under.join('').trimEnd();
  return pins === '' ? [cells.join('')] : [cells.join(''), pins];
}
