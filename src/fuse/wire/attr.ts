// Attributes on the wire: fuse_attr (88 bytes), alone in fuse_attr_out (104) and after a name in fuse_entry_out (128), and
// fuse_statx_out (288), which adds the time of birth.
//
// How long the kernel may cache. Names change through this mount only, and the kernel then corrects its dentries itself: it
// may cache them for ever, the absence of a name included. Attributes may be cached as long as the filesystem says
// (src/fs/vfs/attr-cache.ts).
import { BLOCK, isVirtual } from '../../base/units.js';
import type { Attr } from '../../fs/operations.js';
import type { Reply } from './reply.js';

const ATTR_OUT = 104;
export const ENTRY_OUT = 128;
const STATX_OUT = 288;

/** Seconds; the kernel holds it to what its clock can count. */
export const FOREVER = 0x7fff_ffff;

/** STATX_BASIC_STATS | STATX_BTIME */
const STATX_MASK = 0x7ff | 0x800;

const validity = ({ lasting }: Attr): number => (lasting ? FOREVER : 0);

function putAttr(reply: Reply, at: number, attr: Attr): void {
  reply.set64(at, attr.ino);
  reply.set64(at + 8, attr.size);
  reply.set64(at + 16, attr.blocks);
  reply.set64(at + 24, attr.atime);
  reply.set64(at + 32, attr.mtime);
  reply.set64(at + 40, attr.ctime);
  reply.setU32(at + 48, attr.atimeNsec);
  reply.setU32(at + 52, attr.mtimeNsec);
  reply.setU32(at + 56, attr.ctimeNsec);
  reply.setU32(at + 60, attr.mode);
  reply.setU32(at + 64, attr.nlink);
  reply.setU32(at + 68, attr.uid);
  reply.setU32(at + 72, attr.gid);
  reply.setU32(at + 76, attr.rdev);
  reply.setU32(at + 80, BLOCK);
  reply.setU32(at + 84, 0);
}

/** fuse_attr_out at the payload's begin; its length. */
export function putAttrOut(reply: Reply, attr: Attr): number {
  reply.set64(0, validity(attr));
  reply.set64(8, 0);
  putAttr(reply, 16, attr);
  return ATTR_OUT;
}

/** fuse_entry_out; its length. */
export function putEntry(reply: Reply, at: number, attr: Attr): number {
  reply.set64(at, attr.ino);
  reply.set64(at + 8, attr.generation);
  reply.set64(at + 16, isVirtual(attr.ino) ? 0 : FOREVER);
  reply.set64(at + 24, validity(attr));
  reply.set64(at + 32, 0);
  putAttr(reply, at + 40, attr);
  return ENTRY_OUT;
}

/** The entry of a name that is not there: node 0. Its length. */
export function putNoEntry(reply: Reply, at: number, valid: number): number {
  reply.clear(at, at + ENTRY_OUT);
  reply.set64(at + 16, valid);
  return ENTRY_OUT;
}

/** fuse_statx_out at the payload's begin; its length. */
export function putStatx(reply: Reply, attr: Attr): number {
  reply.clear(0, STATX_OUT);
  reply.set64(0, validity(attr));
  const at = 32;
  reply.setU32(at, STATX_MASK);
  reply.setU32(at + 4, BLOCK);
  reply.setU32(at + 16, attr.nlink);
  reply.setU32(at + 20, attr.uid);
  reply.setU32(at + 24, attr.gid);
  reply.setU32(at + 28, attr.mode);
  reply.set64(at + 32, attr.ino);
  reply.set64(at + 40, attr.size);
  reply.set64(at + 48, attr.blocks);
  putTime(reply, at + 64, attr.atime, attr.atimeNsec);
  putTime(reply, at + 80, attr.btime, attr.btimeNsec);
  putTime(reply, at + 96, attr.ctime, attr.ctimeNsec);
  putTime(reply, at + 112, attr.mtime, attr.mtimeNsec);
  // st_rdev as new_encode_dev packs it: minor bits 0 to 7 and 20 to 31, major bits 8 to 19.
  reply.setU32(at + 128, (attr.rdev >>> 8) & 0xfff);
  reply.setU32(at + 132, (attr.rdev & 0xff) | ((attr.rdev >>> 12) & 0xfff00));
  return STATX_OUT;
}

/** fuse_sx_time */
function putTime(reply: Reply, at: number, seconds: number, nsec: number): void {
  reply.set64(at, seconds);
  reply.setU32(at + 8, nsec);
}
