// A process that makes mutated calls on a mount:
//   node caller.js ioctl|socket DIR SEED STEPS PID...
// What holds for any bytes: each is answered by 0 or an errno other than EIO. Ends with the line `N answered`.
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import * as assert from 'uvu/assert';
import * as abi from '../../src/abi/leasefs.js';
import { StructView } from '../../src/abi/struct.js';
import { errno } from '../../src/base/errno.js';
import { POLLIN } from '../../src/base/linux.js';
import { BLOCK } from '../../src/base/units.js';
import { type Descriptor, native } from '../../src/native/binding.js';
import { O_NONBLOCK, O_RDWR_CREAT, PUNCH } from '../support/numbers.js';
import { random } from '../support/random.js';
import { learn, type Made, makeCall, type Named } from './structs.js';

const FILES = 6;
const CONNECTIONS = 4;
const SIZE = 16 * BLOCK;
const F_SETFL = 4;
/** For an answer: CANCEL has none, and a call may wait for a lease. */
const WAIT_MS = 3;

const [how, dir, seed, steps, ...pids] = process.argv.slice(2) as [string, string, ...string[]];
const pick = random(Number(seed));
const named: Named = { tokens: [], pins: [], pids: [process.pid, ...pids.map(Number)] };
let answered = 0;

function checkAnswer(answer: number, at: string): void {
  answered++;
  assert.ok(answer <= 0 && answer > -4096 && answer !== -errno.EIO, `${at}: ${answer}`);
}

/** What may be refused, and must only be answered. */
function attempt(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    assert.is.not((error as NodeJS.ErrnoException).code, 'EIO');
  }
}

/** Descriptors of some files and of their directory. */
class Opened {
  private readonly fds: (number | undefined)[] = [];

  some(): number | undefined {
    const n = pick(FILES + 1);
    const old = this.fds[n];
    if (old !== undefined && pick(16) > 0) return old;
    if (old !== undefined) closeSync(old);
    this.fds[n] = undefined;
    const path = n === FILES ? dir : `${dir}/fuzzed${n}`;
    attempt(() => {
      this.fds[n] = openSync(path, n === FILES ? 'r' : O_RDWR_CREAT | O_NONBLOCK, 0o666);
    });
    return this.fds[n];
  }
}

function changeLayout(fd: number): void {
  const off = pick(16) * BLOCK;
  const what = pick(4);
  if (what < 2) attempt(() => ftruncateSync(fd, pick(3) === 0 ? off : SIZE));
  else if (what === 2) native.fallocate(fd, PUNCH, off, BLOCK);
  else attempt(() => writeSync(fd, 'written', off));
}

function byIoctl(opened: Opened, step: number): void {
  const fd = opened.some();
  if (fd === undefined) return;
  if (pick(8) === 0) {
    changeLayout(fd);
    return;
  }
  const made = makeCall(pick, named);
  const answer = native.ioctl(fd, made.code, made.bytes);
  checkAnswer(answer, `step ${step}, ioctl ${made.code.toString(16)}`);
  if (answer !== 0) return;
  learn(made.code, new StructView(made.bytes), named);
  if (made.code === abi.LEASEFS_IOC_WATCH && pick(4) === 0) disturb(made);
}

/** The other end of a break descriptor, with bytes that it does not expect. */
function disturb({ bytes }: Made): void {
  const address = Buffer.from(new StructView(bytes).data(abi.watch.address))
    .toString('latin1')
    .replace(/\0.*$/s, '');
  attempt(() => {
    const stream = native.connectStream(address);
    const length = pick(64);
    native.sendMessage(stream.fd, new Uint8Array(64).map(() => pick(256)).buffer, length);
    stream.close();
  });
}

interface Connection {
  readonly socket: Descriptor;
  readonly fd: number;
  readonly key: string;
}

class Connections {
  private readonly all: (Connection | undefined)[] = [];
  private readonly opened = new Opened();
  private readonly room = new ArrayBuffer(1 << 15);
  /** The code of the last message of each id. */
  private readonly sent: number[] = [];

  step(step: number): void {
    const n = pick(CONNECTIONS);
    const connection = this.all[n] ?? this.connect();
    if (connection === undefined) return;
    this.all[n] = connection;
    if (pick(8) === 0) changeLayout(connection.fd);
    const { bytes, code, length } = pick(4) === 0 ? opening(connection) : makeCall(pick, named);
    const id = pick(4);
    this.sent[id] = pick(32) === 0 ? abi.LEASEFS_MESSAGE_CANCEL : code;
    const message = framed(id, this.sent[id]!, bytes, length);
    const { fd } = connection.socket;
    const goesOn = pick(64) > 0 && native.sendMessage(fd, message, message.byteLength) >= 0;
    if (goesOn && this.drain(fd, step)) return;
    connection.socket.close();
    this.all[n] = undefined;
  }

  private connect(): Connection | undefined {
    const fd = this.opened.some();
    if (fd === undefined) return undefined;
    const value = new ArrayBuffer(abi.LEASEFS_XATTR_MAX);
    const length = native.getxattr(fd, abi.xattr, value);
    assert.ok(length > 0);
    const [name, key] = Buffer.from(value, 0, length).toString('latin1').split(' ') as [string, string];
    const socket = native.connectMessages(name);
    native.fcntl(socket.fd, F_SETFL, O_NONBLOCK);
    return { socket, fd, key };
  }

  /** False when the daemon has hung up. */
  private drain(fd: number, step: number): boolean {
    for (let wait = WAIT_MS; native.pollWait(fd, POLLIN, wait) > 0; wait = 0) {
      const length = native.receiveMessage(fd, this.room);
      if (length <= 0) return false;
      assert.ok(length >= abi.message.bytes);
      const head = new StructView(this.room);
      const answer = head.u32(abi.message.code) | 0;
      checkAnswer(answer, `step ${step}`);
      const code = this.sent[head.u32(abi.message.id)] ?? 0;
      if (answer === 0) learn(code, new StructView(this.room, abi.message.bytes), named);
    }
    return true;
  }
}

/** OPEN, with a key of the mount's, mostly. */
function opening({ fd, key }: Connection): Made {
  const made: Made = {
    code: abi.LEASEFS_MESSAGE_OPEN,
    length: abi.open.bytes,
    bytes: new ArrayBuffer(1 << 14),
  };
  const struct = new StructView(made.bytes);
  struct.setU32(abi.open.version, abi.LEASEFS_ABI);
  struct.setS32(abi.open.fd, pick(8) === 0 ? pick(40) - 1 : fd);
  if (pick(4) === 0) struct.setBig(abi.open.description, named.tokens[pick(named.tokens.length || 1)] ?? 7n);
  const data = struct.data(abi.open.key);
  data.set(Buffer.from(key, 'latin1'));
  if (pick(4) === 0) data[pick(data.length)] = pick(256);
  if (pick(16) === 0) made.length = pick(200);
  return made;
}

function framed(id: number, code: number, bytes: ArrayBuffer, length: number): ArrayBuffer {
  const whole = new Uint8Array(pick(64) === 0 ? pick(abi.message.bytes) : abi.message.bytes + length);
  if (whole.length < abi.message.bytes) return whole.buffer;
  whole.set(new Uint8Array(bytes, 0, length), abi.message.bytes);
  const view = new DataView(whole.buffer);
  view.setUint32(0, id, true);
  view.setUint32(4, code, true);
  return whole.buffer;
}

const opened = new Opened();
const connections = new Connections();
for (let step = 0; step < Number(steps); step++) {
  if (how === 'ioctl') byIoctl(opened, step);
  else connections.step(step);
}
console.log(`${answered} answered`);
