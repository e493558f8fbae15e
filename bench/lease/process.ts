// The machines under test, one for each number of pins, in the process that main.ts asks.

import { EXCLUSIVE } from '../../src/abi/kinds.js';
import { type FileHandle, type InodeNumber, NO_WAITER, type ProcessId } from '../../src/base/units.js';
import { type ChangeAsk, LeaseMachine } from '../../src/lease/index.js';
import { answering } from '../shared/answering.js';
import { Timed } from '../shared/timing.js';
import type { Case, LeaseAnswer, LeaseAsk } from './cases.js';

const FILE = 1 as InodeNumber;
const UNLEASED_FILE = 2 as InodeNumber;
const OWNER = 1 as ProcessId;
const OTHER = 2 as ProcessId;
const DESCRIPTION = 1 as FileHandle;

/** Every second block of the file is a pin of its own. */
function pinned(pins: number): LeaseMachine {
  const machine = new LeaseMachine({ breakTime: 45_000, semantics: 'default' });
  const leased = machine.setLease(0, {
    process: OWNER,
    description: DESCRIPTION,
    file: FILE,
    kind: EXCLUSIVE,
    waiter: NO_WAITER,
    nonblock: false,
    regular: true,
    mayLease: true,
    writable: true,
    notice: undefined,
  });
  if (leased.kind !== 'ok') throw new Error('the lease was not granted');
  for (let i = 0; i < pins; i++) {
    const { verdict } = machine.pin(0, {
      process: OWNER,
      description: DESCRIPTION,
      file: FILE,
      start: 2 * i,
      end: 2 * i + 1,
      owner: 0,
      ownerHeld: true,
      sizeBlocks: 2 * pins,
      uid: 0,
      memlock: Number.POSITIVE_INFINITY,
      uncounted: false,
    });
    if (verdict.kind !== 'ok') throw new Error(`pin ${i} was refused`);
  }
  machine.drain();
  return machine;
}

const QUERIES = 4096;

/** Changes all over the file; on a pin, or on the hole behind one. */
function asksOf(name: Case, pins: number): readonly ChangeAsk[] {
  const foreign = name.includes('another');
  const onPin = name.includes('on a pin');
  const kernelPins = name.includes('kernel') ? [{ start: 0, end: 2 * pins, process: OTHER }] : undefined;
  return Array.from({ length: QUERIES }, (_, i) => {
    const pinStart = 2 * ((i * 7919) % pins) + (onPin ? 0 : 1);
    return {
      process: foreign ? OTHER : OWNER,
      description: foreign ? 0 : DESCRIPTION,
      file: name.includes('without a lease') ? UNLEASED_FILE : FILE,
      waiter: NO_WAITER,
      nonblock: true,
      range: { empty: false, pinStart, pinEnd: pinStart + 1 },
      ...(kernelPins === undefined ? {} : { kernelPins }),
    };
  });
}

const machines = new Map<number, LeaseMachine>();
const timed = new Map<string, Timed>();

function timedOf(name: Case, pins: number): Timed {
  const key = `${name} ${pins}`;
  const known = timed.get(key);
  if (known !== undefined) return known;
  const machine = machines.get(pins) ?? pinned(pins);
  machines.set(pins, machine);
  const asks = asksOf(name, pins);
  const [wanted, rule] = [name.slice(0, name.indexOf(':')), /\((\w+)/.exec(name)?.[1]];
  // First whether the machine answers as the case says.
  for (const ask of asks) {
    const verdict = machine.change(0, ask);
    const answered = verdict.kind === 'ok' ? 'allowed' : verdict.kind;
    if (answered !== wanted || verdict.rule !== rule)
      throw new Error(`${name}: ${answered} by ${verdict.rule}`);
  }
  let cursor = 0;
  const fresh = new Timed(n => {
    let refused = 0;
    for (let i = 0; i < n; i++) {
      cursor = (cursor + 1) & (QUERIES - 1);
      if (machine.change(0, asks[cursor]!).kind === 'refused') refused++;
    }
    if (refused !== (wanted === 'refused' ? n : 0)) throw new Error(`${name}: ${refused} of ${n} refused`);
    machine.drain();
    return refused;
  });
  timed.set(key, fresh);
  return fresh;
}

answering<LeaseAsk>(async ask => {
  const ns = await timedOf(ask.case, ask.pins).measure(ask.ms);
  return { ns } satisfies LeaseAnswer;
});
