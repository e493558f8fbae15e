// What a request leaves on the heap, and what it takes without the kernel: the session and the pooled store behind a
// channel that discards them. Prints JSON. Needs --expose-gc and a young generation that holds a run.

import { Filesystem } from '../../src/fs/filesystem.js';
import { BUFFER_SIZE } from '../../src/fuse/init.js';
import { startSession } from '../../src/fuse/session.js';
import type { Channel, Result } from '../../src/native/binding.js';
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
  readonly fd = -1;
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
const op = { LOOKUP: 1, GETATTR: 3, READ: 15, WRITE: 16, INIT: 26, CREATE: 35 };

const channel = new QuietChannel();
const log = (line: string): void => console.error(line);
const filesystem = new Filesystem(() => new PooledStore(64 << 20), {
  mode: 0o755,
  uid: 0,
  gid: 0,
  breakTime: 1000,
  semantics: 'default',
  inodes: 1000,
  descriptors: 100,
  log,
});
startSession({ channel, operations: filesystem, passthrough: false, log });

const body = new DataView(channel.request, IN_HEADER);
const bytes = new Uint8Array(channel.request, IN_HEADER);

function asked(what: string, opcode: number, node: number, length: number): void {
  const answer = channel.ask(opcode, node, length);
  if (answer < 0) throw new Error(`${what}: ${answer}`);
}

/** fuse_init_in */
body.setUint32(0, 7, true);
body.setUint32(4, 45, true);
body.setUint32(8, 131072, true);
asked('INIT', op.INIT, 0, 64);

/** Longer than one character: of those V8 has the strings ready. */
const NAME = Buffer.from('some-file.txt\0');

function name(at: number): number {
  bytes.set(NAME, at);
  return at + NAME.length;
}

/** fuse_create_in: flags O_RDWR, mode; the name. The answer: fuse_entry_out, fuse_open_out. */
bytes.fill(0, 0, 64);
body.setUint32(0, 2, true);
body.setUint32(4, 0o100644, true);
asked('CREATE', op.CREATE, ROOT_NODE, name(16));
const reply = new DataView(channel.reply, OUT_HEADER);
const node = reply.getUint32(0, true);
const fh = reply.getUint32(128, true);

/** fuse_read_in and fuse_write_in alike, 40 bytes: 0 fh, 8 offset, 16 size. */
function transfer(data: number): number {
  bytes.fill(0, 0, 40);
  body.setUint32(0, fh, true);
  body.setUint32(16, PAGE, true);
  return 40 + data;
}

function nothing(): number {
  bytes.fill(0, 0, 16);
  return 16;
}

const cases: Record<string, { prepare: () => number; opcode: number; node: number }> = {
  fstat: { prepare: nothing, opcode: op.GETATTR, node },
  'lookup hit': { prepare: () => name(0), opcode: op.LOOKUP, node: ROOT_NODE },
  write: { prepare: () => transfer(PAGE), opcode: op.WRITE, node },
  read: { prepare: () => transfer(0), opcode: op.READ, node },
};

const results: Record<string, { bytes: number; ns: number }> = {};
for (const [what, { prepare, opcode, node }] of Object.entries(cases)) {
  const length = prepare();
  asked(what, opcode, node, length);
  const batch = (n: number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += channel.ask(opcode, node, length);
    return sum;
  };
  const bytes = garbageOf(batch, REQUESTS);
  results[what] = { bytes, ns: await new Timed(batch).measure(MS) };
}
console.log(JSON.stringify(results));
process.exit(0);
