// The ioctls of native/include/leasefs.h, for each transport. One table says what each struct must look like: its version,
// its flags, its reserved fields. Every other ioctl, FS_IOC_GETFLAGS included, is ENOTTY. The offsets come from
// src/abi/leasefs.ts, which a test compares with the header.

import { readKind } from '../abi/kinds.js';
import * as abi from '../abi/leasefs.js';
import { reportKind } from '../abi/reports.js';
import { errno } from '../base/errno.js';
import { BLOCK, type FileHandle, MAX_OFFSET } from '../base/units.js';
import { type Answer, Layout, PARKED, type PinListing } from '../fs/operations.js';
import type { Extent } from '../store/file-store.js';
import {
  type Command,
  echo,
  type IoctlRequest,
  type IoctlTransport,
  isValid,
  readSignal,
} from './structs.js';

/** By number, without those of a supervisor (supervisor.ts). */
export const ioctls: ReadonlyMap<number, Command> = new Map<number, Command>([
  [abi.LEASEFS_IOC_SETLEASE, { struct: abi.lease, flags: abi.LEASEFS_NONBLOCK, run: setLease }],
  [abi.LEASEFS_IOC_GETLEASE, { struct: abi.lease, flags: abi.LEASEFS_NONBLOCK, run: getLease }],
  [abi.LEASEFS_IOC_PIN, { struct: abi.pin, flags: abi.LEASEFS_PIN_BY_DESCRIPTION, run: pin }],
  [abi.LEASEFS_IOC_UNPIN, { struct: abi.unpin, flags: abi.LEASEFS_UNPIN_ALL, run: unpin }],
  [abi.LEASEFS_IOC_GETPINS, { struct: abi.pins, flags: 0, run: getPins }],
  [abi.LEASEFS_IOC_REPORT, { struct: abi.report, flags: 0, run: report }],
  [
    abi.LEASEFS_IOC_LAYOUT,
    { struct: abi.layout, flags: abi.LEASEFS_LAYOUT_LIST | abi.LEASEFS_LAYOUT_SEQ, run: layout },
  ],
  [abi.LEASEFS_IOC_WATCH, { struct: abi.watch, flags: 0, run: watch }],
]);

/** Serves one ioctl: 0 with the struct in `reply`, `-errno`, or PARKED. Precondition: `request` holds the whole struct. */
export function runIoctl(
  { struct, flags, run }: Command,
  transport: IoctlTransport,
  request: IoctlRequest,
  fh: FileHandle,
): Answer {
  return isValid(struct, flags, request.struct) ? run(transport, request, fh) : -errno.EINVAL;
}

function setLease(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const signal = readSignal(request.struct.s32(abi.lease.signal));
  const answer = transport.operations.setLease(request.caller, request.ino, fh, {
    kind: signal === undefined ? undefined : readKind(request.struct.u32(abi.lease.kind)),
    signal: signal ?? 0,
    nonblock: (request.struct.u32(abi.lease.flags) & abi.LEASEFS_NONBLOCK) !== 0,
    cookie: request.struct.big(abi.lease.cookie),
  });
  if (answer === 0) echo(transport, request, abi.lease.bytes);
  return answer;
}

function getLease(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const { kind, breakMs, token } = operations.getLease(request.ino, fh);
  echo(transport, request, abi.lease.bytes);
  reply.struct.setU32(abi.lease.kind, kind);
  reply.struct.setBig(abi.lease.description, token);
  reply.struct.setU32(abi.lease.break_ms, Math.min(breakMs, 0xffff_ffff));
  return 0;
}

function watch(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const watched = operations.watch(request.caller, request.ino, fh);
  if (typeof watched === 'number') return watched;
  echo(transport, request, abi.watch.token.at);
  reply.struct.setBig(abi.watch.token, watched.token);
  const address = reply.struct.data(abi.watch.address).fill(0);
  address.set(Buffer.from(watched.address, 'latin1').subarray(0, abi.LEASEFS_ADDRESS_MAX - 1));
  return 0;
}

function pin(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const byDescription = request.struct.u32(abi.pin.flags) === abi.LEASEFS_PIN_BY_DESCRIPTION;
  const off = request.struct.u64(abi.pin.off);
  const len = request.struct.u64(abi.pin.len);
  if (off + len > MAX_OFFSET) return -errno.EINVAL;
  const owner = byDescription ? request.struct.big(abi.pin.owner) : undefined;
  const id = operations.pin(request.caller, request.ino, fh, { off, len, owner });
  if (id < 0 || id === PARKED) return id;
  echo(transport, request, abi.pin.bytes);
  reply.struct.setU64(abi.pin.id, id);
  return 0;
}

function unpin(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const all = request.struct.u32(abi.unpin.flags) === abi.LEASEFS_UNPIN_ALL;
  const id = all ? undefined : request.struct.u64(abi.unpin.id);
  const removed = operations.unpin(request.caller, request.ino, fh, id);
  if (removed < 0 || removed === PARKED) return removed;
  echo(transport, request, abi.unpin.bytes);
  reply.struct.setU32(abi.unpin.count, removed);
  return 0;
}

function getPins(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const settled = operations.settle(request.caller, false);
  if (settled !== 0) return settled;
  const after = request.struct.u64(abi.pins.after);
  const { total, listings } = operations.pins(request.caller, request.ino, fh, after, abi.LEASEFS_PINS_MAX);
  echo(transport, request, abi.pins.pins.at);
  reply.struct.clear(abi.pins.pins.at, abi.pins.bytes);
  for (let i = 0; i < listings.length; i++) {
    putPin(transport, abi.pins.pins.at + i * abi.pinInfo.bytes, listings[i]!);
  }
  reply.struct.setU32(abi.pins.count, listings.length);
  reply.struct.setU64(abi.pins.total, total);
  return 0;
}

function putPin({ reply }: IoctlTransport, base: number, listing: PinListing): void {
  const { owner, mine, zombie } = listing;
  const flags =
    (owner === 0 ? 0 : abi.LEASEFS_PIN_INFO_DESCRIPTION) |
    (mine ? abi.LEASEFS_PIN_INFO_MINE : 0) |
    (zombie ? abi.LEASEFS_PIN_INFO_ZOMBIE : 0);
  reply.struct.setU64(abi.pinInfo.id, listing.pin, base);
  reply.struct.setU64(abi.pinInfo.off, listing.start * BLOCK, base);
  reply.struct.setU64(abi.pinInfo.len, (listing.end - listing.start) * BLOCK, base);
  reply.struct.setS32(abi.pinInfo.pid, listing.pid, base);
  reply.struct.setU32(abi.pinInfo.flags, flags, base);
}

const answered = new Layout(abi.LEASEFS_EXTENTS_MAX);

function layout(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const flags = request.struct.u32(abi.layout.flags);
  const answer = operations.layout(
    request.caller,
    request.ino,
    fh,
    {
      off: request.struct.u64(abi.layout.off),
      len: request.struct.u64(abi.layout.len),
      list: (flags & abi.LEASEFS_LAYOUT_LIST) !== 0,
      seq: (flags & abi.LEASEFS_LAYOUT_SEQ) === 0 ? undefined : request.struct.u64(abi.layout.seq),
    },
    answered,
  );
  if (answer !== 0) return answer;
  const { seq, next, count, segment, fd, dev, ino, extents } = answered;
  echo(transport, request, abi.layout.seq.at);
  reply.struct.clear(abi.layout.seq.at, abi.layout.bytes);
  reply.struct.setU64(abi.layout.seq, seq);
  reply.struct.setU64(abi.layout.next, next);
  reply.struct.setU32(abi.layout.count, count);
  reply.struct.setU32(abi.layout.segment, segment);
  reply.struct.setS32(abi.layout.pid, fd < 0 ? 0 : process.pid);
  reply.struct.setS32(abi.layout.fd, fd);
  reply.struct.setU64(abi.layout.dev, dev);
  reply.struct.setU64(abi.layout.ino, ino);
  for (let i = 0; i < count; i++) {
    putExtent(transport, abi.layout.extents.at + i * abi.extent.bytes, extents[i]!);
  }
  return 0;
}

function putExtent({ reply }: IoctlTransport, base: number, { off, len, store, unwritten }: Extent): void {
  reply.struct.setU64(abi.extent.off, off, base);
  reply.struct.setU64(abi.extent.len, len, base);
  reply.struct.setU64(abi.extent.store, store, base);
  reply.struct.setU32(abi.extent.flags, unwritten ? abi.LEASEFS_EXTENT_UNWRITTEN : 0, base);
}

/** The text is made anew at offset 0 and kept until its last byte was read. -EAGAIN: the user has no share left for it. */
function report(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply, reports } = transport;
  const { caller, ino } = request;
  const what = reportKind(request.struct.u32(abi.report.what));
  const off = request.struct.u32(abi.report.off);
  if (what === undefined) return -errno.EINVAL;
  const going = operations.slices.goOn(caller);
  if (going === PARKED) return PARKED;
  let text = going === undefined && off === 0 ? undefined : reports.get(fh);
  if (text === undefined || (going === undefined && !text.has(off))) {
    // What refused the caller is history.
    const settled = what === 'refusal' ? 0 : operations.settle(caller, false);
    if (settled !== 0) return settled;
    const renewed = reports.renew(fh, caller.uid, operations.report(caller, ino, what));
    const made = operations.slices.inSteps(caller, () => renewed.make());
    if (made !== 0) return made;
    text = renewed;
  }
  const data = reply.struct.data(abi.report.data);
  const { size } = text;
  const length = text.read(off, data);
  if (length === undefined) return -errno.EAGAIN;
  echo(transport, request, abi.report.data.at);
  reply.struct.setU32(abi.report.len, length);
  reply.struct.setU32(abi.report.size, size);
  data.fill(0, length);
  return 0;
}
