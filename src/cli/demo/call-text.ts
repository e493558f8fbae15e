// The verbs of `leasefs io` as the system calls that they are, for readers who think in those.

const calls: Readonly<Record<string, (...words: string[]) => string>> = {
  lease: (...words) => {
    const kind = words.at(-1)!;
    return kind === 'none' ? 'ioctl(SETLEASE, none)' : `ioctl(SETLEASE, ${kind})`;
  },
  pin: (off, len) => `ioctl(PIN, ${off}, ${len})`,
  mmap: (off, len) => `mmap(fd, ${off}, ${len}, MAP_SHARED)`,
  munmap: () => 'munmap(mapping)',
  mwrite: (off, len) => `memset(mapping + ${off}, ..., ${len})`,
  truncate: size => `ftruncate(fd, ${size})`,
  fpunch: (off, len) => `fallocate(fd, PUNCH_HOLE, ${off}, ${len})`,
  'madvise-remove': (off, len) => `madvise(mapping + ${off}, ${len}, MADV_REMOVE)`,
  'uring-register': (off, len) => `io_uring_register(BUFFERS, ${off}, ${len})`,
  'uring-read': (off, len) => `io_uring READ_FIXED, ${len} to ${off}`,
  close: () => 'close(fd)',
};

/** 'fallocate(fd, PUNCH_HOLE, 0, 4k)' for 'fpunch 0 4k'. */
export function callText(verb: string): string {
  const [name, ...words] = verb.split(' ');
  return calls[name!]?.(...words) ?? verb;
}
