// A process that calls every function of the addon, and the methods of what they make, with right and wrong arguments:
//   node table-fuzzer.js SEED STEPS        in an empty directory
// What holds for any of them: an answer or an exception; every descriptor that was open before is the same afterwards, and
// no other is left. Ends with the line `N calls`.
import { readdirSync, readlinkSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { native } from '../../src/native/binding.js';
import { random } from '../support/random.js';
import { collectGarbage } from './fixture.js';
import { functions, type Kind, methods } from './table.js';
import { type Made, Values } from './table-values.js';

const [seed, steps] = process.argv.slice(2).map(Number) as [number, number];
const pick = random(seed);
const values = new Values(pick);
const OBJECTS_MAX = 24;
const MAPPINGS_MAX = 8;
/** Descriptors that Node opens when it first needs them. */
const OWN = 8;

type Call = (...args: unknown[]) => unknown;

const table = native as unknown as Record<string, Call>;
const names = Object.keys(functions) as (keyof typeof functions)[];
const classes = Object.keys(methods) as (keyof typeof methods)[];

const isMade = (value: unknown): value is Made =>
  classes.some(name => (value as object | null)?.constructor?.name === name);

/** Promises of what threads do. */
const aside: Promise<unknown>[] = [];

function keep(made: unknown): void {
  if (made instanceof Promise) aside.push(made);
  else if (made instanceof ArrayBuffer) {
    values.mappings.push(made);
    if (values.mappings.length > MAPPINGS_MAX) native.unmap(values.mappings.shift()!);
  } else if (Array.isArray(made)) made.forEach(keep);
  else if (isMade(made)) {
    values.objects.push(made);
    if (values.objects.length > OBJECTS_MAX) values.objects.shift()!.close();
  }
}

/** Those that answer the number of a descriptor, which is the caller's. */
const OPENED = ['fileCreate', 'fileOpen', 'release'];
/** Those whose ArrayBuffer is a mapping. */
const MAPPED = ['map', 'mapPieces', 'mapAnonymous'];

function argumentsFor(kinds: readonly Kind[]): unknown[] {
  const args = kinds.map(kind => values.right(kind));
  if (args.length > 0 && pick(2) === 0) {
    const n = pick(args.length);
    args[n] = values.wrong(kinds[n]!);
  }
  if (pick(8) === 0) args.length = pick(args.length + 1);
  else if (pick(16) === 0) args.push(values.wrong('number'));
  return args;
}

function step(): void {
  const object = pick(3) === 0 && values.objects.length > 0 ? values.any(values.objects) : undefined;
  if (object === undefined) {
    const name = values.any(names);
    make(name, table[name]!, argumentsFor(functions[name]));
    return;
  }
  const kind = object.constructor.name as keyof typeof methods;
  const name = values.any(Object.keys(methods[kind]));
  const kinds = (methods[kind] as Record<string, readonly Kind[]>)[name]!;
  const on = pick(16) === 0 ? values.any(values.objects) : object;
  if (pick(64) === 0)
    make(kind, (...args) => new (object.constructor as new (...all: unknown[]) => Made)(...args), []);
  const { get, value } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(object), name)!;
  make(
    name,
    (...args) => (get === undefined ? (value as Call).apply(on, args) : get.call(on)),
    argumentsFor(kinds),
  );
}

function make(name: string, call: Call, args: unknown[]): void {
  const taken = values.taken.splice(0);
  // The argument was replaced, or left out.
  for (const fd of taken) if (!args.includes(fd)) native.close(fd);
  try {
    const made = call(...args);
    if (OPENED.includes(name) && (made as number) >= 0) native.close(made as number);
    else if (!(made instanceof ArrayBuffer) || MAPPED.includes(name)) keep(made);
  } catch (error) {
    assert.instance(error, Error, name);
    for (const fd of taken) if (args.includes(fd)) native.close(fd);
  }
}

const openNow = (): Map<string, string> => {
  const found = new Map<string, string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      found.set(fd, readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // That of the directory itself.
    }
  }
  return found;
};

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

async function run(): Promise<void> {
  const before = openNow();
  for (let n = 0; n < steps; n++) {
    step();
    if (n % 64 > 0) continue;
    values.acceptAll();
    await Promise.all(aside.splice(0));
    await turn();
    if (n % 1024 === 0) collectGarbage();
  }
  for (const object of values.objects.splice(0)) object.close();
  await Promise.all(aside.splice(0));
  for (let n = 0; n < 3; n++) {
    collectGarbage();
    await turn();
  }
  const after = openNow();
  for (const [fd, what] of before) assert.is(after.get(fd), what, `descriptor ${fd}`);
  assert.ok(after.size <= before.size + OWN, `left open: ${JSON.stringify([...after])}`);
}

// What callbacks throw or answer wrongly is uncaught, as the addon promises.
process.on('uncaughtException', () => {});
process.exitCode = 1;
run().then(() => {
  process.exitCode = 0;
  console.log(`${steps} calls`);
}, console.error);
