// Setuid and setgid on files that somebody changes: who may leave them there, where no flag of the request says it.
import { groupsOf, isCapable } from '../../process/proc.js';
import type { Caller } from '../operations.js';
import { type Inode, killPrivileges, S_ISGID, S_ISUID } from './inode.js';

const CAP_FSETID = 4;

/** Setgid goes, as by chmod, where the caller is neither of the file's group nor privileged. */
export function settleSetgid({ tid, gid }: Caller, inode: Inode): void {
  if ((inode.mode & S_ISGID) === 0 || gid === inode.gid) return;
  if (!groupsOf(tid).includes(inode.gid) && !isCapable(tid, CAP_FSETID)) inode.mode &= ~S_ISGID;
}

/**
 * fallocate and copy_file_range have changed the content: FUSE_HANDLE_KILLPRIV_V2 leaves the bits to the server and has no
 * flag for it. As on tmpfs since Linux 6.2.
 */
export function contentChanged(caller: Caller, inode: Inode): void {
  if ((inode.mode & (S_ISUID | S_ISGID)) === 0 || isCapable(caller.tid, CAP_FSETID)) return;
  killPrivileges(inode);
  settleSetgid(caller, inode);
}
