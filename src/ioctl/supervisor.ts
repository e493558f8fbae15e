// The ioctls of leasefs-private.h by which the supervisor of `leasefs run` acts for another process.

import { readKind } from '../abi/kinds.js';
import * as abi from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import type { FileHandle } from '../base/units.js';
import type { Answer, PinForRequest } from '../fs/operations.js';
import type { HolderKind } from '../process/registration.js';
import {
  type Command,
  echo,
  IN,
  type IoctlRequest,
  type IoctlTransport,
  OUT,
  readSignal,
} from './structs.js';

export const supervisorIoctls: readonly (readonly [number, Command])[] = [
  [
    abi.LEASEFS_IOC_SUPERVISE,
    { bytes: abi.supervise.bytes, flags: undefined, reserved: [12, 32], run: supervise },
  ],
  [
    abi.LEASEFS_IOC_SETLEASE_FOR,
    {
      bytes: abi.leaseFor.bytes,
      flags: { at: abi.leaseFor.flags, known: abi.LEASEFS_NONBLOCK | abi.LEASEFS_CANCEL },
      reserved: [36, 48],
      run: setLeaseFor,
    },
  ],
  [abi.LEASEFS_IOC_PIN_FOR, { bytes: abi.pinFor.bytes, flags: undefined, reserved: [72, 80], run: pinFor }],
];

function supervise(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const { operations, reply } = transport;
  const fd = request.i32(IN + abi.supervise.fd);
  const answer = fd < 0 ? operations.askSecret(request.caller) : operations.supervise(request.caller, fh, fd);
  if (answer < 0) return answer;
  echo(transport, request, abi.supervise.bytes);
  if (fd < 0) reply.setU32(OUT + abi.supervise.fd, answer);
  reply.setU32(OUT + abi.supervise.pid, process.pid);
  return 0;
}

function setLeaseFor(transport: IoctlTransport, request: IoctlRequest, fh: FileHandle): Answer {
  const kind = readKind(request.u32(IN + abi.leaseFor.kind));
  const signal = readSignal(request.i32(IN + abi.leaseFor.signal));
  if (kind === undefined || signal === undefined) return -errno.EINVAL;
  const subject = {
    tid: request.i32(IN + abi.leaseFor.tid),
    start: request.u64(IN + abi.leaseFor.start),
  };
  const flags = request.u32(IN + abi.leaseFor.flags);
  if (flags & abi.LEASEFS_CANCEL) {
    const cancelled = transport.operations.cancelLeaseFor(request.caller, subject.tid);
    if (cancelled === 0) echo(transport, request, abi.leaseFor.bytes);
    return cancelled;
  }
  const answer = transport.operations.setLeaseFor(request.caller, fh, subject, {
    kind,
    signal,
    nonblock: (flags & abi.LEASEFS_NONBLOCK) !== 0,
    cookie: request.big(IN + abi.leaseFor.cookie),
  });
  if (answer === 0) echo(transport, request, abi.leaseFor.bytes);
  return answer;
}

const holders = new Map<number, HolderKind>([
  [abi.LEASEFS_HOLDER_BUFFER, 'buffer'],
  [abi.LEASEFS_HOLDER_RING, 'ring'],
  [abi.LEASEFS_HOLDER_RINGS, 'rings'],
  [abi.LEASEFS_HOLDER_SOCKET, 'socket'],
  [abi.LEASEFS_HOLDER_REGION, 'region'],
]);

function pinFor(transport: IoctlTransport, request: IoctlRequest): Answer {
  const holder = request.u32(IN + abi.pinFor.holder);
  const kind = holders.get(holder & ~abi.LEASEFS_HOLDER_FIRST);
  if (kind === undefined) return -errno.EINVAL;
  const asked: PinForRequest = {
    tid: request.i32(IN + abi.pinFor.tid),
    start: request.u64(IN + abi.pinFor.start),
    ino: request.u64(IN + abi.pinFor.ino),
    first: (holder & abi.LEASEFS_HOLDER_FIRST) !== 0,
    off: request.u64(IN + abi.pinFor.off),
    len: request.u64(IN + abi.pinFor.len),
    registered: {
      kind,
      fd: request.i32(IN + abi.pinFor.fd),
      addr: request.u64(IN + abi.pinFor.addr),
      bytes: request.u64(IN + abi.pinFor.registered),
    },
  };
  const id = transport.operations.pinFor(request.caller, asked);
  if (id < 0) return id;
  echo(transport, request, abi.pinFor.bytes);
  transport.reply.set64(OUT + abi.pinFor.id, id);
  return 0;
}
