// INIT: which of the kernel's offers we take (pure), and the two records.
//
//   fuse_init_in   0 major  4 minor  8 max_readahead  12 flags  16 flags2 (with INIT_EXT)
//   fuse_init_out  0 major  4 minor  8 max_readahead  12 flags  16 max_background  18 congestion_threshold
//                 20 max_write  24 time_gran  28 max_pages  30 map_alignment  32 flags2  36 max_stack_depth
import { PAGE } from '../base/linux.js';
import {
  ASYNC_READ,
  ATOMIC_O_TRUNC,
  BIG_WRITES,
  CACHE_SYMLINKS,
  DIRECT_IO_ALLOW_MMAP,
  DO_READDIRPLUS,
  DONT_MASK,
  EXPORT_SUPPORT,
  HANDLE_KILLPRIV_V2,
  HAS_RESEND,
  INIT_EXT,
  MAX_PAGES,
  PARALLEL_DIROPS,
  PASSTHROUGH,
  POSIX_ACL,
  READDIRPLUS_AUTO,
} from './flags.js';
import type { Reply } from './wire/reply.js';
import type { Request } from './wire/request.js';

export const MAJOR = 7;
/** The kernels that we serve: from 5.4 on. */
export const OLDEST_MINOR = 31;
/** The newest protocol that was read and tried. */
export const NEWEST_MINOR = 45;

/** Bytes of one WRITE or READ at most. */
const MAX_WRITE = 1 << 20;
/** The channel's buffers: the longest record is a WRITE, its headers fit in a page. */
export const BUFFER_SIZE = MAX_WRITE + PAGE;

const INIT_OUT = 64;
const MAX_BACKGROUND = 64;
const CONGESTION_THRESHOLD = 48;

// Not taken, and why. WRITEBACK_CACHE: excludes passthrough, and the kernel would own sizes and times. POSIX_LOCKS and
// FLOCK_LOCKS: the kernel keeps locks itself.
// SECURITY_CTX, CREATE_SUPP_GROUP, SETXATTR_EXT: longer bodies without anything that we need.
const WANTED =
  ASYNC_READ |
  ATOMIC_O_TRUNC |
  EXPORT_SUPPORT |
  BIG_WRITES |
  DO_READDIRPLUS |
  READDIRPLUS_AUTO |
  PARALLEL_DIROPS |
  MAX_PAGES |
  CACHE_SYMLINKS |
  // Without it the kernel asks for the xattr security.capability before each write, by passthrough too. With it we clear
  // setuid and setgid where the request says so (files.ts). The kernel does not report a passthrough write, so the
  // filesystem clears them when it sees that the file was written.
  HANDLE_KILLPRIV_V2 |
  POSIX_ACL |
  DONT_MASK | // a directory's default ACL takes the umask's place
  INIT_EXT;
const WANTED2 = DIRECT_IO_ALLOW_MMAP | HAS_RESEND;

interface Offer {
  readonly major: number;
  readonly minor: number;
  /** Bytes. */
  readonly maxReadahead: number;
  readonly flags: number;
  readonly flags2: number;
}

interface Agreement {
  readonly minor: number;
  readonly maxReadahead: number;
  readonly flags: number;
  readonly flags2: number;
  readonly passthrough: boolean;
}

/** What the mount asks for. */
export interface Wishes {
  readonly passthrough: boolean;
  readonly acls: boolean;
  /** Whether file handles lead to files (open_by_handle_at, NFS); undefined: where that does no harm. */
  readonly handles: boolean | undefined;
  /** Whether each readlink(2) comes as a request. */
  readonly everyReadlink: boolean;
}

/**
 * Linux 6.16. From then on the kernel takes a dentry that a file handle led to as stale (its epoch is 0), without asking
 * us. overlayfs keeps handles of lower files: after a drop of the caches a file that it has copied up is ESTALE.
 */
const EPOCH_MINOR = 44;

/** Precondition: a well-formed INIT. */
export function readOffer(request: Request): Offer {
  const flags = request.u32(12);
  return {
    major: request.u32(0),
    minor: request.u32(4),
    maxReadahead: request.u32(8),
    flags,
    flags2: flags & INIT_EXT && request.length >= 20 ? request.u32(16) : 0,
  };
}

/**
 * What we take. Precondition: major 7, a minor that we serve. ATOMIC_O_TRUNC with passthrough alone: an O_TRUNC that waits
 * for a lease break holds no inode lock (F19). But after OPEN's answer the kernel cuts its page cache, and its size of the
 * file, without that lock too, so it could cut what a process has extended, pinned and stored since then.
 */
export function agree(offer: Offer, { passthrough, acls, handles, everyReadlink }: Wishes): Agreement {
  const flags2 = offer.flags2 & (passthrough ? WANTED2 | PASSTHROUGH : WANTED2);
  const passes = (flags2 & PASSTHROUGH) !== 0;
  const exports = handles ?? offer.minor < EPOCH_MINOR;
  const unwanted =
    (acls ? 0 : POSIX_ACL) |
    (passes ? 0 : ATOMIC_O_TRUNC) |
    (exports ? 0 : EXPORT_SUPPORT) |
    (everyReadlink ? CACHE_SYMLINKS : 0);
  return {
    minor: Math.min(offer.minor, NEWEST_MINOR),
    maxReadahead: offer.maxReadahead,
    flags: (offer.flags & WANTED & ~unwanted) >>> 0,
    flags2,
    passthrough: passes,
  };
}

/** fuse_init_out; its length. */
export function putAgreement(reply: Reply, agreement: Agreement): number {
  reply.clear(0, INIT_OUT);
  reply.setU32(0, MAJOR);
  reply.setU32(4, agreement.minor);
  reply.setU32(8, agreement.maxReadahead);
  reply.setU32(12, agreement.flags);
  reply.setU32(16, MAX_BACKGROUND | (CONGESTION_THRESHOLD << 16));
  reply.setU32(20, MAX_WRITE);
  reply.setU32(24, 1); // time_gran, ns
  reply.setU32(28, MAX_WRITE / PAGE); // max_pages; map_alignment 0
  reply.setU32(32, agreement.flags2);
  // A memfd is no stacking filesystem: depth 1 is what passthrough needs at least, 0 turns it off.
  reply.setU32(36, agreement.passthrough ? 1 : 0);
  return INIT_OUT;
}

/** The answer to a kernel of a later major version, which then sends INIT again with ours; its length. */
export function putMajor(reply: Reply): number {
  reply.clear(0, INIT_OUT);
  reply.setU32(0, MAJOR);
  reply.setU32(4, NEWEST_MINOR);
  return INIT_OUT;
}
