// The arguments of the fuzzer of the addon's table: of each kind right ones, those at its edges, and wrong ones. No value is the
// number of a descriptor that the fuzzer has not made itself.
import { native } from '../../src/native/binding.js';
import { type Kind, restricted } from './table.js';

const F_SETFL = 4;
const F_ADD_SEALS = 1033;
const F_SEAL_SHRINK = 2;
const F_SEAL_GROW = 4;
const O_NONBLOCK = 0o4000;
const BUFFERS_MAX = 8;
/** Of the memory file: no call can make it longer. */
const MEMORY = 1 << 16;

/** Numbers that no descriptor has: not -100 either, which is the working directory. */
const NO_FD = [-1, -2, -(2 ** 31), 2 ** 30, 2 ** 31 - 1];
/** Numbers that no kind takes. */
const NO_WHOLE = [0.5, -0.5, Number.NaN, Infinity, -Infinity, -(2 ** 53), 1e300];
const NUMBERS = [
  ...[-1, -0, 0, 1, 2, 3, 5, 8, 16, 23, 64, 511, 512, 4096, 8192, 65535, 65536],
  ...[2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 32 - 1],
  ...[2 ** 32, 2 ** 53, ...NO_WHOLE],
];
/** Right for most kinds of numbers, so that calls get further. */
const FEW = [0, 0, 1, 2, 3, 4096];
const OFFSETS = [
  ...[0, 1, 7, 16, 24, 4095, 4096, 4097, 8192, 65535, 65536, 65537, 2 ** 31, 2 ** 32],
  ...[2 ** 52, 2 ** 53 - 4096, 2 ** 53 - 1],
];
const TEXTS = ['', 'x', '@x', 'a\0b', 'size', 'ü\ud800', 'long'.repeat(3000), 'user.x', 'tmpfs'];
/** In the child's own directory, or as good as that. */
const PATHS = ['', 'x', 'y', '.', '/dev/null', '/dev/fuse', '/nowhere/x', 'a\0b', 'long'.repeat(3000)];
const NOWHERE = ['/nowhere', '/nowhere/x', '/nowhere/x/', '/nowhere/\0', `/nowhere/${'x'.repeat(5000)}`];
const OPTIONS = ['size', '64k', '', 'nr_inodes', '100', 'nothing', 'huge', 'never', '-1'];
/** F_GETFD, F_SETFD, F_GETFL, F_GETOWN, F_GETSIG, F_GETLEASE, F_GETPIPE_SZ, F_GET_SEALS; F_GETLK and none. */
const COMMANDS = [1, 2, 3, 9, 11, 1025, 1032, 1034, 5, -1, 9999];
/** FS_IOC_GETFLAGS, FIONREAD, TCGETS, the direct ioctls of leasefs and requests that there are not. */
const REQUESTS = [0x80086601, 0x541b, 0x5401, 0xd058_5986, 0, 1, 0x80000000, 0xffff_ffff, 0xbfff0000];
/** NORMAL to DONTNEED, FREE, REMOVE, HUGEPAGE, COLD, PAGEOUT, POPULATE_READ and _WRITE; none. */
const ADVICE = [0, 1, 2, 3, 4, 8, 9, 14, 15, 20, 21, 22, 23, -1, 999];
const NO_SIGNAL = [-1, 65, 66, 1000, 2 ** 31 - 1];
/** Beyond the address space, where they are allowed at all. */
const FAR = [2 ** 48, 2 ** 53 - 1];

export type Pick = (below: number) => number;

/** What functions made: a Descriptor, Poller, Channel or Uring. */
export interface Made {
  close(): void;
}

export class Values {
  readonly objects: Made[] = [];
  readonly mappings: ArrayBuffer[] = [];
  /** Descriptors that were made for the call under way. */
  readonly taken: number[] = [];
  private readonly pick: Pick;
  private readonly buffers: ArrayBuffer[] = [];
  private readonly memory = sealedMemory();
  private readonly sockets = [native.listenMessages(), ...native.socketpair()];
  /** They stay open to the end. */
  private readonly lasting = [this.memory, ...this.sockets, native.pidfdOpen(process.pid), ...tmpfs()];

  constructor(pick: Pick) {
    this.pick = pick;
    for (const { fd } of this.sockets) native.fcntl(fd, F_SETFL, O_NONBLOCK);
  }

  any<T>(of: readonly T[]): T {
    return of[this.pick(of.length)]!;
  }

  /** A connection that waits would fill the listener's queue, and the next one would wait. */
  acceptAll(): void {
    try {
      for (;;) native.accept(this.sockets[0]!.fd, new Float64Array(1)).close();
    } catch {
      // None is left.
    }
  }

  /** Mostly what may be right. */
  right(kind: Kind): unknown {
    const { pick } = this;
    switch (kind) {
      case 'taken':
        return pick(8) === 0 ? this.any(NO_FD) : this.fresh();
      case 'fd':
        return pick(8) === 0 ? this.any(NO_FD) : this.any(pick(2) === 0 ? [this.memory] : this.lasting).fd;
      case 'file':
        return this.any([...NO_FD, this.memory.fd, this.memory.fd]);
      case 'socket':
        return pick(8) === 0 ? this.any([...NO_FD, this.memory.fd]) : this.any(this.sockets).fd;
      case 'ring':
        return this.ring();
      case 'nowhere':
        return this.any(NOWHERE);
      case 'signal':
        return pick(2) === 0 ? 0 : this.any(NO_SIGNAL);
      case 'handled':
        return this.any(NO_SIGNAL);
      case 'forward':
        return this.any(NO_FD);
      case 'command':
        return this.any(COMMANDS);
      case 'request':
        return this.any(REQUESTS);
      case 'advice':
        return this.any(ADVICE);
      case 'ms':
        return pick(16) === 0 ? 1 : 0;
      case 'bytes':
        return this.any([1, 4095, 4096, 8192, 65536, ...FAR]);
      case 'entries':
        return this.any([0, 1, 2, 8, 4097, 2 ** 17]);
      case 'pid':
        return this.any([process.pid, process.pid, 0, -1, 2 ** 30]);
      case 'number':
        return this.any(pick(2) === 0 ? FEW : NUMBERS);
      case 'off':
        return this.any(pick(2) === 0 ? FEW : OFFSETS);
      case 'flag':
        return pick(2) === 0;
      case 'text':
        return pick(4) === 0 ? native.abstractName(this.sockets[0]!.fd) : this.any(TEXTS);
      case 'path':
        return this.any(PATHS);
      case 'option':
        return this.any(OPTIONS);
      case 'buffer':
        return this.buffer();
      case 'mapping':
        return this.mappings.length > 0 && pick(8) > 0 ? this.any(this.mappings) : this.buffer();
      case 'doubles':
        return Float64Array.from({ length: this.any([0, 1, 2, 3, 12, 30]) }, () => this.any(NUMBERS));
      case 'pieces':
        return Float64Array.from({ length: 3 * pick(4) }, (_, n) =>
          n % 3 === 0 ? this.any([...NO_FD, this.memory.fd]) : this.any([0, 4096, 8192, ...OFFSETS]),
        );
      case 'texts':
        return this.any([[], ['A=b'], TEXTS, [1], new Array(3)]);
      case 'memories':
        return pick(2) === 0 ? [this.buffer(), this.buffer()] : this.trap();
      case 'fds':
        return this.any([[], [this.any(this.lasting).fd], [this.any(NO_FD)], ['1'], new Array(3)]);
      case 'callback':
        return this.callback();
      case 'bigint':
        return this.any([undefined, 0n, 1n, 2n ** 64n - 1n, 2n ** 64n, -1n]);
      default:
        return kind satisfies never;
    }
  }

  /** Of another type, or a number that is out of range or not whole. */
  wrong(kind: Kind): unknown {
    const { pick } = this;
    if (pick(2) === 0) return this.any(kind in restricted ? NO_WHOLE : NUMBERS);
    return this.any<() => unknown>([
      () => undefined,
      () => null,
      () => ({ valueOf: () => this.ruin() }),
      () => Symbol('x'),
      () => true,
      () => 1n,
      () => '/nowhere/1',
      () => [],
      () => () => 0,
      () => new Proxy([], {}),
      () => new DataView(new ArrayBuffer(8)),
      () => new Uint8Array(8),
      () => new Float32Array(12),
      () => new SharedArrayBuffer(8),
      () => (this.objects.length > 0 ? this.any(this.objects) : {}),
    ])();
  }

  /** A number that the call takes over unless it throws. */
  private fresh(): number {
    const fd = native.dup(this.any([this.memory, ...this.sockets]).fd).release();
    this.taken.push(fd);
    return fd;
  }

  private ring(): number {
    const ring = this.objects.find(object => object.constructor.name === 'Uring') as
      | { fd: number }
      | undefined;
    return ring === undefined || this.pick(4) === 0 ? this.any(this.lasting).fd : ring.fd;
  }

  private buffer(): ArrayBuffer {
    if (this.buffers.length > 0 && this.pick(2) === 0) return this.any(this.buffers);
    if (this.buffers.length >= BUFFERS_MAX) this.buffers.shift();
    // Never as long as the shape of a ring, which is trusted.
    const buffer = new ArrayBuffer(this.any([0, 1, 7, 8, 24, 88, 4096, 65537]));
    if (this.pick(8) === 0) structuredClone(buffer, { transfer: [buffer] });
    this.buffers.push(buffer);
    return buffer;
  }

  /** An array one of whose elements detaches the others and closes objects when it is read. */
  private trap(): unknown[] {
    const array: unknown[] = [this.buffer(), this.buffer()];
    const seen = this.buffer();
    Object.defineProperty(array, 1, {
      get: () => {
        this.ruin();
        return seen;
      },
    });
    return array;
  }

  private callback(): () => number {
    return () => {
      if (this.pick(8) === 0) this.ruin();
      if (this.pick(8) === 0) throw new Error('meant');
      return this.any(NUMBERS);
    };
  }

  /** In the midst of a call. */
  private ruin(): number {
    for (const buffer of this.buffers.splice(0)) {
      if (buffer.byteLength > 0) structuredClone(buffer, { transfer: [buffer] });
    }
    for (const object of this.objects) if (this.pick(4) === 0) object.close();
    return 0;
  }
}

function sealedMemory() {
  const memory = native.memfdCreate('fuzzed');
  native.ftruncate(memory.fd, MEMORY);
  native.fcntl(memory.fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK);
  return memory;
}

/** An ordinary user has none. */
function tmpfs() {
  try {
    return [native.tmpfsMake('fuzzed', 'size', '64k')];
  } catch {
    return [];
  }
}
