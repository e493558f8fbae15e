// A process that calls every function of the addon, and the methods of what they make, with wrong arguments and wrong
// combinations of right ones:
//   node table-fuzzer.js SEED STEPS        in an empty directory
// What holds for any of them: an exception or an answer, and no report of a sanitizer. Ends with the line `N calls`.
//
// The errors of the addon name the kind that an argument must have; later calls mostly obey, so that they get further.
import { native } from '../../src/native/binding.js';
import { random } from '../support/random.js';
import { collectGarbage } from './fixture.js';

const [seed, steps] = process.argv.slice(2).map(Number) as [number, number];
const pick = random(seed);
const any = <T>(of: readonly T[]): T => of[pick(of.length)]!;

const F_ADD_SEALS = 1033;
const F_SEAL_GROW = 4;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;
const MEMORY = 1 << 16;
const OBJECTS_MAX = 24;
const BUFFERS_MAX = 8;

const dup = (fd: number): number => native.dup(fd).release();

/** No call may take more memory than this. */
function sealedMemory(): number {
  const memory = native.memfdCreate('fuzzed');
  native.ftruncate(memory.fd, MEMORY);
  native.fcntl(memory.fd, F_ADD_SEALS, F_SEAL_GROW);
  return memory.release();
}

/** Descriptors that calls name: these may be closed, the others are polled and stay open. */
const closable: number[] = [];
const lasting: number[] = [];
const sources = [sealedMemory(), ...native.socketpair().map(end => end.release())];
try {
  sources.push(native.tmpfsMake('fuzzed', 'size', '64k').release());
} catch {
  // An ordinary user has none.
}
for (const fd of sources) {
  native.fcntl(fd, F_SETFL, O_NONBLOCK);
  for (let n = 0; n < 2; n++) lasting.push(dup(fd));
}

function renewClosable(): void {
  for (let n = closable.length; n < 4; n++) closable.push(dup(sources[0]!));
}

/** A Descriptor, Poller, Channel or Uring. */
interface Made {
  close(): void;
}
const isMade = (value: unknown): value is Made =>
  typeof value === 'object' && value !== null && 'close' in value;

/** What functions made. */
let objects: Made[] = [];
let mappings: ArrayBuffer[] = [];
const buffers: ArrayBuffer[] = [];

function detachAll(): number {
  for (const buffer of buffers.splice(0)) structuredClone(buffer, { transfer: [buffer] });
  return 0;
}

function newBuffer(): ArrayBuffer {
  if (buffers.length >= BUFFERS_MAX) buffers.shift();
  // Never as long as the shape of a ring, which is trusted.
  const buffer = new ArrayBuffer(any([0, 1, 7, 8, 24, 4096, 65537]));
  buffers.push(buffer);
  return buffer;
}

const someBuffer = (): ArrayBuffer => (buffers.length > 0 && pick(2) === 0 ? any(buffers) : newBuffer());

/** An array one of whose elements runs code that detaches every buffer. */
function trap(): unknown[] {
  const array: unknown[] = [someBuffer(), someBuffer()];
  const seen = someBuffer();
  Object.defineProperty(array, 1, {
    get: () => {
      detachAll();
      for (const object of objects) if (pick(4) === 0) object.close();
      return seen;
    },
  });
  return array;
}

const NUMBERS = [
  ...[-1, -0, 0, 1, 2, 16, 24, 4096, 8192, 65535, 65536, 2 ** 31 - 1, -(2 ** 31), 2 ** 31],
  ...[
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53 - 4096,
    2 ** 53 - 1,
    2 ** 53,
    0.5,
    Number.NaN,
    Infinity,
    -Infinity,
    1e300,
  ],
];
const TEXTS = [
  '',
  'x',
  '/dev/null',
  '/dev/fuse',
  'a\0b',
  'size',
  '64k',
  'ü\ud800',
  'long'.repeat(3000),
  '/nowhere/x',
];

const someFd = (): number => any([...closable, ...lasting]);

const kinds: Readonly<Record<string, () => unknown>> = {
  'a number': () => (pick(2) === 0 ? someFd() : any(NUMBERS)),
  'a boolean': () => pick(2) === 0,
  'a string': () => any(TEXTS),
  'a function': () => () => any(NUMBERS),
  'an ArrayBuffer': () => (mappings.length > 0 && pick(3) === 0 ? any(mappings) : someBuffer()),
  'a Float64Array': () =>
    Float64Array.from({ length: any([0, 1, 2, 3, 12, 30]) }, () =>
      pick(2) === 0 ? any(lasting) : any(NUMBERS),
    ),
  'an Array': () => any<() => unknown>([() => [], () => TEXTS, () => ['A=b'], () => [someBuffer()], trap])(),
  'a bigint': () => any([0n, 1n, 2n ** 64n - 1n, 2n ** 64n, -1n]),
  'something else': () =>
    any<() => unknown>([
      () => undefined,
      () => null,
      () => ({}),
      () => Symbol('x'),
      () => new Uint8Array(someBuffer(), 0, 0),
      () => new SharedArrayBuffer(8),
      () => new Proxy([], {}),
      () => (objects.length > 0 ? any(objects) : {}),
      () => new DataView(new ArrayBuffer(8)),
    ])(),
};
const kindNames = Object.keys(kinds);

/** What makes each argument, as far as errors have named its kind. */
const learned = new Map<string, (() => unknown)[]>();

function learn(name: string, message: string): void {
  const [, position, what = ''] = /^argument (\d+) must (?:be|have|hold) (.*)$/.exec(message) ?? [];
  if (position === undefined) return;
  const [, least, most] = /^a whole number from (-?\d+) to (\d+)$/.exec(what) ?? [];
  const kind = kindNames.find(known => what.startsWith(known));
  const make =
    least === undefined
      ? kind === undefined
        ? undefined
        : kinds[kind]
      : within(Number(least), Number(most));
  if (make === undefined) return;
  const known = learned.get(name) ?? [];
  known[Number(position) - 1] = make;
  learned.set(name, known);
}

function within(least: number, most: number): () => number {
  const numbers = [least, most, ...NUMBERS].filter(
    value => value >= least && value <= most && value % 1 === 0,
  );
  return () => (least < 0 && pick(2) === 0 ? someFd() : any(numbers));
}

function argumentsFor(name: string): unknown[] {
  const known = learned.get(name) ?? [];
  const count = pick(8) === 0 ? pick(8) : Math.max(known.length, pick(6));
  return Array.from({ length: count }, (_, n) =>
    ((pick(12) > 0 ? known[n] : undefined) ?? kinds[any(kindNames)]!)(),
  );
}

/** Calls that touch no page of a mapping, which may lie beyond the end of its file. */
const TOUCH_NOTHING = ['unmap', 'madvise', 'msync', 'Uring.register'];

/** What would block, end or disturb this process or the machine for reasons that are no fault of the addon. */
const careful: Readonly<Record<string, (args: unknown[]) => void>> = {
  close: args => {
    if (!closable.includes(args[0] as number)) args[0] = -1;
  },
  poll: args => {
    if (typeof args[0] === 'number') args[0] = any(lasting);
  },
  pollWait: args => {
    if (typeof args[2] === 'number') args[2] = 0;
  },
  adoptFuse: args => {
    if (typeof args[0] === 'number') args[0] = dup(any(sources));
  },
  adoptUring: args => {
    if (typeof args[0] === 'number') args[0] = dup(any(sources));
  },
  mount: nowhere,
  umount: nowhere,
  umountMount: nowhere,
  execute: nowhere,
};

/** Paths that lead nowhere. */
function nowhere(args: unknown[]): void {
  for (const [n, arg] of args.entries()) if (typeof arg === 'string') args[n] = `/nowhere/${arg}`;
}

function keep(made: unknown): void {
  if (made instanceof Promise) made.catch(() => {});
  else if (made instanceof ArrayBuffer) mappings = [...mappings, made].slice(-BUFFERS_MAX);
  else if (Array.isArray(made)) made.forEach(keep);
  else if (isMade(made)) {
    objects.push(made);
    if (objects.length > OBJECTS_MAX) objects.shift()!.close();
  }
}

/** A number that may be a descriptor of this process's own; 0 is /dev/null. */
const isUnknown = (value: unknown): boolean =>
  typeof value === 'number' &&
  value > 0 &&
  value < 1000 &&
  !closable.includes(value) &&
  !lasting.includes(value);

/** Else this process runs out of descriptors. */
function closeNumber(fd: number): void {
  if (fd > 2 && !closable.includes(fd) && !lasting.includes(fd)) native.close(fd);
}

const table = native as unknown as Record<string, unknown>;
const names = Object.keys(table).filter(name => typeof table[name] === 'function');

/** A function of the table, or a method and the object that it is called on. */
function target(): readonly [name: string, call: (...args: unknown[]) => unknown] {
  const object = pick(3) === 0 && objects.length > 0 ? any(objects) : undefined;
  if (object === undefined) {
    const name = any(names);
    return [name, table[name] as (...args: unknown[]) => unknown];
  }
  const prototype = Object.getPrototypeOf(object) as Record<string, unknown>;
  const name = any(Object.getOwnPropertyNames(prototype).filter(one => one !== 'constructor'));
  const on = pick(16) === 0 ? any(objects) : object;
  return [`${prototype.constructor.name}.${name}`, (...args) => call(prototype, name, on, args)];
}

function call(prototype: object, name: string, on: object, args: unknown[]): unknown {
  const member = Object.getOwnPropertyDescriptor(prototype, name)!;
  return member.get === undefined
    ? (member.value as (...all: unknown[]) => unknown).apply(on, args)
    : member.get.call(on);
}

// What callbacks throw or answer wrongly is uncaught, as the addon promises.
process.on('uncaughtException', () => {});

for (let step = 0; step < steps; step++) {
  renewClosable();
  const [name, run] = target();
  const args = argumentsFor(name);
  if (isUnknown(args[0])) args[0] = someFd();
  careful[name]?.(args);
  if (!TOUCH_NOTHING.includes(name))
    for (const [n, arg] of args.entries()) if (mappings.includes(arg as ArrayBuffer)) args[n] = newBuffer();
  try {
    const made = run(...args);
    if (name === 'Descriptor.release') closeNumber(made as number);
    else keep(made);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) learn(name, error.message);
    else if (!(error instanceof Error)) throw error;
  }
  for (const [n, fd] of closable.entries()) if (native.flagsOf(fd) < 0) closable.splice(n, 1);
  if (step % 64 === 0) await new Promise(resolve => setImmediate(resolve));
  if (step % 1024 === 0) {
    // The others are closed when they are collected; these keep the loop alive until they are closed.
    objects = objects.filter(object => ['Poller', 'Channel'].includes(object.constructor.name));
    collectGarbage();
  }
}
for (const object of objects) object.close();
console.log(`${steps} calls`);
