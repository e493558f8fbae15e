// The verbs of `leasefs io` on mapped memory: stores, MADV_REMOVE, and io_uring's registered buffers, which the kernel
// pins as it does for RDMA (F7). OFF is always an offset of the file.
import { closeSync, constants, openSync } from 'node:fs';
import { check, errno } from '../../base/errno.js';
import { MADV_REMOVE, PAGE } from '../../base/linux.js';
import { native } from '../../native/binding.js';
import { readFile } from './file-verbs.js';
import { type IoProcess, NotReady, type Ring } from './io-process.js';
import { fillVerb, hexByte, type IoVerb, OK, rangeVerb } from './io-verb.js';

const RING_ENTRIES = 4;
/** The device's byte, or the next one that the range does not hold yet: else the comparison would say nothing. */
const DEVICE_BYTE = 0xd1;

const mmap = rangeVerb('mmap', 'map shared, for writing if the file is open so', (io, off, len) => {
  io.map(off, len);
  return OK;
});

const munmap: IoVerb = {
  usage: 'munmap',
  summary: 'end the mappings; a registered buffer stays',
  bind(args) {
    args.end();
    return { text: 'munmap', run: io => `${io.unmap()} ended` };
  },
};

const mwrite = fillVerb('mwrite', 'store BYTE (0xcd) through the mapping', (io, off, len, byte) => {
  const { mapping, at } = io.mapped(off, len);
  // A store beyond the last page would end this process with SIGBUS.
  if (off + len > Math.ceil(io.size() / PAGE) * PAGE)
    throw new NotReady(errno.EFAULT, 'beyond the end of the file');
  new Uint8Array(mapping.memory, at, len).fill(byte);
  return `${len} bytes of ${hexByte(byte)}`;
});

const madviseRemove = rangeVerb(
  'madvise-remove',
  'MADV_REMOVE: a punch that asks no filesystem',
  (io, off, len) => {
    const { mapping, at } = io.mapped(off, len);
    check(native.madvise(mapping.memory, at, len, MADV_REMOVE), 'madvise');
    return OK;
  },
);

const uringRegister = rangeVerb(
  'uring-register',
  'register it, mapped, as an io_uring buffer: a kernel pin',
  (io, off, len) => {
    const { mapping, at } = io.mapped(off, len);
    if (io.ring !== undefined) throw new NotReady(errno.EBUSY, 'a buffer is registered already');
    const uring = native.uring(RING_ENTRIES);
    const result = uring.register(mapping.memory, at, len);
    if (result < 0) uring.close();
    check(result, 'uring-register');
    io.ring = { uring, off, length: len };
    return OK;
  },
);

const uringRead: IoVerb = {
  usage: 'uring-read [OFF LEN]',
  summary: 'a device writes into the buffer; whether the file has it',
  bind(args) {
    const range = args.more ? { off: args.size('OFF'), len: args.size('LEN') } : undefined;
    args.end();
    return {
      text: range === undefined ? 'uring-read' : `uring-read ${range.off} ${range.len}`,
      run(io) {
        if (io.ring === undefined)
          throw new NotReady(errno.ENXIO, "no buffer is registered: 'uring-register' does it");
        const { off, len } = range ?? { off: io.ring.off, len: io.ring.length };
        const before = fileContent(io, off, len);
        let byte = DEVICE_BYTE;
        while (byte < 0xff && before.includes(byte)) byte++;
        const done = deviceRead(io.ring, off, len, byte);
        return `${done} bytes of ${hexByte(byte)} from the device, ${comparison(fileContent(io, off, done), off, byte, done)}`;
      },
    };
  },
};

/** The device is a temporary file full of `byte`; a fixed read from it goes to the pages that were pinned. */
function deviceRead(ring: Ring, off: number, len: number, byte: number): number {
  const at = off - ring.off;
  if (at < 0 || at + len > ring.length) throw new NotReady(errno.EFAULT, 'outside the registered buffer');
  const device = native.memfdCreate('leasefs-io-device');
  try {
    const data = new Uint8Array(len).fill(byte);
    check(native.pwrite(device.fd, data.buffer, 0, len, 0), 'uring-read');
    return check(ring.uring.readFixed(device.fd, 0, at, len), 'uring-read');
  } finally {
    device.close();
  }
}

/** Through the descriptor, or through another by name while it is closed. */
function fileContent(io: IoProcess, off: number, len: number): Uint8Array {
  if (io.isOpen) return readFile(io.file.fd, off, len);
  const fd = openSync(io.options.path, constants.O_RDONLY);
  try {
    return readFile(fd, off, len);
  } finally {
    closeSync(fd);
  }
}

function comparison(content: Uint8Array, off: number, byte: number, len: number): string {
  const wrong = content.findIndex(found => found !== byte);
  if (wrong < 0 && content.length === len) return 'the file agrees';
  if (wrong < 0) return `THE FILE DISAGREES: it ends at ${off + content.length}`;
  return `THE FILE DISAGREES: it reads ${hexByte(content[wrong]!)} at ${off + wrong}`;
}

export const memoryVerbs = {
  mmap,
  munmap,
  mwrite,
  'madvise-remove': madviseRemove,
  'uring-register': uringRegister,
  'uring-read': uringRead,
} as const;
