// The system calls that the filter (native/launch/filter.h) stops, decoded: which call it is, by architecture, and
// what its arguments mean. A call that the filter stops needlessly is `undefined` and continues. Pure.
import { F_GETLEASE, F_SETLEASE, F_SETSIG } from '../base/linux.js';
import { RDMA_VERBS_IOCTL } from './uverbs.js';

const SOL_XDP = 283;
const XDP_UMEM_REG = 4;

/** Opcodes of io_uring_register(2) that have the kernel hold memory. */
export const REGISTER_BUFFERS = 0;
export const REGISTER_BUFFERS2 = 15;
export const REGISTER_BUFFERS_UPDATE = 16;
export const REGISTER_PBUF_RING = 22;
export const REGISTER_ZCRX_IFQ = 32;
export const REGISTER_RESIZE_RINGS = 33;
export const REGISTER_MEM_REGION = 34;
/** As of Linux 6.18: what these opcodes do is not known. */
export const REGISTER_UNKNOWN = 36;
/** The ring is not a descriptor but an index into those that the thread has registered. */
const USE_REGISTERED_RING = 0x8000_0000;

/** AUDIT_ARCH_* */
const X86_64 = 0xc000_003e;
const I386 = 0x4000_0003;
const ARM64 = 0xc000_00b7;

interface Numbers {
  readonly fcntl: readonly number[];
  readonly setsockopt: number;
  readonly ioctl: number;
  /** Bytes of a pointer. */
  readonly pointer: 4 | 8;
}

const architectures = new Map<number, Numbers>([
  [X86_64, { fcntl: [72], setsockopt: 54, ioctl: 16, pointer: 8 }],
  [I386, { fcntl: [55, 221], setsockopt: 366, ioctl: 54, pointer: 4 }],
  [ARM64, { fcntl: [25], setsockopt: 208, ioctl: 29, pointer: 8 }],
]);
/** The same everywhere. */
const IO_URING_SETUP = 425;
const IO_URING_REGISTER = 427;

/** struct seccomp_notif. */
export interface Notification {
  /** Of this stop of this thread, in BigInt: a cookie of the kernel's. */
  readonly id: bigint;
  readonly tid: number;
  readonly arch: number;
  readonly nr: number;
  readonly args: readonly bigint[];
}

export const NOTIFICATION_BYTES = 80;

export function readNotification(view: DataView): Notification {
  return {
    id: view.getBigUint64(0, true),
    tid: view.getUint32(8, true),
    nr: view.getInt32(16, true),
    arch: view.getUint32(20, true),
    args: [0, 1, 2, 3, 4, 5].map(n => view.getBigUint64(32 + n * 8, true)),
  };
}

export interface RegisterCall {
  readonly kind: 'register';
  /** Its descriptor; undefined when it was named by its index among the thread's registered rings. */
  readonly ring: number | undefined;
  readonly opcode: number;
  readonly address: number;
  readonly count: number;
  readonly pointer: 4 | 8;
}

export interface SetupCall {
  readonly kind: 'setup';
  readonly entries: number;
  readonly address: number;
}

export interface UmemCall {
  readonly kind: 'umem';
  readonly socket: number;
  readonly address: number;
  readonly length: number;
}

export interface VerbsCall {
  readonly kind: 'verbs';
  readonly device: number;
  readonly address: number;
}

export type StoppedCall =
  | { readonly kind: 'setLease'; readonly fd: number; readonly flags: number }
  | { readonly kind: 'getLease'; readonly fd: number }
  | { readonly kind: 'setSignal'; readonly fd: number; readonly signal: number }
  | RegisterCall
  | SetupCall
  | UmemCall
  | VerbsCall;

export function callOf({ arch, nr, args }: Notification): StoppedCall | undefined {
  const numbers = architectures.get(arch);
  if (numbers === undefined) return undefined;
  const { pointer } = numbers;
  const int = (n: number): number => Number(BigInt.asIntN(32, args[n]!));
  // Addresses of programs are below 2^47 (2^56 with five levels, which must be asked for): exact, or none.
  const address = (n: number): number => Number(pointer === 4 ? args[n]! & 0xffff_ffffn : args[n]!);
  if (numbers.fcntl.includes(nr)) {
    switch (int(1)) {
      case F_SETLEASE:
        return { kind: 'setLease', fd: int(0), flags: int(2) };
      case F_GETLEASE:
        return { kind: 'getLease', fd: int(0) };
      case F_SETSIG:
        return { kind: 'setSignal', fd: int(0), signal: int(2) };
      default:
        return undefined;
    }
  }
  if (nr === IO_URING_REGISTER) {
    const word = int(1) >>> 0;
    return {
      kind: 'register',
      ring: word & USE_REGISTERED_RING ? undefined : int(0),
      opcode: (word & ~USE_REGISTERED_RING) >>> 0,
      address: address(2),
      count: int(3) >>> 0,
      pointer,
    };
  }
  if (nr === IO_URING_SETUP) return { kind: 'setup', entries: int(0) >>> 0, address: address(1) };
  if (nr === numbers.setsockopt && int(1) === SOL_XDP && int(2) === XDP_UMEM_REG) {
    return { kind: 'umem', socket: int(0), address: address(3), length: int(4) };
  }
  if (nr === numbers.ioctl && int(1) >>> 0 === RDMA_VERBS_IOCTL) {
    return { kind: 'verbs', device: int(0), address: address(2) };
  }
  return undefined;
}
