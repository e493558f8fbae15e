// The verbs of actor.c with names and types. Descriptors, mappings and rings of an actor live in numbered slots: all
// are 0 unless a call says otherwise. Offsets, lengths and sizes are bytes.
import { BY_DESCRIPTION, PUNCH } from './numbers.js';

export type Word = string | number | bigint;
type Bytes = number | bigint;

/** The slot of the descriptor. */
export interface At {
  readonly slot?: number;
}
export interface AtMap {
  readonly map?: number;
}
export interface LeaseOptions extends At {
  /** The call answers EAGAIN instead of waiting for a break (B4). */
  readonly nonblock?: boolean;
  readonly signal?: number;
  readonly cookie?: Bytes;
}
export interface PinOptions extends At {
  /** The description of the slot owns the pin, not the process (N4). */
  readonly byDescription?: boolean;
  /** The token of another description that owns the pin. */
  readonly owner?: Word | undefined;
  /** As in leasefs.h, where a test sends wrong ones. */
  readonly flags?: number;
}
export interface RingOptions extends AtMap {
  readonly ring?: number;
  readonly off?: number;
  /** IORING_SETUP_* flags. */
  readonly setup?: number;
  /** Entries of a sparse table, whose last is the buffer; 0: a table of one buffer. */
  readonly table?: number;
}

/** Each verb once; what becomes of its answer is the subclass's. */
export abstract class Verbs<Outcome> {
  abstract call(verb: string, ...args: readonly Word[]): Outcome;

  open = (path: string, flags: number, { slot = 0 }: At = {}) => this.call('open', slot, path, flags);
  close = ({ slot = 0 }: At = {}) => this.call('close', slot);
  dup = (from: number, to: number) => this.call('dup', from, to);
  /** SCM_RIGHTS to the mailbox of another actor, and out of our own into the slot. */
  send = (name: string, { slot = 0 }: At = {}) => this.call('send', slot, name);
  receive = ({ slot = 0 }: At = {}) => this.call('receive', slot);

  setLease = (kind: number, { slot = 0, nonblock = false, signal = 0, cookie = 0 }: LeaseOptions = {}) =>
    this.call('setlease', slot, kind, Number(nonblock), signal, cookie);
  getLease = ({ slot = 0 }: At = {}) => this.call('getlease', slot);
  /** The value is the pin's id. */
  pin = (off: Bytes, len: Bytes, { slot = 0, byDescription, owner, flags }: PinOptions = {}) =>
    this.call(
      'pin',
      slot,
      off,
      len,
      flags ?? (byDescription || owner !== undefined ? BY_DESCRIPTION : 0),
      owner ?? 0,
    );
  /** `count` pins of one block each, on the first `blocks` blocks in turn. */
  pinMany = (count: number, blocks: number, { slot = 0 }: At = {}) =>
    this.call('pin_many', slot, count, blocks);
  /** The value is the number of pins that ended. */
  unpin = (id: number, { slot = 0 }: At = {}) => this.call('unpin', slot, id, 0);
  unpinAll = ({ slot = 0 }: At = {}) => this.call('unpin', slot, 0, 1);
  /** ioctl(2) on slot 0 with a struct of the request's size, zeros but for its first 32-bit words. */
  ioctl = (request: number, ...words: number[]) => this.call('ioctl_raw', 0, request, ...words);

  truncate = (path: string, size: Bytes) => this.call('truncate', path, size);
  ftruncate = (size: Bytes, { slot = 0 }: At = {}) => this.call('ftruncate', slot, size);
  fallocate = (mode: number, off: Bytes, len: Bytes, { slot = 0 }: At = {}) =>
    this.call('fallocate', slot, mode, off, len);
  punch = (off: Bytes, len: Bytes, at?: At) => this.fallocate(PUNCH, off, len, at);
  pwrite = (off: Bytes, len: number, byte: number, { slot = 0 }: At = {}) =>
    this.call('pwrite', slot, off, len, byte);
  /** The value is the byte at `off`. */
  pread = (off: Bytes, { slot = 0 }: At = {}) => this.call('pread', slot, off);
  chown = (path: string, uid: number, gid: number) => this.call('chown', path, uid, gid);
  unlink = (path: string) => this.call('unlink', path);

  mmap = (len: number, { slot = 0, map = 0, off = 0 }: At & AtMap & { off?: number } = {}) =>
    this.call('mmap', slot, map, off, len);
  munmap = ({ map = 0 }: AtMap = {}) => this.call('munmap', map);
  /** mremap(2) to another address. */
  move = ({ map = 0 }: AtMap = {}) => this.call('move', map);
  store = (off: number, len: number, byte: number, { map = 0 }: AtMap = {}) =>
    this.call('store', map, off, len, byte);
  /** The value is the byte at `off` of the mapping. */
  load = (off: number, { map = 0 }: AtMap = {}) => this.call('load', map, off);
  msync = ({ map = 0 }: AtMap = {}) => this.call('msync', map);
  madvise = (off: number, len: number, advice: number, { map = 0 }: AtMap = {}) =>
    this.call('madvise', map, off, len, advice);

  /** A new io_uring with the bytes of a mapping as its registered buffer, which the kernel pins. */
  registerBuffer = (len: number, { ring = 0, map = 0, off = 0, setup = 0, table = 0 }: RingOptions = {}) =>
    this.call('uring_register', ring, map, off, len, setup, table);
  unregisterBuffer = (ring = 0) => this.call('uring_unregister', ring);
  closeRing = (ring = 0) => this.call('uring_close', ring);
  /** Keeps the ring's lock busy. */
  spinRing = (ms: number, ring = 0) => this.call('uring_spin', ring, ms);
  /** A fixed read of bytes of this value into the registered buffer of ring 0, mapping 0. */
  fixedRead = (off: number, len: number, byte: number) => this.call('uring_read', 0, 0, off, len, byte);
  /** So many buffered operations of io_uring on slot 0, of one block each. */
  ringReads = (count: number) => this.call('uring_buffered', 0, 0, count);
  ringWrites = (count: number) => this.call('uring_buffered', 0, 1, count);

  /** poll(2) of the file: the value is revents. */
  poll = (events: number, ms: number, { slot = 0 }: At = {}) => this.call('poll', slot, events, ms);
  /** Makes the break descriptor of the slot. */
  watch = ({ slot = 0 }: At = {}) => this.call('watch', slot);
  /** Waits at the break descriptor for a break: the value is what the lease must become; 0 after `ms` (-1: for ever). */
  awaitBreak = (ms = -1, { slot = 0 }: At = {}) => this.call('break', slot, ms);
  /** A signal to the thread of a command that waits. */
  interrupt = (command: { readonly id: number }) => this.call('interrupt', command.id);
  /** The same process becomes `sleep`. */
  exec = (seconds: number) => this.call('exec', seconds);
}

/** The verbs with another outcome than the actor's own. */
export class View<Outcome> extends Verbs<Outcome> {
  readonly call: (verb: string, ...args: readonly Word[]) => Outcome;

  constructor(call: (verb: string, ...args: readonly Word[]) => Outcome) {
    super();
    this.call = call;
  }
}
