// Whether a process that sent a message has a file of this mount open, and how: by /proc, since the package carries no
// ioctl. A file is the one of that inode number on that device, which its mount names: inode numbers of other filesystems
// are the same. The look comes after the message was sent. So nothing that the process is by then may add to what it was: a
// program with privileges of its own, which it may execute by then, opens files that the sender may not.
//
// Reading fdinfo of an epoll may wait for another filesystem (K30), so this is for a thread of its own. What waits for
// exec(2) (K29) is not asked.
import { errno } from '../base/errno.js';
import { O_ACCMODE, O_RDONLY } from '../base/linux.js';
import { field, mountIn, readText, textOf } from '../process/proc-text.js';

/** The credentials are those that the kernel gave the message, of the time of sending. */
export interface DescriptorLook {
  /** 0: the sender is outside our pid namespace. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly fd: number;
  readonly ino: number;
  /** MAJOR:MINOR of the mount, decimal. */
  readonly device: string;
}

/** CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: what opens the files of others. */
const OPENS_ALL = 0b110n;

/**
 * open(2)'s access mode of the process's descriptor; read-only where we may not look; or `-errno`. EBADF: it is not open in
 * the process, or another file. EACCES: the process has other credentials by now.
 */
export function lookAt({ pid, uid, gid, fd, ino, device }: DescriptorLook): number {
  if (pid === 0 || fd < 0) return -errno.EBADF;
  let info: string;
  try {
    info = readText(`/proc/${pid}/fdinfo/${fd}`);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? O_RDONLY : -errno.EAGAIN;
  }
  const mount = mountIn(info);
  if (mount === undefined || deviceOf(pid, mount) !== device) return -errno.EBADF;
  // Before Linux 5.14 fdinfo does not name the inode.
  const shown = field(info, 'ino');
  if (shown !== '' && Number(shown) !== ino) return -errno.EBADF;
  const status = textOf(`/proc/${pid}/status`);
  // After the look at the descriptor: what it executes from now on does not matter.
  if (!isWhatItWas(status, uid, gid, pid)) return -errno.EACCES;
  return Number.parseInt(field(info, 'flags'), 8) & O_ACCMODE;
}

/** MAJOR:MINOR of a mount in the mount namespace of the process, or in ours. */
function deviceOf(pid: number, mount: number): string | undefined {
  return deviceIn(textOf(`/proc/${pid}/mountinfo`), mount) ?? deviceIn(textOf('/proc/self/mountinfo'), mount);
}

function deviceIn(mountinfo: string, mount: number): string | undefined {
  const line = new RegExp(`^${mount} \\d+ (\\d+:\\d+) `, 'm').exec(mountinfo);
  return line?.[1];
}

function isWhatItWas(status: string, uid: number, gid: number, pid: number): boolean {
  const [, , , theirUid] = field(status, 'Uid').split('\t');
  const [, , , theirGid] = field(status, 'Gid').split('\t');
  if (Number(theirUid ?? -1) !== uid || Number(theirGid ?? -1) !== gid) return false;
  if (uid === 0) return true;
  if ((BigInt(`0x${field(status, 'CapEff')}`) & OPENS_ALL) === 0n) return true;
  // In a user namespace of its own they open no file that is not its own.
  return textOf(`/proc/${pid}/uid_map`) !== textOf('/proc/self/uid_map');
}
