// A FUSE server of one file, by hand over the addon's Channel: what test/native/mount.test.ts mounts. Run as a process
// of its own (a program that calls into its own mount waits for itself): argv are the mount point and a source name.
//
// The file `f` is a memory file, passed through when the kernel lets us. An ioctl on it (IOCTL_WAIT, 8 bytes) is
// answered with its last four bytes raised by one: at once, or, when its first four are not 0, after the message
// 'waiting' to the parent and the parent's message 'answer', which answers the one that came last.
import { errno } from '../../src/base/errno.js';
import { native, STAT } from '../../src/native/binding.js';

const INIT = 26;
const INTERRUPT = 36;
const NO_REPLY: readonly number[] = [2, 42, INTERRUPT]; // FORGET, BATCH_FORGET
const FUSE_INIT_EXT = 2 ** 30;
const PASSTHROUGH_FLAGS2 = 1 << 5;
const FOPEN_PASSTHROUGH = 1 << 7;
const FOPEN_DIRECT_IO = 1;
const HEADER_IN = 40;
const HEADER_OUT = 16;

const [target, source] = process.argv.slice(2) as [string, string];
const channel = native.openFuse('/dev/fuse', 1024 * 1024 + 4096, 16);
const mounted = native.mount(
  source,
  target,
  'fuse',
  0,
  `fd=${channel.fd},rootmode=40000,user_id=0,group_id=0,allow_other`,
);
if (mounted < 0) throw new Error(`mount: ${mounted}`);

const file = native.memfdCreate('tiny');
native.ftruncate(file.fd, 4096);
native.pwrite(file.fd, new TextEncoder().encode('tiny').buffer as ArrayBuffer, 0, 4, 0);
const stat = new Float64Array(STAT.length);
const request = new DataView(channel.request);
const reply = new DataView(channel.reply);
const bytes = new Uint8Array(channel.reply);
let backing = 0;
let opens = 0;
let interrupted = 0;
/** The answers to ioctls that wait, by `unique`. */
const waiting = new Map<bigint, () => number>();
/** Requests by opcode. */
const seen = new Map<number, number>();

/** Completes the header of a reply of `length` bytes after it. */
function header(unique: bigint, length: number, error = 0): number {
  reply.setUint32(0, HEADER_OUT + length, true);
  reply.setInt32(4, -error, true);
  reply.setBigUint64(8, unique, true);
  return HEADER_OUT + length;
}

/** struct fuse_attr of the root or of the file, 88 bytes. */
function putAttr(at: number, nodeid: number): void {
  native.fstat(file.fd, stat);
  bytes.fill(0, at, at + 88);
  reply.setBigUint64(at, BigInt(nodeid), true);
  reply.setBigUint64(at + 8, nodeid === 1 ? 0n : BigInt(stat[STAT.size]!), true);
  reply.setUint32(at + 60, nodeid === 1 ? 0o40755 : 0o100666, true);
  reply.setUint32(at + 64, 1, true);
  reply.setUint32(at + 80, 4096, true);
}

function init(unique: bigint): number {
  bytes.fill(0, HEADER_OUT, HEADER_OUT + 64);
  reply.setUint32(HEADER_OUT, 7, true);
  reply.setUint32(HEADER_OUT + 4, Math.min(41, request.getUint32(HEADER_IN + 4, true)), true);
  reply.setUint32(HEADER_OUT + 12, FUSE_INIT_EXT, true);
  reply.setUint16(HEADER_OUT + 16, 16, true);
  reply.setUint16(HEADER_OUT + 18, 12, true);
  reply.setUint32(HEADER_OUT + 20, 1024 * 1024, true);
  reply.setUint32(HEADER_OUT + 24, 1, true);
  reply.setUint16(HEADER_OUT + 28, 256, true);
  reply.setUint32(HEADER_OUT + 32, PASSTHROUGH_FLAGS2, true);
  reply.setUint32(HEADER_OUT + 36, 1, true);
  return header(unique, 64);
}

function lookup(unique: bigint): number {
  if (request.getUint8(HEADER_IN) !== 0x66 || request.getUint8(HEADER_IN + 1) !== 0) {
    return header(unique, 0, errno.ENOENT);
  }
  bytes.fill(0, HEADER_OUT, HEADER_OUT + 40);
  reply.setBigUint64(HEADER_OUT, 2n, true);
  putAttr(HEADER_OUT + 40, 2);
  return header(unique, 128);
}

function open(unique: bigint): number {
  if (opens++ === 0) backing = channel.backingOpen(file.fd);
  reply.setBigUint64(HEADER_OUT, BigInt(opens), true);
  reply.setUint32(HEADER_OUT + 8, backing > 0 ? FOPEN_PASSTHROUGH : FOPEN_DIRECT_IO, true);
  reply.setInt32(HEADER_OUT + 12, Math.max(0, backing), true);
  return header(unique, 16);
}

function release(unique: bigint): number {
  if (--opens === 0 && backing > 0 && channel.backingClose(backing) !== 0) throw new Error('backingClose');
  return header(unique, 0);
}

/** READ, of a file that is not passed through: head and data apart. */
function read(unique: bigint): number {
  const off = Number(request.getBigUint64(HEADER_IN + 8, true));
  const data = new Uint8Array(request.getUint32(HEADER_IN + 16, true));
  const n = native.pread(file.fd, data.buffer, 0, data.length, off);
  header(unique, n);
  channel.sendv(HEADER_OUT, [data.buffer], Float64Array.of(0, n), 1);
  return 0;
}

function ioctl(unique: bigint): number {
  const waits = request.getUint32(HEADER_IN + 32, true) !== 0;
  const value = request.getUint32(HEADER_IN + 36, true);
  const answer = () => {
    bytes.fill(0, HEADER_OUT, HEADER_OUT + 20);
    reply.setUint32(HEADER_OUT + 20, value + 1, true);
    return header(unique, 24);
  };
  if (!waits) return answer();
  waiting.set(unique, answer);
  process.send?.('waiting');
  return 0;
}

function answerLast(): void {
  const [unique, answer] = [...waiting].at(-1)!;
  waiting.delete(unique);
  channel.send(answer());
}

/** The kernel waits for the answer of an interrupted request all the same, unkillable. */
function interrupt(unique: bigint): void {
  if (!waiting.delete(unique)) return;
  interrupted++;
  if (channel.send(header(unique, 0, errno.EINTR)) < 0)
    throw new Error('the answer to an interrupted request');
  if (channel.send(header(unique, 0, errno.EINTR)) !== 0)
    throw new Error('an answer to no request is ignored');
}

function serve(): number {
  const opcode = request.getUint32(4, true);
  const unique = request.getBigUint64(8, true);
  const nodeid = Number(request.getBigUint64(16, true));
  seen.set(opcode, (seen.get(opcode) ?? 0) + 1);
  if (opcode === INTERRUPT) interrupt(request.getBigUint64(HEADER_IN, true));
  if (NO_REPLY.includes(opcode)) return 0;
  switch (opcode) {
    case INIT:
      return init(unique);
    case 1:
      return lookup(unique);
    case 3: // GETATTR
      bytes.fill(0, HEADER_OUT, HEADER_OUT + 16);
      putAttr(HEADER_OUT + 16, nodeid);
      return header(unique, 104);
    case 14:
      return open(unique);
    case 15:
      return read(unique);
    case 18:
      return release(unique);
    case 25: // FLUSH
      return header(unique, 0);
    case 39:
      return ioctl(unique);
    default:
      return header(unique, 0, errno.ENOSYS);
  }
}

channel.start(
  () => serve(),
  end => {
    process.send?.({ end, lost: channel.lost, interrupted, seen: Object.fromEntries(seen) });
    channel.close();
    process.disconnect?.();
  },
);
process.on('message', answerLast);
process.channel?.unref();
process.send?.('mounted');
