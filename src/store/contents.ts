// One stored file made into a copy of another: size, data and blocks; holes stay holes.
import { Extent, type StoredFile } from './file-store.js';

/** Bytes that are copied at once. */
const PIECE = 1 << 20;
const buffer = new ArrayBuffer(PIECE);
const extent = new Extent();

/** 0 or `-errno` (-ENOSPC). Precondition: `from` has data, or a hole to be zeroed, wherever `to` has data. */
export function copyContents(from: StoredFile, to: StoredFile): number {
  const size = from.size();
  const sized = to.setSize(size);
  if (sized < 0) return sized;
  for (let at = 0; at < size && from.nextExtent(at, extent); at = extent.off + extent.len) {
    const end = Math.min(extent.off + extent.len, size);
    const result = extent.unwritten
      ? to.allocate(extent.off, end - extent.off, true, false)
      : copyRange(from, to, extent.off, end);
    if (result < 0) return result;
  }
  return 0;
}

function copyRange(from: StoredFile, to: StoredFile, off: number, end: number): number {
  for (let at = off; at < end; ) {
    const read = from.read(at, Math.min(PIECE, end - at), buffer, 0);
    if (read <= 0) return read;
    const written = to.write(at, read, buffer, 0);
    if (written < 0) return written;
    at += written;
  }
  return 0;
}
