// Why a store that has freed blocks has no room: clients may still map those blocks (layouts).
import { errno } from '../../base/errno.js';
import type { Answer } from '../operations.js';
import type { Superblock } from './superblock.js';

const MIB = 2 ** 20;

/** Freed blocks that no file gets yet, and until when; undefined where there are fewer bytes of them than `least`. */
export function keptBlocks({ store }: Superblock, least = 1): string | undefined {
  const kept = store.lent()?.kept ?? 0;
  if (kept < least) return undefined;
  return `${Math.ceil(kept / MIB)} MiB of freed blocks are kept until the processes that have them by layouts unmap them or end ('leasefs status' names these processes)`;
}

/** Answers the result of a call that takes blocks; says why there are none. */
export function saysNoSpace(sb: Superblock, uid: number, result: Answer): Answer {
  if (result !== -errno.ENOSPC) return result;
  const kept = keptBlocks(sb);
  if (kept !== undefined) sb.log(`ENOSPC to user ${uid}: ${kept}`, uid);
  return result;
}
