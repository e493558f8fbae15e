// Test doubles of both sides of the session: a channel that a test speaks through as the kernel, and operations that
// record how they were called. Records are put together from fields here, never by the code under test.
import { Gather } from '../../src/base/gather.js';
import {
  Attr,
  Caller,
  type LongWork,
  Opened,
  type Operations,
  SetAttr,
  StatFs,
} from '../../src/fs/operations.js';
import { BUFFER_SIZE } from '../../src/fuse/init.js';
import { startSession } from '../../src/fuse/session.js';
import type { Session } from '../../src/fuse/session-types.js';
import type { Channel, Result } from '../../src/native/binding.js';

// Fields of a record, little-endian.

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function u64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
}

export const text = (value: string): Buffer => Buffer.from(value, 'latin1');
export const zeros = (length: number): Buffer => Buffer.alloc(length);

export interface Header {
  readonly unique?: bigint;
  readonly nodeid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly pid?: number;
  /** Bytes of extensions, a multiple of 8. */
  readonly extensions?: Buffer;
}

/** struct fuse_in_header, the body, the extensions. */
export function record(opcode: number, header: Header, ...body: readonly Buffer[]): Buffer {
  const { unique = 2n, nodeid = 1, uid = 0, gid = 0, pid = 100, extensions = zeros(0) } = header;
  const content = Buffer.concat([...body, extensions]);
  return Buffer.concat([
    u32(40 + content.length),
    u32(opcode),
    u64(unique),
    u64(nodeid),
    u32(uid),
    u32(gid),
    u32(pid),
    u16(extensions.length / 8),
    u16(0),
    content,
  ]);
}

/** struct fuse_out_header and the payload. */
export function answer(unique: bigint, error: number, ...payload: readonly Buffer[]): Buffer {
  const content = Buffer.concat(payload);
  return Buffer.concat([u32(16 + content.length), u32(error), u64(unique), content]);
}

/** struct fuse_init_in of a kernel that offers everything. */
export const initBody = (
  minor: number,
  flags = 0xffff_ffff,
  flags2 = 0xffff_ffff,
  readahead = 131072,
): Buffer => {
  const old = [u32(7), u32(minor), u32(readahead), u32(minor < 36 ? flags & ~(1 << 30) : flags)];
  return Buffer.concat(minor < 36 ? old : [...old, u32(flags2), zeros(44)]);
};

/** The kernel's end of a channel. */
export class FakeChannel implements Channel {
  readonly request = new ArrayBuffer(BUFFER_SIZE);
  readonly reply = new ArrayBuffer(BUFFER_SIZE);
  fd = -1;
  readonly lost = 0;
  readonly skipsTurns = false;
  /** Records that came by `send`: late answers and notifications. */
  readonly sent: Buffer[] = [];
  readonly closedIds: number[] = [];
  closed = false;
  /** What BACKING_OPEN answers; ids from 1 on by default. */
  backing: (fd: number) => Result = () => ++this.lastId;
  private lastId = 0;
  private onRequest!: (length: number, waited: number) => number;
  private onEnd!: (errno: number) => void;

  start(onRequest: (length: number, waited: number) => number, onEnd: (errno: number) => void): void {
    this.onRequest = onRequest;
    this.onEnd = onEnd;
  }

  /** Hands a record over; the reply that it got at once, or undefined. */
  deliver(bytes: Uint8Array): Buffer | undefined {
    new Uint8Array(this.request).set(bytes);
    const length = this.onRequest(bytes.length, -1);
    return length === 0 ? undefined : Buffer.from(this.reply.slice(0, length));
  }

  end(errno: number): void {
    this.onEnd(errno);
  }

  spin(): void {}

  send(length: number): Result {
    this.sent.push(Buffer.from(this.reply.slice(0, length)));
    return length;
  }

  sendv(..._record: Parameters<Channel['sendv']>): Result {
    throw new Error('not used');
  }

  backingOpen(fd: number): Result {
    return this.backing(fd);
  }

  backingClose(id: number): Result {
    this.closedIds.push(id);
    return 0;
  }

  close(): void {
    this.closed = true;
  }
}

export type Call = readonly [name: string, ...args: unknown[]];

/** Objects that are used again are copied as they were at the call; buffers to be filled are not worth a look. */
function snapshot(value: unknown): unknown {
  if (value instanceof Caller || value instanceof SetAttr) return { ...value };
  if (value instanceof Attr || value instanceof Opened || value instanceof StatFs) return 'out';
  if (value instanceof Gather) return 'gather';
  if (value instanceof ArrayBuffer) return 'buffer';
  if (value instanceof Uint8Array) return value.length === BUFFER_SIZE ? 'buffer' : Buffer.from(value);
  return value;
}

export interface Bench {
  readonly channel: FakeChannel;
  readonly session: Session;
  /** What the session asked of the operations so far. */
  readonly calls: Call[];
  readonly log: string[];
  /** The last call of an operation. */
  last(): Call;
}

/** All work is done at once. */
export const noSlices: LongWork = {
  wait: () => 0,
  inSteps(_caller, step) {
    while (!step());
    return 0;
  },
  goOn: () => undefined,
};

/** Operations that answer 0 but where `answers` says otherwise. */
export function operationsOf(answers: Partial<Operations>, calls: Call[]): Operations {
  return new Proxy({} as Operations, {
    get(_, name: keyof Operations) {
      if (name === 'slices') return answers.slices ?? noSlices;
      return (...args: unknown[]): unknown => {
        calls.push([name, ...args.map(snapshot)]);
        const given = answers[name] as ((...args: unknown[]) => unknown) | undefined;
        return given === undefined ? 0 : given(...args);
      };
    },
  });
}

/** A session that has shaken hands with a kernel of protocol 7.45, unless `minor` is 0. It answers POLL unless `poll` is false. */
export function bench(answers: Partial<Operations> = {}, minor = 45, passthrough = true, poll = true): Bench {
  const channel = new FakeChannel();
  const calls: Call[] = [];
  const log: string[] = [];
  const operations = operationsOf(answers, calls);
  const guard = () => 0;
  const session = startSession({
    channel,
    operations,
    passthrough,
    poll,
    guard,
    log: line => log.push(line),
  });
  if (minor > 0) channel.deliver(record(26, {}, initBody(minor)));
  return { channel, session, calls, log, last: () => calls.at(-1)! };
}
