// The memory of a store's extent maps: an anonymous mapping, with huge pages beyond its first part. Look-ups in a large
// file miss the TLB: with a million extents huge pages save a quarter of their time (bench/README.md).
// Counterpart: madvise(2) with MADV_HUGEPAGE, Documentation/admin-guide/mm/transhuge.rst.
import { MADV_HUGEPAGE } from '../base/linux.js';
import { ExtentArena } from '../extent/index.js';
import { native } from '../native/binding.js';

/** In small pages: the bitmaps and the first words, so that a store of few extents commits no more than it touches. */
const SMALL_WORDS = 2 ** 21;
const SMALL_PAGE = 2 ** 12;

/** @param pages of the arena, 2 to 2^21. @throws ENOMEM. */
export function arenaInHugePages(pages: number): ExtentArena {
  const memory = native.mapAnonymous(ExtentArena.bytesFor(pages));
  const arena = new ExtentArena(memory);
  const from = Math.ceil((arena.words.byteOffset + SMALL_WORDS) / SMALL_PAGE) * SMALL_PAGE;
  // Advice: a kernel that knows no transparent huge pages answers EINVAL, and the pages stay small.
  if (from < memory.byteLength) native.madvise(memory, from, memory.byteLength - from, MADV_HUGEPAGE);
  return arena;
}
