// What a call leaves on the heap, and what it takes without the kernel: the session and the pooled store behind a channel
// that discards answers; with --kept they write a journal too. Prints JSON. Needs --expose-gc and a young generation that
// holds a run.
import { openSync } from 'node:fs';
import {
  LEASEFS_ABI,
  LEASEFS_EXCLUSIVE,
  LEASEFS_IOC_PIN,
  LEASEFS_IOC_SETLEASE,
  LEASEFS_IOC_UNPIN,
  LEASEFS_UNLCK,
  lease,
  pin,
  unpin,
} from '../../src/abi/leasefs.js';
import { Filesystem } from '../../src/fs/filesystem.js';
import { keepIn } from '../../src/fs/takeover.js';
import { BUFFER_SIZE } from '../../src/fuse/init.js';
import { startSession } from '../../src/fuse/session.js';
import { Journal } from '../../src/journal/journal.js';
import { type Channel, native, type Result } from '../../src/native/binding.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { garbageOf, Timed } from '../shared/timing.js';

const REQUESTS = 100_000;
const MS = 300;
const PAGE = 4096;
const IN_HEADER = 40;
const OUT_HEADER = 16;
const ROOT_NODE = 1;

/** Requests are put into its buffer by `ask`; late answers and notifications go nowhere. */
class QuietChannel implements Channel {
  readonly request = new ArrayBuffer(BUFFER_SIZE);
  readonly reply = new ArrayBuffer(BUFFER_SIZE);
  readonly fd = openSync('/dev/null', 'w');
  readonly lost = 0;
  readonly skipsTurns = false;
  readonly words = new Uint32Array(this.request);
  private readonly answer = new Int32Array(this.reply);
  private onRequest: (length: number, waited: number) => number = () => 0;

  start(onRequest: (length: number, waited: number) => number): void {
    this.onRequest = onRequest;
  }

  /** Hands over a record with the body that lies in the buffer; the length of the answer, or -errno. */
  ask(opcode: number, node: number, body: number): number {
    const { words } = this;
    const length = IN_HEADER + body;
    words[0] = length;
    words[1] = opcode;
    words[2] = 2;
    words[4] = node;
    words[8] = process.pid;
    const answered = this.onRequest(length, -1);
    return answered >= OUT_HEADER && this.answer[1]! < 0 ? this.answer[1]! : answered;
  }

  spin(): void {}

  send(length: number): Result {
    return length;
  }

  sendv(length: number): Result {
    return length;
  }

  backingOpen(): Result {
    return -1;
  }

  backingClose(): Result {
    return 0;
  }

  close(): void {}
}

/** enum fuse_opcode */
const op = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  UNLINK: 10,
  RENAME: 12,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  RELEASE: 18,
  INIT: 26,
  CREATE: 35,
  IOCTL: 39,
};

const channel = new QuietChannel();
const log = (line: string): void => console.error(line);
const full = (): void => log('the journal has no room left');
const journal = process.argv.includes('--kept')
  ? new Journal(native.memfdCreate('bench:journal'), 256 << 20, full)
  : undefined;

function makeStore(): PooledStore {
  const store = new PooledStore(64 << 20);
  if (journal !== undefined) store.recordIn(journal);
  return store;
}

const filesystem = new Filesystem(makeStore, {
  mode: 0o755,
  uid: 0,
  gid: 0,
  breakTime: 1000,
  semantics: 'default',
  inodes: 1000,
  descriptors: 100,
  log,
});
if (journal !== undefined) keepIn(filesystem.plane, journal);
startSession({ channel, operations: filesystem, passthrough: false, journal, log });

const body = new DataView(channel.request, IN_HEADER);
const bytes = new Uint8Array(channel.request, IN_HEADER);
const reply = new DataView(channel.reply, OUT_HEADER);

function asked(what: string, opcode: number, node: number, length: number): number {
  const answer = channel.ask(opcode, node, length);
  if (answer < 0) throw new Error(`${what}: ${answer}`);
  return answer;
}

/** Longer than one character: of those V8 has the strings ready. */
const NAME = Buffer.from('some-file.txt\0');
const OTHER = Buffer.from('other-file.txt\0');

/** Puts it at `at`; where it ends. */
function name(at: number, of: Uint8Array = NAME): number {
  bytes.set(of, at);
  return at + of.length;
}

/** The first `length` bytes are zeros. */
function zeros(length: number): number {
  bytes.fill(0, 0, length);
  return length;
}

/** One field of 32 bits, or of 64 below 2^32. */
const field = (at: number, value: number): void => body.setUint32(at, value, true);

/** fuse_init_in */
zeros(64);
field(0, 7);
field(4, 45);
field(8, 131072);
asked('INIT', op.INIT, 0, 64);

/** fuse_create_in: flags O_RDWR, mode; the name. */
function create(of: Uint8Array = NAME): number {
  zeros(16);
  field(0, 2);
  field(4, 0o100644);
  return asked('CREATE', op.CREATE, ROOT_NODE, name(16, of));
}

/** In the answer to CREATE: fuse_entry_out, fuse_open_out. */
const NODE = 0;
const FH = 128;
create();
const node = reply.getUint32(NODE, true);
const fh = reply.getUint32(FH, true);

/** fuse_read_in and fuse_write_in alike, 40 bytes: 0 fh, 8 offset, 16 size. */
function transfer(data: number): number {
  zeros(40);
  field(0, fh);
  field(16, PAGE);
  return 40 + data;
}

/** fuse_release_in */
function release(node: number, fh: number): number {
  zeros(24);
  field(0, fh);
  return asked('RELEASE', op.RELEASE, node, 24);
}

/** fuse_rename_in: 0 the new directory. */
function rename(from: Uint8Array, to: Uint8Array): number {
  zeros(8);
  field(0, ROOT_NODE);
  return asked('RENAME', op.RENAME, ROOT_NODE, name(name(8, from), to));
}

/** fuse_ioctl_in, 32 bytes: 0 fh, 12 cmd, 24 in_size, 28 out_size; then the struct, with one field of it. */
function ioctl(cmd: number, size: number, at: number, value: number): number {
  zeros(32 + size);
  field(0, fh);
  field(12, cmd);
  field(24, size);
  field(28, size);
  field(32, LEASEFS_ABI);
  field(32 + at, value);
  return asked('IOCTL', op.IOCTL, node, 32 + size);
}

const setLease = (kind: number): number => ioctl(LEASEFS_IOC_SETLEASE, lease.bytes, 4, kind);

/** In the answer to PIN: fuse_ioctl_out, leasefs_pin. */
const PIN_ID = 16 + 32;
/** FATTR_SIZE */
const SIZE_IS_SET = 8;

const calls: Record<string, () => number> = {
  fstat: () => asked('GETATTR', op.GETATTR, node, zeros(16)),
  'lookup hit': () => asked('LOOKUP', op.LOOKUP, ROOT_NODE, name(0)),
  write: () => asked('WRITE', op.WRITE, node, transfer(PAGE)),
  read: () => asked('READ', op.READ, node, transfer(0)),
  'open, release': () => {
    zeros(8);
    field(0, 2);
    asked('OPEN', op.OPEN, node, 8);
    return release(node, reply.getUint32(0, true));
  },
  'create, release, unlink, forget': () => {
    create(OTHER);
    const made = reply.getUint32(NODE, true);
    release(made, reply.getUint32(FH, true));
    asked('UNLINK', op.UNLINK, ROOT_NODE, name(0, OTHER));
    zeros(8);
    field(0, 1);
    return channel.ask(op.FORGET, made, 8);
  },
  'rename, and back': () => rename(NAME, OTHER) + rename(OTHER, NAME),
  // fuse_setattr_in: 0 valid, 16 size.
  truncate: () => {
    zeros(88);
    field(0, SIZE_IS_SET);
    field(16, PAGE);
    return asked('SETATTR', op.SETATTR, node, 88);
  },
  'lease, unlock': () => setLease(LEASEFS_EXCLUSIVE) + setLease(LEASEFS_UNLCK),
  // Under a lease, which stays.
  'pin, unpin': () => {
    ioctl(LEASEFS_IOC_PIN, pin.bytes, 16, PAGE);
    return ioctl(LEASEFS_IOC_UNPIN, unpin.bytes, 8, reply.getUint32(PIN_ID, true));
  },
};

const results: Record<string, { bytes: number; ns: number }> = {};
for (const [what, call] of Object.entries(calls)) {
  if (what === 'pin, unpin') setLease(LEASEFS_EXCLUSIVE);
  const batch = (n: number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += call();
    return sum;
  };
  const bytes = garbageOf(batch, REQUESTS);
  results[what] = { bytes, ns: await new Timed(batch).measure(MS) };
}
console.log(JSON.stringify(results));
process.exit(0);
