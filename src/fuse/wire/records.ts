// The shape of each request's body: so many bytes, then nothing, a name, two names or data. What has not its shape
// is answered EIO before any adapter reads it. Sizes are those of linux/fuse.h for protocol 7.31 to 7.45 and the flags
// that init.ts agrees to; data whose length a field tells are checked by their adapter.
import { OPCODES, op } from '../opcodes.js';
import { IN_HEADER, type Request } from './request.js';

/** What follows the fixed part. */
const NOTHING = 0;
const NAME = 1;
const TWO_NAMES = 2;
/** A name, then data. */
const NAME_AND_DATA = 3;
const DATA = 4;

const fixed = new Int16Array(OPCODES).fill(-1);
const tails = new Uint8Array(OPCODES);

function shape(size: number, tail: number, ...opcodes: readonly number[]): void {
  for (const opcode of opcodes) {
    fixed[opcode] = size;
    tails[opcode] = tail;
  }
}

shape(0, NOTHING, op.READLINK, op.STATFS, op.DESTROY);
shape(8, NOTHING, op.FORGET, op.OPEN, op.OPENDIR, op.LISTXATTR, op.INTERRUPT);
shape(16, NOTHING, op.GETATTR, op.FSYNC, op.FSYNCDIR);
shape(24, NOTHING, op.RELEASE, op.RELEASEDIR, op.POLL, op.LSEEK, op.STATX);
shape(32, NOTHING, op.FALLOCATE);
shape(40, NOTHING, op.READ, op.READDIR, op.READDIRPLUS);
shape(56, NOTHING, op.COPY_FILE_RANGE, op.COPY_FILE_RANGE_64);
shape(88, NOTHING, op.SETATTR);
shape(0, NAME, op.LOOKUP, op.UNLINK, op.RMDIR, op.REMOVEXATTR);
shape(8, NAME, op.MKDIR, op.LINK, op.GETXATTR);
shape(16, NAME, op.MKNOD, op.CREATE, op.TMPFILE);
shape(0, TWO_NAMES, op.SYMLINK);
shape(8, TWO_NAMES, op.RENAME);
shape(16, TWO_NAMES, op.RENAME2);
shape(8, NAME_AND_DATA, op.SETXATTR);
shape(8, DATA, op.BATCH_FORGET);
shape(16, DATA, op.INIT);
shape(32, DATA, op.IOCTL);
shape(40, DATA, op.WRITE);

/** Whether the body has its opcode's shape; finds its names on the way. Precondition: the opcode has one. */
export function isWellFormed(request: Request): boolean {
  const { opcode, length } = request;
  const size = fixed[opcode]!;
  switch (tails[opcode]) {
    case NOTHING:
      return length === size;
    case DATA:
      return length >= size;
    case NAME:
      return endOfName(request, size) && request.nameBegin === length;
    case NAME_AND_DATA:
      return endOfName(request, size);
    default: {
      if (!endOfName(request, size)) return false;
      const second = request.bytes.indexOf(0, IN_HEADER + request.nameBegin);
      return second === IN_HEADER + length - 1;
    }
  }
}

/** Finds the NUL of the name that begins at `at`, inside the body. */
function endOfName(request: Request, at: number): boolean {
  const nul = request.bytes.indexOf(0, IN_HEADER + at) - IN_HEADER;
  if (nul < at || nul >= request.length) return false;
  request.nameEnd = nul;
  request.nameBegin = nul + 1;
  return true;
}
