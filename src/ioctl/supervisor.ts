// The ioctls of leasefs-private.h by which the supervisor of `leasefs run` acts for another process.

import { holderKind } from '../abi/holders.js';
import { NONE, readKind } from '../abi/kinds.js';
import * as abi from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import type { FileHandle } from '../base/units.js';
import { type Answer, PARKED, type PinForRequest } from '../fs/operations.js';
import { type Command, echo, type IoctlRequest, type IoctlTransport, readSignal } from './structs.js';

export const supervisorIoctls: readonly (readonly [number, Command])[] = [
  [abi.LEASEFS_IOC_SUPERVISE, { struct: abi.supervise, flags: 0, run: supervise }],
  [
    abi.LEASEFS_IOC_SETLEASE_FOR,
    {
      struct: abi.leaseFor,
      flags: abi.LEASEFS_NONBLOCK | abi.LEASEFS_TRY | abi.LEASEFS_CANCEL | abi.LEASEFS_UNDO,
      run: setLeaseFor,
    },
  ],
  [abi.LEASEFS_IOC_PIN_FOR, { struct: abi.pinFor, flags: 0, run: pinFor }],
];

function supervise(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const fd = request.struct.s32(abi.supervise.fd);
  const answer =
    fd < 0
      ? operations.askSecret(request.caller)
      : operations.supervise(request.caller, fh, request.struct.data(abi.supervise.token));
  if (answer < 0) return answer;
  echo(transport, request, abi.supervise.bytes);
  if (fd < 0) reply.struct.setS32(abi.supervise.fd, answer);
  reply.struct.setS32(abi.supervise.pid, process.pid);
  return 0;
}

function setLeaseFor(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const kind = readKind(request.struct.u32(abi.leaseFor.kind));
  const signal = readSignal(request.struct.s32(abi.leaseFor.signal));
  if (kind === undefined || signal === undefined) return -errno.EINVAL;
  const subject = {
    tid: request.struct.s32(abi.leaseFor.tid),
    start: request.struct.u64(abi.leaseFor.start),
    identity: request.struct.u64(abi.leaseFor.identity),
  };
  const flags = request.struct.u32(abi.leaseFor.flags);
  if (flags & (abi.LEASEFS_CANCEL | abi.LEASEFS_UNDO)) {
    const isGranted = (flags & abi.LEASEFS_UNDO) !== 0;
    const cancelled = transport.operations.cancelLeaseFor(request.caller, subject.tid, isGranted);
    if (cancelled === 0) echo(transport, request, abi.leaseFor.bytes);
    return cancelled;
  }
  const { kind: before, breakMs } = transport.operations.getLease(request.ino, fh);
  // A break may leave nothing of it.
  const held = before !== NONE || breakMs > 0;
  const answer =
    kind === NONE && !held
      ? 0
      : transport.operations.setLeaseFor(request.caller, fh, subject, {
          kind,
          signal,
          nonblock: (flags & abi.LEASEFS_NONBLOCK) !== 0,
          cookie: request.struct.big(abi.leaseFor.cookie),
          tries: (flags & abi.LEASEFS_TRY) !== 0,
        });
  if (answer !== 0) return answer;
  echo(transport, request, abi.leaseFor.bytes);
  transport.reply.struct.setU32(abi.leaseFor.held, held ? 1 : 0);
  return 0;
}

function pinFor(transport: IoctlTransport, request: IoctlRequest): Answer {
  const holder = request.struct.u32(abi.pinFor.holder);
  if (holder === abi.LEASEFS_HOLDER_ENDS) return endPinFor(transport, request);
  const kind = holderKind(holder & ~(abi.LEASEFS_HOLDER_FIRST | abi.LEASEFS_HOLDER_GOES_ON));
  if (kind === undefined) return -errno.EINVAL;
  const asked: PinForRequest = {
    tid: request.struct.s32(abi.pinFor.tid),
    start: request.struct.u64(abi.pinFor.start),
    identity: request.struct.u64(abi.pinFor.identity),
    ino: request.struct.u64(abi.pinFor.ino),
    first: (holder & abi.LEASEFS_HOLDER_FIRST) !== 0,
    goesOn: (holder & abi.LEASEFS_HOLDER_GOES_ON) !== 0,
    off: request.struct.u64(abi.pinFor.off),
    len: request.struct.u64(abi.pinFor.len),
    registered: {
      kind,
      fd: request.struct.s32(abi.pinFor.fd),
      addr: request.struct.u64(abi.pinFor.addr),
      bytes: request.struct.u64(abi.pinFor.registered),
      part: request.struct.u32(abi.pinFor.part),
    },
  };
  const { operations } = transport;
  const settled = asked.first ? operations.settle(request.caller, true) : 0;
  if (settled !== 0) return settled;
  const id = operations.pinFor(request.caller, asked);
  // Pins whose registration has ended count for the limit until the daemon checks them.
  if (id === -errno.ENOMEM && operations.settle(request.caller, false) !== 0) return PARKED;
  if (id < 0 || id === PARKED) return id;
  echo(transport, request, abi.pinFor.bytes);
  transport.reply.struct.setU64(abi.pinFor.id, id);
  return 0;
}

function endPinFor(transport: IoctlTransport, request: IoctlRequest): Answer {
  const { struct, caller } = request;
  const subject = {
    tid: struct.s32(abi.pinFor.tid),
    start: struct.u64(abi.pinFor.start),
    identity: struct.u64(abi.pinFor.identity),
  };
  const answer = transport.operations.endPinFor(caller, subject, struct.u64(abi.pinFor.id));
  if (answer === 0) echo(transport, request, abi.pinFor.bytes);
  return answer;
}
