// Structs of the calls of leasefs.h as clients make them, mutated: for the ioctls and for the control socket.
import * as abi from '../../src/abi/leasefs.js';
import { StructView, type Versioned } from '../../src/abi/struct.js';
import { BLOCK } from '../../src/base/units.js';

export type Pick = (below: number) => number;

/** What answers named, so that later calls can name it too. */
export interface Named {
  /** Of GETLEASE and WATCH. */
  readonly tokens: bigint[];
  readonly pins: bigint[];
  /** Of processes. */
  readonly pids: readonly number[];
}

export interface Made {
  code: number;
  /** Bytes of the struct. */
  length: number;
  /** ROOM bytes: more than an ioctl's number can ask for. */
  readonly bytes: ArrayBuffer;
}

const ROOM = 1 << 14;
const KEPT = 16;

/** Values at the edges of what fields take. */
const EDGES = [
  ...[0n, 1n, 2n, 3n, 16n, 4095n, 4096n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn],
  ...[2n ** 53n - 4096n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
];
/** Of those that a process which does not expect them ignores, and what is no signal. */
const SIGNALS = [0, 0, 0, 17, 23, 28, -1, 65, 0x7fff_ffff, -0x8000_0000];
const KINDS = [
  abi.LEASEFS_SHARED,
  abi.LEASEFS_EXCLUSIVE,
  abi.LEASEFS_SHARED_BREAKABLE,
  abi.LEASEFS_EXCLUSIVE_BREAKABLE,
  abi.LEASEFS_UNLCK,
];

type Fill = (struct: StructView, pick: Pick, named: Named) => void;

const one = <T>(pick: Pick, of: readonly T[], none: T): T => (of.length === 0 ? none : of[pick(of.length)]!);
const blocks = (pick: Pick): number => pick(20) * BLOCK;

const calls: readonly (readonly [code: number, table: Versioned, fill: Fill])[] = [
  [
    abi.LEASEFS_IOC_SETLEASE,
    abi.lease,
    (struct, pick) => {
      struct.setU32(abi.lease.kind, KINDS[pick(KINDS.length)]!);
      struct.setU32(abi.lease.flags, pick(16) === 0 ? 0 : abi.LEASEFS_NONBLOCK);
      struct.setU64(abi.lease.cookie, pick(9));
    },
  ],
  [abi.LEASEFS_IOC_GETLEASE, abi.lease, () => {}],
  [
    abi.LEASEFS_IOC_PIN,
    abi.pin,
    (struct, pick, { tokens }) => {
      struct.setU64(abi.pin.off, blocks(pick));
      struct.setU64(abi.pin.len, blocks(pick));
      if (pick(3) > 0) return;
      struct.setU32(abi.pin.flags, abi.LEASEFS_PIN_BY_DESCRIPTION);
      struct.setBig(abi.pin.owner, one(pick, tokens, 1n));
    },
  ],
  [
    abi.LEASEFS_IOC_UNPIN,
    abi.unpin,
    (struct, pick, { pins }) => {
      struct.setBig(abi.unpin.id, one(pick, pins, 1n));
      if (pick(8) === 0) struct.setU32(abi.unpin.flags, abi.LEASEFS_UNPIN_ALL);
    },
  ],
  [
    abi.LEASEFS_IOC_GETPINS,
    abi.pins,
    (struct, pick, { pins }) => struct.setBig(abi.pins.after, pick(2) === 0 ? 0n : one(pick, pins, 0n)),
  ],
  [
    abi.LEASEFS_IOC_REPORT,
    abi.report,
    (struct, pick) => {
      struct.setU32(abi.report.what, 1 + pick(3));
      if (pick(2) === 0) struct.setU32(abi.report.off, pick(3) * abi.LEASEFS_REPORT_MAX);
    },
  ],
  [
    abi.LEASEFS_IOC_LAYOUT,
    abi.layout,
    (struct, pick) => {
      struct.setU32(abi.layout.flags, pick(4));
      struct.setU64(abi.layout.off, blocks(pick));
      struct.setU64(abi.layout.len, blocks(pick));
      struct.setU64(abi.layout.seq, pick(9));
    },
  ],
  [abi.LEASEFS_IOC_WATCH, abi.watch, () => {}],
  [
    abi.LEASEFS_IOC_SUPERVISE,
    abi.supervise,
    (struct, pick, { pids }) => {
      struct.setS32(abi.supervise.fd, pick(30));
      struct.setS32(abi.supervise.pid, one(pick, pids, 1));
    },
  ],
  [
    abi.LEASEFS_IOC_SETLEASE_FOR,
    abi.leaseFor,
    (struct, pick, { pids }) => {
      struct.setU32(abi.leaseFor.kind, KINDS[pick(KINDS.length)]!);
      struct.setU32(abi.leaseFor.flags, abi.LEASEFS_NONBLOCK);
      struct.setS32(abi.leaseFor.tid, one(pick, pids, 1));
    },
  ],
  [
    abi.LEASEFS_IOC_PIN_FOR,
    abi.pinFor,
    (struct, pick, { pids }) => {
      struct.setU32(abi.pinFor.holder, [1, 2, 3, 4, 5, 257, 513][pick(7)]!);
      struct.setU64(abi.pinFor.ino, 1 + pick(8));
      struct.setU64(abi.pinFor.off, blocks(pick));
      struct.setU64(abi.pinFor.len, blocks(pick));
      struct.setS32(abi.pinFor.tid, one(pick, pids, 1));
      struct.setS32(abi.pinFor.fd, pick(30));
    },
  ],
];

/** A call as a client makes it, mostly with something of it changed. */
export function makeCall(pick: Pick, named: Named): Made {
  const [code, table, fill] = calls[pick(calls.length)]!;
  const made: Made = { code, length: table.bytes, bytes: new ArrayBuffer(ROOM) };
  const struct = new StructView(made.bytes);
  struct.setU32(table.version, abi.LEASEFS_ABI);
  fill(struct, pick, named);
  if (pick(3) > 0) mutate(made, pick);
  // No signal that would end this process.
  if (numberOf(made.code) === numberOf(abi.LEASEFS_IOC_SETLEASE))
    struct.setS32(abi.lease.signal, SIGNALS[pick(SIGNALS.length)]!);
  return made;
}

const numberOf = (code: number): number => code & 0xff;

function mutate(made: Made, pick: Pick): void {
  const view = new DataView(made.bytes);
  for (let n = pick(4); n > 0; n--) {
    const at = 4 * pick(Math.min(made.length, 96) >> 2);
    if (pick(2) === 0) view.setBigUint64(at, EDGES[pick(EDGES.length)]!, true);
    else view.setUint8(at + pick(4), pick(256));
  }
  if (pick(16) > 0) return;
  if (pick(2) === 0) made.length = pick(ROOM);
  // Another direction or number; the size is the struct's.
  const direction = pick(4) === 0 ? pick(4) : made.code >>> 30;
  const number = pick(4) === 0 ? pick(256) : numberOf(made.code);
  made.code = ((direction << 30) | (made.length << 16) | (0x59 << 8) | number) >>> 0;
}

/** Keeps what the answer of a call named. */
export function learn(code: number, answer: StructView, named: Named): void {
  if (code === abi.LEASEFS_IOC_GETLEASE) keep(named.tokens, answer.big(abi.lease.description));
  else if (code === abi.LEASEFS_IOC_WATCH) keep(named.tokens, answer.big(abi.watch.token));
  else if (code === abi.LEASEFS_IOC_PIN) keep(named.pins, answer.big(abi.pin.id));
}

function keep(list: bigint[], value: bigint): void {
  list.push(value);
  if (list.length > KEPT) list.shift();
}
