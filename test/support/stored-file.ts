// What a stored file is, as tests compare it.
import * as assert from 'uvu/assert';
import { Extent, FileStat, type StoredFile } from '../../src/store/file-store.js';

export const bytesOf = (file: StoredFile): Buffer<ArrayBuffer> => {
  const out = Buffer.alloc(file.size());
  if (out.length > 0) {
    const into = new ArrayBuffer(out.length);
    assert.is(file.read(0, out.length, into, 0), out.length);
    Buffer.from(into).copy(out);
  }
  return out;
};
export const statOf = (file: StoredFile): FileStat => {
  const stat = new FileStat();
  file.stat(stat);
  return stat;
};
export function extentsOf(file: StoredFile): Extent[] {
  const extents: Extent[] = [];
  for (let at = 0; ; ) {
    const extent = new Extent();
    if (!file.nextExtent(at, extent)) return extents;
    extents.push(extent);
    at = extent.off + extent.len;
  }
}
export function write(file: StoredFile, off: number, len: number, byte: number): void {
  assert.is(file.write(off, len, new Uint8Array(len).fill(byte).buffer, 0), len);
}
