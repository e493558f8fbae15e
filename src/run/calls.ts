// The system calls that the filter (native/launch/filter.h) stops, decoded: which call it is, by architecture, and
// what its arguments mean. A call that the filter stops needlessly is `undefined` and continues. Pure.
import { F_GETLEASE, F_SETLEASE, F_SETSIG } from '../base/linux.js';
import { type Memory, RDMA_VERBS_IOCTL } from './uverbs.js';

const SOL_XDP = 283;
const XDP_UMEM_REG = 4;
const AF_XDP = 44;
/** Of socketcall(2). */
const SYS_SOCKET = 1;
const SYS_SETSOCKOPT = 14;

/** The ring is not a descriptor but an index into those that the thread has registered. */
const USE_REGISTERED_RING = 0x8000_0000;

/** AUDIT_ARCH_* */
const X86_64 = 0xc000_003e;
const I386 = 0x4000_0003;
const ARM64 = 0xc000_00b7;
const ARM = 0x4000_0028;

interface Numbers {
  readonly fcntl: readonly number[];
  readonly setsockopt: number;
  readonly socket: number;
  readonly socketcall?: number;
  readonly ioctl: number;
  /** Bytes of a pointer. */
  readonly pointer: 4 | 8;
}

const architectures = new Map<number, Numbers>([
  [X86_64, { fcntl: [72], setsockopt: 54, socket: 41, ioctl: 16, pointer: 8 }],
  [I386, { fcntl: [55, 221], setsockopt: 366, socket: 359, socketcall: 102, ioctl: 54, pointer: 4 }],
  [ARM64, { fcntl: [25], setsockopt: 208, socket: 198, ioctl: 29, pointer: 8 }],
  [ARM, { fcntl: [55, 221], setsockopt: 294, socket: 281, ioctl: 54, pointer: 4 }],
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

/** socket(2) of AF_XDP. */
export interface XdpCall {
  readonly kind: 'xdp';
}

/** socketcall(2): which call it is lies behind `address`, in words of 4 bytes. */
interface SocketCall {
  readonly kind: 'socketcall';
  readonly call: number;
  readonly address: number;
}

export type StoppedCall =
  | { readonly kind: 'setLease'; readonly fd: number; readonly flags: number }
  | { readonly kind: 'getLease'; readonly fd: number }
  | { readonly kind: 'setSignal'; readonly fd: number; readonly signal: number }
  | RegisterCall
  | SetupCall
  | UmemCall
  | VerbsCall
  | XdpCall
  | SocketCall;

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
  if (nr === numbers.socket && int(0) === AF_XDP) return { kind: 'xdp' };
  if (nr === numbers.socketcall) return { kind: 'socketcall', call: int(0), address: address(1) };
  if (nr === numbers.ioctl && int(1) >>> 0 === RDMA_VERBS_IOCTL) {
    return { kind: 'verbs', device: int(0), address: address(2) };
  }
  return undefined;
}

/** What a socketcall(2) is; undefined: nothing that matters, or not to be read. */
export function socketCallOf({ call, address }: SocketCall, memory: Memory): UmemCall | XdpCall | undefined {
  const args = memory(address, call === SYS_SOCKET ? 12 : 20);
  if (args === undefined) return undefined;
  const word = (n: number): number => args.getUint32(n * 4, true);
  if (call === SYS_SOCKET) return word(0) === AF_XDP ? { kind: 'xdp' } : undefined;
  if (call !== SYS_SETSOCKOPT || word(1) !== SOL_XDP || word(2) !== XDP_UMEM_REG) return undefined;
  return { kind: 'umem', socket: word(0), address: word(3), length: word(4) };
}
