// The verbs of `leasefs io` that are system calls on the descriptor: spelled and argued as xfs_io's.
import { createHash } from 'node:crypto';
import { check } from '../../base/errno.js';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../base/linux.js';
import type { FileLayout } from '../../client/index.js';
import { native, STAT } from '../../native/binding.js';
import { piecesOf } from '../pieces.js';
import type { IoProcess } from './io-process.js';
import { fillVerb, hexByte, type IoVerb, OK, rangeVerb } from './io-verb.js';

const ENXIO = 6;
/** Bytes a call. */
const PIECE = 1 << 20;

const fallocate = (name: string, summary: string, mode: number): IoVerb =>
  rangeVerb(name, summary, (io, off, len) => {
    check(native.fallocate(io.file.fd, mode, off, len), name);
    return OK;
  });

const pwrite = fillVerb('pwrite', 'write BYTE (0xcd) at OFF', (io, off, len, byte) => {
  const data = new Uint8Array(Math.min(PIECE, len)).fill(byte);
  let done = 0;
  while (done < len) {
    const n = native.pwrite(io.file.fd, data.buffer, 0, Math.min(PIECE, len - done), off + done);
    if (check(n, 'pwrite') === 0) break;
    done += n;
  }
  return `${done} bytes of ${hexByte(byte)}`;
});

const pread = rangeVerb('pread', 'read, and tell what was read', (io, off, len) => {
  const data = readFile(io.file.fd, off, len);
  return data.length === 0 ? '0 bytes' : `${data.length} bytes, ${contentText(data)}`;
});

/** What pread(2) says of [off, off + len), less at the end of the file. */
export function readFile(fd: number, off: number, len: number): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let done = 0; done < len; ) {
    const buffer = new ArrayBuffer(Math.min(PIECE, len - done));
    const n = check(native.pread(fd, buffer, 0, buffer.byteLength, off + done), 'pread');
    if (n === 0) break;
    pieces.push(new Uint8Array(buffer, 0, n));
    done += n;
  }
  return Buffer.concat(pieces);
}

function contentText(data: Uint8Array): string {
  const first = data[0]!;
  if (data.every(byte => byte === first)) return `all ${hexByte(first)}`;
  return `sha256 ${createHash('sha256').update(data).digest('hex').slice(0, 16)}`;
}

const truncate: IoVerb = {
  usage: 'truncate SIZE',
  summary: 'ftruncate(2)',
  bind(args) {
    const size = args.size('SIZE');
    args.end();
    return {
      text: `truncate ${size}`,
      run(io) {
        check(native.ftruncate(io.file.fd, size), 'truncate');
        return OK;
      },
    };
  },
};

const extents: IoVerb = {
  usage: 'extents',
  summary: `data and holes; on leasefs from the layout, with what is
unwritten and pinned, elsewhere by SEEK_DATA and SEEK_HOLE`,
  bind(args) {
    args.end();
    return {
      text: 'extents',
      run(io) {
        const lines = layoutLines(io) ?? seekLines(io);
        return lines.length === 0 ? ['none'] : lines;
      },
    };
  },
};

/** undefined: not on leasefs. */
function layoutLines(io: IoProcess): string[] | undefined {
  const size = io.size();
  let layout: FileLayout;
  try {
    layout = io.file.layout(0, Math.max(size, 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTTY') return undefined;
    throw error;
  }
  return piecesOf(layout, io.file.pins(), size).map(({ off, len, state, segment, store, pinned }) => {
    const what = state === 'written' ? 'data' : state;
    const where = segment === null || segment === 0 ? '' : ` at ${segment}:${store}`;
    return `${off} ${len} ${what}${where}${pinned.length === 0 ? '' : ' pinned'}`;
  });
}

function seekLines(io: IoProcess): string[] {
  const { fd } = io.file;
  const size = io.size();
  const lines: string[] = [];
  for (let off = 0; off < size; ) {
    const found = native.lseek(fd, off, SEEK_DATA);
    const data = found === -ENXIO ? size : check(found, 'extents');
    if (data > off) lines.push(`${off} ${data - off} hole`);
    if (data >= size) break;
    const end = check(native.lseek(fd, data, SEEK_HOLE), 'extents');
    lines.push(`${data} ${end - data} data`);
    off = end;
  }
  return lines;
}

const stat: IoVerb = {
  usage: 'stat',
  summary: 'size, allocated bytes, inode, mode, links',
  bind(args) {
    args.end();
    return {
      text: 'stat',
      run(io) {
        const out = new Float64Array(STAT.length);
        check(native.fstat(io.file.fd, out), 'stat');
        const at = (index: number): number => out[index]!;
        const mode = at(STAT.mode).toString(8);
        return `size ${at(STAT.size)}, allocated ${at(STAT.blocks) * 512}, inode ${at(STAT.ino)}, mode ${mode}, links ${at(STAT.nlink)}`;
      },
    };
  },
};

const open: IoVerb = {
  usage: 'open',
  summary: 'open the file again: a new description',
  bind(args) {
    args.end();
    return {
      text: 'open',
      run(io) {
        io.openFile();
        return OK;
      },
    };
  },
};

const close: IoVerb = {
  usage: 'close',
  summary: 'close the descriptor; mappings and the ring stay',
  bind(args) {
    args.end();
    return {
      text: 'close',
      run(io) {
        io.file.close();
        io.closeFile();
        return OK;
      },
    };
  },
};

export const fileVerbs = {
  open,
  close,
  pwrite,
  pread,
  truncate,
  falloc: fallocate('falloc', 'allocate, extending the size', 0),
  fpunch: fallocate('fpunch', 'punch a hole', FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE),
  fzero: fallocate('fzero', 'zero the range in place', FALLOC_FL_ZERO_RANGE),
  extents,
  stat,
} as const;
