// The postconditions of a stored file's extents, for the tests of both stores (gVisor's CheckTranslateResult).
import * as assert from 'uvu/assert';
import { BLOCK, blocksFor } from '../../src/base/units.js';
import { Extent, FileStat, type StoredFile } from '../../src/store/file-store.js';

/** Blocks beyond the end that a test may have allocated. */
const FAR = 1 << 20;

/**
 * Extents are whole blocks, in the order of the file, apart, maximal, and not beyond the block of the last byte; what none
 * covers is a hole that reads as zeros, and so does what is unwritten. They have all the blocks that the file has within
 * its size.
 */
export function checkExtents(file: StoredFile, why?: string): void {
  const size = file.size();
  const bytes = new Uint8Array(size);
  assert.is(file.read(0, size, bytes.buffer, 0), size, why);
  const isZero = (from: number, to: number): boolean => bytes.subarray(from, to).every(byte => byte === 0);
  const extent = new Extent();
  let last: Extent | undefined;
  let end = 0;
  let covered = 0;
  while (file.nextExtent(end, extent)) {
    const { off, len } = extent;
    const where = `extent [${off}, ${off + len}), ${why ?? ''}`;
    assert.ok(off >= end && len > 0 && off % BLOCK === 0 && len % BLOCK === 0, where);
    assert.ok(off + len < size + BLOCK, `${where}: beyond the end`);
    assert.ok(isZero(end, off), `${where}: the hole in front of it reads as zeros`);
    assert.ok(!extent.unwritten || isZero(off, off + len), `${where}: unwritten, reads as zeros`);
    assert.ok(file.hasData(off / BLOCK, (off + len) / BLOCK), `${where}: has data`);
    const isNext =
      last !== undefined &&
      end === off &&
      last.segment === extent.segment &&
      last.unwritten === extent.unwritten;
    assert.ok(!isNext || last!.store + last!.len !== extent.store, `${where}: one with the last`);
    last = Object.assign(new Extent(), extent);
    end = off + len;
    covered += len;
  }
  const stat = new FileStat();
  file.stat(stat);
  const beyond = blocksFor(size);
  if (!file.hasData(beyond, beyond + FAR)) assert.is(covered, stat.blocks * 512, `blocks, ${why ?? ''}`);
  assert.ok(isZero(end, size), `the hole at the end reads as zeros, ${why ?? ''}`);
}
