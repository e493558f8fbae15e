// The ioctls of native/include/leasefs.h, by whatever route they come. One table says what each struct must look like: its
// version, the flags that there are, where its reserved fields lie. All else, FS_IOC_GETFLAGS included, is ENOTTY. The
// offsets are those of src/abi/leasefs.ts, which a test holds against the header.

import { readKind } from '../abi/kinds.js';
import * as abi from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import { BLOCK, type FileHandle, MAX_OFFSET } from '../base/units.js';
import { type Answer, Layout, type Operations, type PinListing } from '../fs/operations.js';
import type { Extent } from '../store/file-store.js';
import {
  type Command,
  echo,
  IN,
  type IoctlRequest,
  type IoctlTransport,
  OUT,
  readSignal,
} from './structs.js';

type ReportKind = Parameters<Operations['report']>[2];

/** By number, those of a supervisor (supervisor.ts) apart. */
export const ioctls: ReadonlyMap<number, Command> = new Map<number, Command>([
  [
    abi.LEASEFS_IOC_SETLEASE,
    {
      bytes: abi.lease.bytes,
      flags: { at: abi.lease.flags, known: abi.LEASEFS_NONBLOCK },
      reserved: [36, 56],
      run: setLease,
    },
  ],
  [
    abi.LEASEFS_IOC_GETLEASE,
    {
      bytes: abi.lease.bytes,
      flags: { at: abi.lease.flags, known: abi.LEASEFS_NONBLOCK },
      reserved: [36, 56],
      run: getLease,
    },
  ],
  [
    abi.LEASEFS_IOC_PIN,
    {
      bytes: abi.pin.bytes,
      flags: { at: abi.pin.flags, known: abi.LEASEFS_PIN_BY_DESCRIPTION },
      reserved: [40, 56],
      run: pin,
    },
  ],
  [
    abi.LEASEFS_IOC_UNPIN,
    {
      bytes: abi.unpin.bytes,
      flags: { at: abi.unpin.flags, known: abi.LEASEFS_UNPIN_ALL },
      reserved: [20, 32],
      run: unpin,
    },
  ],
  [abi.LEASEFS_IOC_GETPINS, { bytes: abi.pins.bytes, flags: undefined, reserved: [24, 32], run: getPins }],
  [abi.LEASEFS_IOC_REPORT, { bytes: abi.report.bytes, flags: undefined, reserved: [20, 32], run: report }],
  [
    abi.LEASEFS_IOC_LAYOUT,
    {
      bytes: abi.layout.bytes,
      flags: { at: abi.layout.flags, known: abi.LEASEFS_LAYOUT_LIST | abi.LEASEFS_LAYOUT_SEQ },
      reserved: [72, 88],
      run: layout,
    },
  ],
]);

/** Answers in `reply`: 0 when the struct is there, `-errno`, PARKED. The caller has seen that `request` holds `bytes`. */
export function runIoctl(
  command: Command,
  transport: IoctlTransport,
  request: IoctlRequest,
  fh: FileHandle,
): Answer {
  return isValid(command, request) ? command.run(transport, request, fh) : -errno.EINVAL;
}

function isValid({ flags, reserved }: Command, request: IoctlRequest): boolean {
  if (request.u32(IN) !== abi.LEASEFS_ABI) return false;
  if (flags !== undefined && request.u32(IN + flags.at) & ~flags.known) return false;
  for (let at = reserved[0]; at < reserved[1]; at += 4) {
    if (request.u32(IN + at) !== 0) return false;
  }
  return true;
}

function setLease(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const signal = readSignal(request.i32(IN + abi.lease.signal));
  const answer = transport.operations.setLease(request.caller, request.ino, fh, {
    kind: signal === undefined ? undefined : readKind(request.u32(IN + abi.lease.kind)),
    signal: signal ?? 0,
    nonblock: (request.u32(IN + abi.lease.flags) & abi.LEASEFS_NONBLOCK) !== 0,
    cookie: request.big(IN + abi.lease.cookie),
  });
  if (answer === 0) echo(transport, request, abi.lease.bytes);
  return answer;
}

function getLease(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const { kind, breakMs, token } = operations.getLease(request.ino, fh);
  echo(transport, request, abi.lease.bytes);
  reply.setU32(OUT + abi.lease.kind, kind);
  reply.setBig(OUT + abi.lease.description, token);
  reply.setU32(OUT + abi.lease.break_ms, Math.min(breakMs, 0xffff_ffff));
  return 0;
}

function pin(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const byDescription = request.u32(IN + abi.pin.flags) === abi.LEASEFS_PIN_BY_DESCRIPTION;
  const off = request.u64(IN + abi.pin.off);
  const len = request.u64(IN + abi.pin.len);
  if (off + len > MAX_OFFSET) return -errno.EINVAL;
  const owner = byDescription ? request.big(IN + abi.pin.owner) : undefined;
  const id = operations.pin(request.caller, request.ino, fh, { off, len, owner });
  if (id < 0) return id;
  echo(transport, request, abi.pin.bytes);
  reply.set64(OUT + abi.pin.id, id);
  return 0;
}

function unpin(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const all = request.u32(IN + abi.unpin.flags) === abi.LEASEFS_UNPIN_ALL;
  const id = all ? undefined : request.u64(IN + abi.unpin.id);
  const removed = operations.unpin(request.caller, request.ino, fh, id);
  if (removed < 0) return removed;
  echo(transport, request, abi.unpin.bytes);
  reply.setU32(OUT + abi.unpin.count, removed);
  return 0;
}

function getPins(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const after = request.u64(IN + abi.pins.after);
  const { total, listings } = operations.pins(request.caller, request.ino, fh, after, abi.LEASEFS_PINS_MAX);
  echo(transport, request, abi.pins.pins);
  reply.clear(OUT + abi.pins.pins, OUT + abi.pins.bytes);
  for (let i = 0; i < listings.length; i++) {
    putPin(transport, OUT + abi.pins.pins + i * abi.pinInfo.bytes, listings[i]!);
  }
  reply.setU32(OUT + abi.pins.count, listings.length);
  reply.set64(OUT + abi.pins.total, total);
  return 0;
}

function putPin({ reply }: IoctlTransport, at: number, listing: PinListing): void {
  const { owner, mine, zombie } = listing;
  const flags =
    (owner === 0 ? 0 : abi.LEASEFS_PIN_INFO_DESCRIPTION) |
    (mine ? abi.LEASEFS_PIN_INFO_MINE : 0) |
    (zombie ? abi.LEASEFS_PIN_INFO_ZOMBIE : 0);
  reply.set64(at + abi.pinInfo.id, listing.pin);
  reply.set64(at + abi.pinInfo.off, listing.start * BLOCK);
  reply.set64(at + abi.pinInfo.len, (listing.end - listing.start) * BLOCK);
  reply.setU32(at + abi.pinInfo.pid, listing.pid);
  reply.setU32(at + abi.pinInfo.flags, flags);
}

const answered = new Layout(abi.LEASEFS_EXTENTS_MAX);

function layout(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const flags = request.u32(IN + abi.layout.flags);
  const answer = operations.layout(
    request.caller,
    request.ino,
    fh,
    {
      off: request.u64(IN + abi.layout.off),
      len: request.u64(IN + abi.layout.len),
      list: (flags & abi.LEASEFS_LAYOUT_LIST) !== 0,
      seq: (flags & abi.LEASEFS_LAYOUT_SEQ) === 0 ? undefined : request.u64(IN + abi.layout.seq),
    },
    answered,
  );
  if (answer < 0) return answer;
  const { seq, next, count, segment, fd, dev, ino, extents } = answered;
  echo(transport, request, abi.layout.seq);
  reply.clear(OUT + abi.layout.seq, OUT + abi.layout.bytes);
  reply.set64(OUT + abi.layout.seq, seq);
  reply.set64(OUT + abi.layout.next, next);
  reply.setU32(OUT + abi.layout.count, count);
  reply.setU32(OUT + abi.layout.segment, segment);
  reply.setU32(OUT + abi.layout.pid, fd < 0 ? 0 : process.pid);
  reply.setU32(OUT + abi.layout.fd, fd);
  reply.set64(OUT + abi.layout.dev, dev);
  reply.set64(OUT + abi.layout.ino, ino);
  for (let i = 0; i < count; i++) {
    putExtent(transport, OUT + abi.layout.extents + i * abi.extent.bytes, extents[i]!);
  }
  return 0;
}

function putExtent({ reply }: IoctlTransport, at: number, { off, len, store, unwritten }: Extent): void {
  reply.set64(at + abi.extent.off, off);
  reply.set64(at + abi.extent.len, len);
  reply.set64(at + abi.extent.store, store);
  reply.setU32(at + abi.extent.flags, unwritten ? abi.LEASEFS_EXTENT_UNWRITTEN : 0);
}

const reportKinds: readonly (ReportKind | undefined)[] = [undefined, 'status', 'leases', 'pins'];
const encoder = new TextEncoder();

/** The text is made anew at offset 0 and kept until the description is gone. */
function report(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply, reports } = transport;
  const what = reportKinds[request.u32(IN + abi.report.what)];
  const off = request.u32(IN + abi.report.off);
  if (what === undefined) return -errno.EINVAL;
  let text = reports.get(fh);
  if (text === undefined || off === 0) {
    text = encoder.encode(operations.report(request.caller, request.ino, what));
    reports.set(fh, text);
  }
  const piece = text.subarray(off, off + abi.LEASEFS_REPORT_MAX);
  echo(transport, request, abi.report.data);
  reply.setU32(OUT + abi.report.len, piece.length);
  reply.setU32(OUT + abi.report.size, text.length);
  const data = reply.data(OUT + abi.report.data, abi.LEASEFS_REPORT_MAX);
  data.set(piece);
  data.fill(0, piece.length);
  return 0;
}
