// The numbers of actors' words, as the kernel's and our own headers have them.
export const BLOCK = 4096;

// fcntl.h
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_RDWR_CREAT = 0o102;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;

// poll.h, sys/mman.h, signal.h, linux/falloc.h: FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
export const POLLPRI = 2;
export const MADV_REMOVE = 9;
export const SIGRTMIN = 34;
export const PUNCH = 3;

// leasefs.h: the kinds of leases, and a pin that the description owns
export const UNLCK = 2;
export const SHARED_BREAKABLE = 16;
export const EXCLUSIVE_BREAKABLE = 17;
export const EXCLUSIVE = 48;
export const SHARED = 80;
export const BY_DESCRIPTION = 1;
