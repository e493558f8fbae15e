// POSIX ACLs as their xattrs hold them (acl(5), linux/posix_acl_xattr.h). The kernel applies them, and checks who may set
// them and that they are well formed (FUSE_POSIX_ACL); the server must keep lists and mode bits in step. Pure.
//
//   header  0 version 2
//   entry   0 tag  2 permissions  4 id
import type { Name } from '../../base/units.js';

export const ACCESS_ACL = 'system.posix_acl_access' as Name;
/** A directory's: what is made in it gets it as its access ACL, and a directory as its default ACL too. */
export const DEFAULT_ACL = 'system.posix_acl_default' as Name;

const VERSION = 2;
const HEADER = 4;
const ENTRY = 8;
const USER_OBJ = 1;
const GROUP_OBJ = 4;
const MASK = 16;
const OTHER = 32;

export const isAclName = (name: Name): boolean => name === ACCESS_ACL || name === DEFAULT_ACL;

/** Where the permissions of the entry stand; undefined when there is none. */
function find(acl: Uint8Array, tag: number): number | undefined {
  for (let at = HEADER; at < acl.length; at += ENTRY) {
    if (acl[at] === tag && acl[at + 1] === 0) return at + 2;
  }
  return undefined;
}

/** Where the three places stand that mode bits have, which are the mask's in place of the group's where there is one. */
function modePlaces(acl: Uint8Array): readonly [owner: number, group: number, other: number] | undefined {
  if (acl.length % ENTRY !== HEADER || acl[0] !== VERSION) return undefined;
  const owner = find(acl, USER_OBJ);
  const group = find(acl, GROUP_OBJ);
  const other = find(acl, OTHER);
  if (owner === undefined || group === undefined || other === undefined) return undefined;
  return [owner, find(acl, MASK) ?? group, other];
}

/** The mode bits, 0 to 0o777, that the list says; undefined: it is none. */
export function modeOfAcl(acl: Uint8Array): number | undefined {
  const places = modePlaces(acl);
  if (places === undefined) return undefined;
  const [owner, group, other] = places;
  return (acl[owner]! << 6) | (acl[group]! << 3) | acl[other]!;
}

/** Whether the list says no more than mode bits do. Precondition: it is one. */
export const isModeAlone = (acl: Uint8Array): boolean => acl.length === HEADER + 3 * ENTRY;

/** The list with the mode bits put into it. Precondition: it is one. */
export function aclWithMode(acl: Uint8Array, mode: number): Uint8Array {
  const [owner, group, other] = modePlaces(acl)!;
  const result = acl.slice();
  result[owner] = (mode >> 6) & 7;
  result[group] = (mode >> 3) & 7;
  result[other] = mode & 7;
  return result;
}
