// Why a store has no room: clients may still map blocks that were freed (layouts), or a user's files are in too many pieces.
import { errno } from '../../base/errno.js';
import type { Answer } from '../operations.js';
import type { Superblock } from './superblock.js';

const MIB = 2 ** 20;

/** Freed blocks that no file gets yet, and until when; undefined where there are fewer bytes of them than `least`. */
export function keptBlocks({ store, gate }: Superblock, least = 1): string | undefined {
  const kept = store.lent()?.kept ?? 0;
  if (kept < least) return undefined;
  const granted = gate.borrowers();
  const holders = granted === '' ? '' : `granted: ${granted}; `;
  return `${Math.ceil(kept / MIB)} MiB of freed blocks are kept until the processes that have them by layouts unmap them or end (${holders}'leasefs status' names those that map them)`;
}

/** Answers the result of a call that takes blocks; says why there are none. */
export function saysNoSpace(sb: Superblock, uid: number, result: Answer): Answer {
  if (result !== -errno.ENOSPC) return result;
  if (sb.store.isShort(uid))
    sb.log(
      `ENOSPC to user ${uid}: the extent maps of the user's files have no memory left: files with fewer pieces, or fewer far from each other, take less`,
      uid,
    );
  const kept = keptBlocks(sb);
  if (kept !== undefined) sb.log(`ENOSPC to user ${uid}: ${kept}`, uid);
  return result;
}
