// The journal's records of the lease plane: how each is written, and beside it how it is read. Times are ms of
// CLOCK_MONOTONIC, which goes on from one process to the next.
import type { Kind } from '../../abi/kinds.js';
import {
  BLOCK,
  type FileHandle,
  type InodeNumber,
  type LeaseId,
  type PinId,
  type ProcessId,
} from '../../base/units.js';
import type { Log, LogReader } from '../../journal/log.js';
import { RECORD } from '../../journal/records.js';
import type { Lease, Notice, Pin, SavedLease, SavedPin } from '../../lease/index.js';
import type { SavedProcess } from '../../process/processes.js';
import type { Registration } from '../../process/registration.js';
import type { SavedVirtual } from '../vfs/virtual.js';
import type { SupervisedPin } from './supervised.js';

/** ms from the clock of this process to that of the machine. */
const SHARED = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Above the kind, and the kind that a break demands. */
const KIND_BITS = 8;
const MUST = KIND_BITS;
const OWNER_DEAD = 1 << 16;
const ZOMBIE = 1 << 17;
const BREAKING = 1 << 18;
const JOINED = 1 << 19;
const NOTICE = 1 << 20;
const OWED = 1 << 21;

/** What the plane knows of a lease beside the machine. */
export interface LeaseFacts {
  /** Its holder has not been notified of the break yet. */
  readonly isOwed: boolean;
}

const halves = new Int32Array(2);
const whole = new BigInt64Array(halves.buffer);
const unsigned = new BigUint64Array(halves.buffer);

function putBig(log: Log, value: bigint): void {
  whole[0] = value;
  log.u32(halves[0]!);
  log.u32(halves[1]!);
}

function readHalves(record: LogReader): void {
  halves[0] = record.u32();
  halves[1] = record.u32();
}

export function putLease(log: Log, lease: Lease, isOwed: boolean): void {
  const { breaking, notice } = lease;
  let bits: number = lease.kind;
  if (lease.ownerDead) bits |= OWNER_DEAD;
  if (lease.zombie) bits |= ZOMBIE;
  if (breaking !== undefined) bits |= BREAKING | (breaking.must << MUST) | (breaking.joined ? JOINED : 0);
  // Without a signal it says nothing.
  const signals = notice !== undefined && notice.signal > 0;
  if (signals) bits |= NOTICE;
  if (isOwed) bits |= OWED;
  log.begin(RECORD.lease);
  log.f64(lease.id);
  log.u32(bits);
  log.f64(lease.file.ino);
  log.f64(lease.description);
  log.f64(lease.owner);
  log.f64(lease.takenAt + SHARED);
  if (breaking !== undefined) {
    log.f64(breaking.until + SHARED);
    log.f64(breaking.breaker);
  }
  if (signals) {
    log.u32(notice.signal);
    log.u32(notice.uid);
    putBig(log, notice.cookie);
  }
  log.end();
}

export function readLease(record: LogReader): SavedLease & LeaseFacts {
  const id = record.f64() as LeaseId;
  const bits = record.u32();
  const file = record.f64() as InodeNumber;
  const description = record.f64() as FileHandle;
  const owner = record.f64() as ProcessId;
  const takenAt = record.f64() - SHARED;
  const breaking =
    (bits & BREAKING) === 0
      ? undefined
      : {
          until: record.f64() - SHARED,
          breaker: record.f64() as ProcessId,
          must: ((bits >>> MUST) & 0xff) as Kind,
          joined: (bits & JOINED) !== 0,
        };
  const notice = (bits & NOTICE) === 0 ? undefined : readNotice(record);
  return {
    ...{ id, file, description, owner, takenAt, breaking, notice },
    kind: (bits & 0xff) as Kind,
    ownerDead: (bits & OWNER_DEAD) !== 0,
    zombie: (bits & ZOMBIE) !== 0,
    isOwed: (bits & OWED) !== 0,
  };
}

function readNotice(record: LogReader): Notice {
  const signal = record.u32();
  const uid = record.u32();
  readHalves(record);
  return { signal, uid, cookie: whole[0]! };
}

const CHARGED = 1;

export function putPin(log: Log, pin: Pin): void {
  log.begin(RECORD.pin);
  log.f64(pin.id);
  log.f64(pin.lease.id);
  log.f64(pin.start);
  log.f64(pin.end);
  log.f64(pin.process);
  log.f64(pin.owner);
  log.u32(pin.uid);
  log.u32(pin.charged > 0 ? CHARGED : 0);
  log.f64(pin.pinnedAt + SHARED);
  log.end();
}

export function readPin(record: LogReader): SavedPin {
  const id = record.f64() as PinId;
  const lease = record.f64() as LeaseId;
  const start = record.f64();
  const end = record.f64();
  const process = record.f64() as ProcessId;
  const owner = record.f64() as FileHandle | 0;
  const uid = record.u32();
  const charged = record.u32() === CHARGED ? (end - start) * BLOCK : 0;
  return { id, lease, start, end, process, owner, uid, charged, pinnedAt: record.f64() - SHARED };
}

export function putProcess(log: Log, process: SavedProcess): void {
  log.begin(RECORD.process);
  log.f64(process.id);
  log.u32(process.pid);
  log.f64(process.start);
  log.f64(process.identity);
  log.f64(process.uid);
  log.u32(process.alive ? 1 : 0);
  log.text(process.command);
  log.end();
}

export const readProcess = (record: LogReader): SavedProcess => ({
  id: record.f64() as ProcessId,
  pid: record.u32(),
  start: record.f64(),
  identity: record.f64(),
  uid: record.f64(),
  alive: record.u32() === 1,
  command: record.text(),
});

/** Of a layout granted under the lease: blocks of the store. */
export function putGranted(log: Log, lease: LeaseId, uid: number, blk: number, n: number): void {
  log.begin(RECORD.granted);
  log.f64(lease);
  log.u32(uid);
  log.f64(blk);
  log.f64(n);
  log.end();
}

export const readGranted = (record: LogReader): [LeaseId, number, number, number] => [
  record.f64() as LeaseId,
  record.u32(),
  record.f64(),
  record.f64(),
];

export function putToken(log: Log, fh: FileHandle, token: bigint): void {
  log.begin(RECORD.token);
  log.f64(fh);
  putBig(log, token);
  log.end();
}

export function readToken(record: LogReader): [FileHandle, bigint] {
  const fh = record.f64() as FileHandle;
  readHalves(record);
  return [fh, unsigned[0]!];
}

export function putSupervisor(log: Log, fh: FileHandle, process: ProcessId): void {
  log.begin(RECORD.supervisor);
  log.f64(fh);
  log.f64(process);
  log.end();
}

export function putRegistration(log: Log, held: SupervisedPin): void {
  log.begin(RECORD.registration);
  log.f64(held.pin);
  log.f64(held.ino);
  log.f64(held.handle);
  log.f64(held.start);
  log.f64(held.end);
  log.bytes(Buffer.from(JSON.stringify(held.registration)));
  log.end();
}

export function readRegistration(record: LogReader): SupervisedPin {
  const pin = record.f64() as PinId;
  const ino = record.f64() as InodeNumber;
  const handle = record.f64() as FileHandle;
  const start = record.f64();
  const end = record.f64();
  const registration = JSON.parse(Buffer.from(record.bytes()).toString()) as Registration;
  return { pin, ino, handle, start, end, registration };
}

const NONBLOCK = 1;
const PRIVILEGED = 2;

export function putVirtual(log: Log, fh: FileHandle, file: SavedVirtual): void {
  log.begin(RECORD.virtualFile);
  log.f64(fh);
  log.f64(file.ino);
  log.f64(file.uid);
  log.u32((file.nonblock ? NONBLOCK : 0) | (file.privileged ? PRIVILEGED : 0));
  log.f64(file.at.next);
  log.bytes(file.at.rest);
  log.end();
}

export function readVirtual(record: LogReader): [FileHandle, SavedVirtual] {
  const fh = record.f64() as FileHandle;
  const ino = record.f64() as InodeNumber;
  const uid = record.f64();
  const bits = record.u32();
  const at = { next: record.f64(), rest: record.bytes() };
  return [fh, { ino, uid, nonblock: (bits & NONBLOCK) !== 0, privileged: (bits & PRIVILEGED) !== 0, at }];
}
