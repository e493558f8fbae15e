// Which memory a stopped call asks the kernel to hold. Pure: reads the caller's memory through a function. A malformed call
// holds nothing: the kernel refuses it.
import type { HolderKind } from '../abi/holders.js';
import type { RegisterCall, SetupCall, UmemCall, VerbsCall } from './calls.js';
import {
  REGISTER_BUFFERS,
  REGISTER_BUFFERS_UPDATE,
  REGISTER_BUFFERS2,
  REGISTER_MEM_REGION,
  REGISTER_PBUF_RING,
  REGISTER_RESIZE_RINGS,
  REGISTER_ZCRX_IFQ,
} from './opcodes.js';
import { type Memory, registeredRegion } from './uverbs.js';

export interface RegisteredMemory {
  readonly kind: HolderKind;
  /** The ring, the socket or the RDMA device; -1 when it has no descriptor yet. */
  readonly fd: number;
  /** Of the caller's memory, bytes. */
  readonly addr: number;
  readonly bytes: number;
  /** The address by which the kernel lists it, where that may be another one. */
  readonly listedAt?: number;
  /** `part` of struct leasefs_pin_for. */
  readonly part?: number;
}

/** As the kernel: IORING_MAX_REG_BUFFERS. */
const BUFFERS_MAX = 1 << 14;
const RSRC_SPARSE = 1;
const PBUF_RING_MMAP = 1;
const SOURCE_REGISTERED = 1;
const REGION_OF_USER = 1;
const AREA_OF_DMABUF = 1;
const ENTRIES_MAX = 32768;
const PAGE = 4096;

const SETUP_CQSIZE = 1 << 3;
const SETUP_SQE128 = 1 << 10;
const SETUP_CQE32 = 1 << 11;
const SETUP_NO_MMAP = 1 << 14;

export function heldBy(
  call: RegisterCall | SetupCall | UmemCall | VerbsCall,
  memory: Memory,
): RegisteredMemory[] {
  switch (call.kind) {
    case 'register':
      return heldByRegister(call, memory);
    case 'setup':
      return heldBySetup(call, memory);
    case 'umem': {
      const umem = memory(call.address, 16);
      if (umem === undefined || call.length < 16) return [];
      return some({ kind: 'socket', fd: call.socket, addr: u64(umem, 0), bytes: u64(umem, 8) });
    }
    case 'verbs': {
      const region = registeredRegion(memory, call.address);
      if (region === undefined) return [];
      const { start, length, iova } = region;
      return some({ kind: 'region', fd: call.device, addr: start, bytes: length, listedAt: iova });
    }
  }
}

function heldByRegister(call: RegisterCall, memory: Memory): RegisteredMemory[] {
  const { opcode, address, count, ring } = call;
  const by = (kind: HolderKind) =>
    ring === undefined ? ({ kind: 'rings', fd: -1 } as const) : { kind, fd: ring };
  switch (opcode) {
    case REGISTER_BUFFERS:
      return vectors(call, memory, address, count);
    case REGISTER_BUFFERS2: {
      const request = memory(address, 32);
      if (request === undefined || request.getUint32(4, true) & RSRC_SPARSE) return [];
      return vectors(call, memory, u64(request, 16), request.getUint32(0, true));
    }
    case REGISTER_BUFFERS_UPDATE: {
      const request = memory(address, 32);
      return request === undefined ? [] : vectors(call, memory, u64(request, 8), request.getUint32(24, true));
    }
    case REGISTER_PBUF_RING: {
      const request = memory(address, 40);
      if (request === undefined || count !== 1 || request.getUint16(14, true) & PBUF_RING_MMAP) return [];
      const entries = request.getUint32(8, true);
      const addr = u64(request, 0);
      const isWell = isPowerOfTwo(entries) && entries <= ENTRIES_MAX && addr % PAGE === 0;
      if (!isWell || !isReserved(request)) return [];
      return some({ ...by('group'), part: request.getUint16(12, true), addr, bytes: entries * 16 });
    }
    case REGISTER_MEM_REGION: {
      // struct io_uring_mem_region_reg points to a struct io_uring_region_desc.
      const request = memory(address, 32);
      const region = request && memory(u64(request, 0), 64);
      if (region === undefined || count !== 1 || !(region.getUint32(16, true) & REGION_OF_USER)) return [];
      const addr = u64(region, 0);
      const bytes = u64(region, 8);
      return addr % PAGE === 0 && bytes % PAGE === 0 ? some({ ...by('memory'), addr, bytes }) : [];
    }
    case REGISTER_ZCRX_IFQ: {
      // struct io_uring_zcrx_ifq_reg: the area that the network card writes to, and the queue's own memory.
      const request = memory(address, 32);
      const area = request && memory(u64(request, 16), 32);
      const region = request && memory(u64(request, 24), 32);
      const at = by('ring');
      return [
        ...(area === undefined || area.getUint32(24, true) & AREA_OF_DMABUF
          ? []
          : some({ ...at, addr: u64(area, 0), bytes: u64(area, 8) })),
        ...(region === undefined || !(region.getUint32(16, true) & REGION_OF_USER)
          ? []
          : some({ ...at, addr: u64(region, 0), bytes: u64(region, 8) })),
      ];
    }
    case REGISTER_RESIZE_RINGS: {
      // Only a ring in memory of the caller has addresses here; which flags it was made with is not seen.
      const params = memory(address, 120);
      if (params === undefined) return [];
      const entries = params.getUint32(0, true);
      const flags = params.getUint32(8, true) | SETUP_SQE128 | SETUP_CQE32;
      const { sq, cq } = sizesOf(params, entries, flags);
      const part = Math.log2(sq) + 256 * Math.log2(cq);
      return ringAt(params, entries, flags).map(held => ({ ...held, ...by('queues'), part }));
    }
    default:
      return [];
  }
}

/** IORING_REGISTER_CLONE_BUFFERS. */
interface Clones {
  /** The ring that has the buffers; undefined: an index among the thread's registered rings. */
  readonly source: number | undefined;
  /** Which of its buffers, by index: [first, end). */
  readonly first: number;
  readonly end: number;
}

/** Undefined where it cannot be read. */
export function clonesOf({ address }: RegisterCall, memory: Memory): Clones | undefined {
  // struct io_uring_clone_buffers
  const request = memory(address, 32);
  if (request === undefined) return undefined;
  const word = (n: number): number => request.getUint32(n * 4, true);
  const first = word(2);
  const count = word(4);
  return {
    source: word(1) & SOURCE_REGISTERED ? undefined : word(0) | 0,
    first,
    end: count === 0 ? Number.POSITIVE_INFINITY : first + count,
  };
}

/** The group of IORING_REGISTER_PBUF_RING. Undefined where it cannot be read. */
export const groupOf = ({ address }: RegisterCall, memory: Memory): number | undefined =>
  memory(address, 40)?.getUint16(12, true);

/** The group whose ring IORING_UNREGISTER_PBUF_RING ends; undefined where the kernel refuses. */
export function groupEndedBy({ address, count }: RegisterCall, memory: Memory): number | undefined {
  const request = memory(address, 40);
  if (request === undefined || count !== 1 || request.getUint16(14, true) !== 0) return undefined;
  return isReserved(request) ? request.getUint16(12, true) : undefined;
}

/** Whether the last fields of struct io_uring_buf_reg are zero, as the kernel demands. */
const isReserved = (request: DataView): boolean =>
  [16, 24, 32].every(at => request.getBigUint64(at, true) === 0n);

/** Of struct iovec; those without length are empty places of the table. */
function vectors(
  { ring, pointer }: RegisterCall,
  memory: Memory,
  address: number,
  count: number,
): RegisteredMemory[] {
  if (count === 0 || count > BUFFERS_MAX) return [];
  const view = memory(address, count * pointer * 2);
  if (view === undefined) return [];
  const word = (at: number): number => (pointer === 8 ? u64(view, at) : view.getUint32(at, true));
  const kind = ring === undefined ? 'rings' : 'buffer';
  return Array.from({ length: count }, (_, n) => {
    const at = n * pointer * 2;
    return some({ kind, fd: ring ?? -1, addr: word(at), bytes: word(at + pointer) });
  }).flat();
}

/** With IORING_SETUP_NO_MMAP the ring lies in memory of the caller's, at the two `user_addr`. */
function heldBySetup({ entries, address }: SetupCall, memory: Memory): RegisteredMemory[] {
  const params = memory(address, 120);
  if (params === undefined || entries === 0) return [];
  const flags = params.getUint32(8, true);
  return flags & SETUP_NO_MMAP ? ringAt(params, entries, flags) : [];
}

/** A ring's two pieces at the addresses in struct io_uring_params. */
function ringAt(params: DataView, entries: number, flags: number): RegisteredMemory[] {
  const { sq, cq } = sizesOf(params, entries, flags);
  // struct io_rings, the completions, the indices of submissions.
  const rings = 64 + cq * (flags & SETUP_CQE32 ? 32 : 16) + sq * 4;
  const submissions = sq * (flags & SETUP_SQE128 ? 128 : 64);
  return [
    ...some({ kind: 'rings', fd: -1, addr: u64(params, 112), bytes: rings }),
    ...some({ kind: 'rings', fd: -1, addr: u64(params, 72), bytes: submissions }),
  ];
}

/** As many entries as the kernel makes of those that struct io_uring_params asks for. */
function sizesOf(
  params: DataView,
  entries: number,
  flags: number,
): { readonly sq: number; readonly cq: number } {
  const sq = powerOfTwo(Math.min(entries, ENTRIES_MAX));
  const asked = Math.min(params.getUint32(4, true), 2 * ENTRIES_MAX);
  return { sq, cq: flags & SETUP_CQSIZE ? powerOfTwo(asked) : 2 * sq };
}

const isPowerOfTwo = (value: number): boolean => value > 0 && (value & (value - 1)) === 0;

const powerOfTwo = (value: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, value)));

const some = (held: RegisteredMemory): RegisteredMemory[] =>
  held.addr === 0 || held.bytes === 0 || !Number.isSafeInteger(held.addr + held.bytes) ? [] : [held];

function u64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}
