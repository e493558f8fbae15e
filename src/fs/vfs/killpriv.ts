// Clears setuid and setgid of changed files, where no flag of the request says whether the caller may keep them.
import { CAP_FSETID, S_ISGID, S_ISUID } from '../../base/linux.js';
import type { Caller } from '../operations.js';
import { type Inode, killPrivileges } from './inode.js';
import type { Superblock } from './superblock.js';

/** Setgid goes, as by chmod, where the caller is neither of the file's group nor privileged. */
export function settleSetgid({ credentials }: Superblock, { tid, gid }: Caller, inode: Inode): void {
  if ((inode.mode & S_ISGID) === 0 || gid === inode.gid) return;
  if (!credentials.groupsOf(tid).includes(inode.gid) && !credentials.isCapable(tid, CAP_FSETID)) {
    inode.mode &= ~S_ISGID;
  }
}

/**
 * fallocate and copy_file_range have changed the content: FUSE_HANDLE_KILLPRIV_V2 leaves the bits to the server and has no
 * flag for it. As on tmpfs since Linux 6.2.
 */
export function contentChanged(sb: Superblock, caller: Caller, inode: Inode): void {
  if ((inode.mode & (S_ISUID | S_ISGID)) === 0 || sb.credentials.isCapable(caller.tid, CAP_FSETID)) return;
  killPrivileges(inode);
  sb.journal?.changed(inode);
  settleSetgid(sb, caller, inode);
}
