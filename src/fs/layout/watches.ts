// Watches: what a break descriptor reports (B1), and how a program connects one. A watch belongs to one open file
// description: of a file it reports breaks of the lease, of a stream of `.leasefs` that there is something to read.
// src/control has the descriptor itself, behind the interface here.
import { randomBytes } from 'node:crypto';
import { type Kind, NONE } from '../../abi/kinds.js';
import { errno } from '../../base/errno.js';
import { S_IFREG } from '../../base/linux.js';
import type { FileHandle } from '../../base/units.js';
import type { Caller, Watched } from '../operations.js';
import type { LeasePlane } from './plane.js';

/** The holders of the descriptors. */
export interface Watchers {
  /** Where the caller can connect: an abstract address of its network namespace; or `-errno` (ENETUNREACH, EMFILE). */
  address(caller: Caller): string | number;
  /**
   * The answer of `newsOf` for the description may have changed. @param news notify watchers even if it is the same.
   * @returns the number of watchers.
   */
  changed(fh: FileHandle, news: boolean): number;
  /** The description has ended. */
  closed(fh: FileHandle): void;
}

/** What a watch tells of its description now. */
export interface News {
  /** During a break what the lease must become (L8). */
  readonly kind: Kind;
  /** ms until a pending break is forced; 0 without one. */
  readonly breakMs: number;
  /** Of a stream: whether a read would not wait. */
  readonly readable: boolean;
}

const NOTHING: News = { kind: NONE, breakMs: 0, readable: false };
const READABLE: News = { kind: NONE, breakMs: 0, readable: true };

/** Before the first operation, and behind the tree of virtual files. */
export function watchBy(plane: LeasePlane, watchers: Watchers): void {
  plane.watchers = watchers;
  if (plane.sb.virtual === undefined) return;
  plane.sb.virtual.streamWatch = {
    changed: fh => watchers.changed(fh, false),
    closed: fh => forgetToken(plane, fh),
  };
}

/** The way to a watch of the description; EINVAL: it is neither of a regular file nor a stream. */
export function watch(plane: LeasePlane, caller: Caller, fh: FileHandle): Watched | number {
  const { sb, watchers } = plane;
  const watched = sb.handles.get(fh)?.inode.type === S_IFREG || sb.virtual?.isStream(fh) === true;
  if (!watched) return -errno.EINVAL;
  const address = watchers?.address(caller) ?? -errno.EOPNOTSUPP;
  return typeof address === 'number' ? address : { token: tokenOf(plane, fh), address };
}

/**
 * The token is a capability: only a holder of the description can learn it, so presenting it proves possession (N4, B1).
 */
export function tokenOf(plane: LeasePlane, fh: FileHandle): bigint {
  const known = plane.tokens.get(fh);
  if (known !== undefined) return known;
  const token = randomBytes(8).readBigUInt64LE() | 1n;
  plane.tokens.set(fh, token);
  plane.byToken.set(token, fh);
  plane.journal?.token(fh, token);
  return token;
}

/** The description has ended: its token names nothing any more. */
export function forgetToken(plane: LeasePlane, fh: FileHandle): void {
  const token = plane.tokens.get(fh);
  if (token === undefined) return;
  plane.tokens.delete(fh);
  plane.byToken.delete(token);
  plane.journal?.tokenGone(fh);
  plane.watchers?.closed(fh);
}

/** undefined: there is no such description (any more). Of a stream `Watchers.changed` follows when it may be ready. */
export function newsOf(plane: LeasePlane, fh: FileHandle): News | undefined {
  const { sb, leases } = plane;
  const file = sb.handles.get(fh);
  if (file === undefined) {
    if (sb.virtual?.isStream(fh) !== true) return undefined;
    if (sb.virtual.isReady(fh)) return READABLE;
    sb.virtual.listen(fh);
    return NOTHING;
  }
  const lease = leases.leases(file.inode.ino).find(({ description }) => description === fh);
  if (lease === undefined) return NOTHING;
  const { breaking, kind } = lease;
  return { kind: breaking?.must ?? kind, breakMs: msUntilForced(plane, breaking), readable: false };
}

/** 1 at least; 0 without a break. */
function msUntilForced(plane: LeasePlane, breaking: { readonly until: number } | undefined): number {
  return breaking === undefined ? 0 : Math.max(1, Math.ceil(breaking.until - plane.monotonic()));
}
