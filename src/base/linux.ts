// Numbers of the Linux interface, by header. Only those that leasefs uses; the values of x86-64 and arm64 agree on them.
// Modules on hot paths (src/extent) may keep private copies.

// fcntl.h: open(2)
export const O_RDONLY = 0;
export const O_RDWR = 2;
export const O_ACCMODE = 3;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;
export const O_NOATIME = 0o1000000;
export const O_PATH = 0o10000000;

// sys/stat.h: st_mode
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const S_ISUID = 0o4000;
export const S_ISGID = 0o2000;
export const S_IXGRP = 0o010;

// limits.h
/** Bytes of a file name, without its NUL. */
export const NAME_MAX = 255;
/** Bytes of a path or of a symbolic link's target, with the NUL. */
export const PATH_MAX = 4096;

// unistd.h: lseek(2)
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

// linux/falloc.h: fallocate(2)
export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const FALLOC_FL_ZERO_RANGE = 16;

// linux/fs.h: renameat2(2)
export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;
/** A device 0:0 takes the old name: overlayfs's sign that a lower file is gone. */
export const RENAME_WHITEOUT = 4;

// fcntl.h, linux/fcntl.h: fcntl(2)
export const F_WRLCK = 1;
export const F_UNLCK = 2;
export const F_SETFD = 2;
export const FD_CLOEXEC = 1;
export const F_SETFL = 4;
export const F_SETSIG = 10;
export const F_GETSIG = 11;
export const F_SETLEASE = 1024;
export const F_GETLEASE = 1025;
export const F_ADD_SEALS = 1033;
export const F_SEAL_SEAL = 1;
export const F_SEAL_SHRINK = 2;
export const F_SEAL_GROW = 4;

// linux/capability.h
export const CAP_FSETID = 4;
export const CAP_LINUX_IMMUTABLE = 9;
export const CAP_NET_RAW = 13;
export const CAP_IPC_LOCK = 14;
export const CAP_SYS_PTRACE = 19;
export const CAP_SYS_ADMIN = 21;
export const CAP_LEASE = 28;

// asm/page.h: x86-64, and arm64 as distributions build it
export const PAGE = 4096;

// sys/mman.h, linux/mman.h: madvise(2)
export const MADV_REMOVE = 9;
export const MADV_HUGEPAGE = 14;
export const MADV_POPULATE_WRITE = 23;

// poll.h
export const POLLIN = 1;
export const POLLPRI = 2;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;

// signal.h
export const SIGKILL = 9;
