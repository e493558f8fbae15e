// Flag bits of the protocol, those that we use. Names are the kernel's, without their prefix FUSE_.

// INIT, the low word.
export const ASYNC_READ = 1 << 0;
export const ATOMIC_O_TRUNC = 1 << 3;
export const EXPORT_SUPPORT = 1 << 4;
export const BIG_WRITES = 1 << 5;
export const DONT_MASK = 1 << 6;
export const DO_READDIRPLUS = 1 << 13;
export const READDIRPLUS_AUTO = 1 << 14;
export const PARALLEL_DIROPS = 1 << 18;
export const POSIX_ACL = 1 << 20;
export const MAX_PAGES = 1 << 22;
export const CACHE_SYMLINKS = 1 << 23;
export const HANDLE_KILLPRIV_V2 = 1 << 28;
/** The second word of flags is there. */
export const INIT_EXT = 1 << 30;

// INIT, the high word (flags2): bits 32 and up of the 64.
export const DIRECT_IO_ALLOW_MMAP = 1 << (36 - 32);
export const PASSTHROUGH = 1 << (37 - 32);
export const HAS_RESEND = 1 << (39 - 32);

// What an open answers. PASSTHROUGH goes with NOFLUSH, never with KEEP_CACHE: the kernel answers EIO to that.
export const FOPEN_DIRECT_IO = 1 << 0;
export const FOPEN_KEEP_CACHE = 1 << 1;
export const FOPEN_STREAM = 1 << 4;
export const FOPEN_NOFLUSH = 1 << 5;
export const FOPEN_PASSTHROUGH = 1 << 7;

/** open_in.open_flags and create_in.open_flags: clear setuid and setgid, when O_TRUNC is set. */
export const OPEN_KILL_SUIDGID = 1;

/** read_in.read_flags */
export const READ_LOCKOWNER = 1 << 1;

// write_in.write_flags
/** From the page cache: data that an earlier store or write has made. */
export const WRITE_CACHE = 1;
export const WRITE_KILL_SUIDGID = 4;

// setattr_in.valid
export const FATTR_FH = 1 << 6;

/** ioctl_in.flags: not the size that the command number says, which only character devices get. */
export const IOCTL_UNRESTRICTED = 1 << 1;

/** poll_in.flags: notify when the state changes. */
export const POLL_SCHEDULE_NOTIFY = 1;
/** The notification's code: it stands where a reply has its error. */
export const NOTIFY_POLL = 1;
export const NOTIFY_INVAL_INODE = 2;
export const NOTIFY_INVAL_ENTRY = 3;
export const NOTIFY_RESEND = 7;
