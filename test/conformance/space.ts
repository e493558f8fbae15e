// A full file system: what every operation does when there is no block or no inode left, on one of 4 MiB and 64 inodes.
// Nothing is half done, what is there stays usable, and what is removed can be had again.
import { timeFactor } from '../support/time-factor.js';
import { type Check, script } from './check.js';

/** How small the file system of these checks is. */
export const SPACE = { bytes: 4 << 20, inodes: 64 } as const;

/**
 * Seconds. RELEASE of the last close and FORGET come after the call has returned, so blocks and inodes are free a moment
 * later: the checks wait for what must come, and ask for what must be refused while nothing is under way.
 */
const WAIT_S = 60 * timeFactor;

const space = (name: string): Check => script(name, WAIT_S);

/** Of blocks that a write takes by itself. The kernel serves a direct file's writes without asking us. */
export const written: Readonly<Record<string, Check>> = {
  'a write takes what fits and says how much, the next is ENOSPC and changes nothing': space(
    'full-write-takes-what-fits',
  ),

  'pwrite far beyond the end, O_APPEND and O_DIRECT: ENOSPC, neither size nor blocks change':
    space('full-write-far-out'),

  'writev of which half fits: so many bytes, in order': space('full-writev-half-fits'),

  'a write over a hole amid data: what lies in front of it is written, what lies behind it stays':
    space('full-write-over-hole'),

  'six processes write the last blocks: all of them are taken, none twice': space('full-six-writers'),

  'sendfile: a short count, then ENOSPC': space('full-sendfile-short'),

  'a store into a hole by mapping: SIGBUS, or msync says ENOSPC and the data go when the page goes':
    space('full-store-into-hole'),
};

export const asked: Readonly<Record<string, Check>> = {
  'fallocate beyond what is free: ENOSPC, and no block of it stays': space('full-fallocate-beyond-space'),

  'a punch and a truncate need no block, and what they free can be had again': space('full-freed-by-punch'),

  'copy_file_range: what fits, then ENOSPC; the source stays': space('full-copy-what-fits'),

  'an unlinked file keeps its blocks and its inode until the last close': space('full-unlinked-keeps-blocks'),

  'names need no block: files, directories, links, renames and attributes are had on a full one':
    space('full-names-need-no-block'),

  'no inode left: create, mkdir, symlink, mknod and O_TMPFILE are ENOSPC and leave the directory as it was':
    space('full-no-inode-left'),

  'extended attributes end at ENOSPC; what was set stays, and removing one makes room for another':
    space('full-xattrs-end'),
};
