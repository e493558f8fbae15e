// A file as pieces side by side, from its first byte to its last: extents and the holes between them, with what of each
// is pinned.
import type { FileLayout, Pin } from '../client/index.js';

export interface Piece {
  /** Bytes. An extent is whole blocks, the last hole ends with the file. */
  readonly off: number;
  readonly len: number;
  readonly state: 'written' | 'unwritten' | 'hole';
  /** Where it lies, 0 for the file itself, and bytes into that; null for a hole. */
  readonly segment: number | null;
  readonly store: number | null;
  /** Pinned parts, each pin by itself. */
  readonly pinned: readonly Range[];
}

/** Bytes, half open. */
interface Range {
  readonly begin: number;
  readonly end: number;
}

export function piecesOf(
  { extents }: FileLayout,
  pins: readonly Pick<Pin, 'off' | 'len'>[],
  size: number,
): Piece[] {
  const pieces: Piece[] = [];
  const hole = (off: number, end: number): void => {
    if (off < end)
      pieces.push(pieceOf({ off, len: end - off, state: 'hole', segment: null, store: null }, pins));
  };
  let at = 0;
  for (const { off, len, unwritten, segment, store } of extents) {
    hole(at, off);
    pieces.push(pieceOf({ off, len, state: unwritten ? 'unwritten' : 'written', segment, store }, pins));
    at = off + len;
  }
  hole(at, size);
  return pieces;
}

function pieceOf(piece: Omit<Piece, 'pinned'>, pins: readonly Pick<Pin, 'off' | 'len'>[]): Piece {
  const { off, len } = piece;
  const pinned = pins
    .map(pin => ({ begin: Math.max(pin.off, off), end: Math.min(pin.off + pin.len, off + len) }))
    .filter(({ begin, end }) => begin < end);
  return { ...piece, pinned };
}
