// The end of a process or description with many pins, and of a break that many calls wait for: counted in turns of the event
// loop. No mount.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXCLUSIVE, NONE, SHARED, SHARED_BREAKABLE } from '../../src/abi/kinds.js';
import { errno } from '../../src/base/errno.js';
import {
  type FileHandle,
  type InodeNumber,
  type Name,
  ROOT_INO,
  type WaiterId,
} from '../../src/base/units.js';
import { Attr, Caller, Opened, PARKED, SET_SIZE, SetAttr } from '../../src/fs/operations.js';
import { O_RDWR } from '../support/numbers.js';
import { unmounted } from '../support/unmounted.js';

const test = suite('endings');
/** Of a turn. */
const MOST = 32;
const PINS = 300;
const FILE_BYTES = 1 << 20;

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** A file of 1 MiB, a process that is not this one, and calls that run again when they may. */
function bench() {
  const made = unmounted(100);
  const { filesystem } = made;
  const { plane } = filesystem;
  const child: ChildProcess = spawn('sleep', ['600'], { stdio: 'ignore' });
  const holder = Object.assign(new Caller(), { tid: child.pid!, uid: process.getuid!() });
  const [attr, opened] = [new Attr(), new Opened()];
  const own = made.caller;
  assert.is(filesystem.create(own, ROOT_INO, 'f' as Name, 0o644, O_RDWR, attr, opened), 0);
  const { ino } = attr;
  const { fh } = opened;
  const open = (by: Caller): FileHandle => {
    assert.is(filesystem.open(by, ino, O_RDWR, opened), 0);
    return opened.fh;
  };
  /** Calls that wait. */
  const parked = new Map<WaiterId, () => void>();
  made.retry = waiter => {
    const again = parked.get(waiter!);
    parked.delete(waiter!);
    again?.();
  };
  /** Runs it until it has answered, which `answers` then has. */
  const answers: string[] = [];
  const call = (name: string, run: (by: Caller) => number): void => {
    const by = Object.assign(new Caller(), { tid: own.tid, uid: own.uid });
    const again = (): void => {
      const answer = run(by);
      if (answer === PARKED) parked.set(by.waiter, again);
      else answers.push(`${name} ${answer}`);
    };
    again();
  };
  const cut = (size: number) => (by: Caller) =>
    filesystem.setattr(by, ino, Object.assign(new SetAttr(), { valid: SET_SIZE, size, fh }), new Attr());
  const setLease = (
    by: Caller,
    of: FileHandle,
    kind: typeof NONE | typeof SHARED | typeof SHARED_BREAKABLE | typeof EXCLUSIVE,
  ) => filesystem.setLease(by, ino, of, { kind, nonblock: false, signal: 0, cookie: 0n });
  /** Pins of the holder through a shared lease; RLIMIT_MEMLOCK may allow fewer than PINS. */
  const pin = (through: FileHandle, owner: bigint | undefined): number => {
    assert.is(setLease(holder, through, SHARED), 0);
    let n = 0;
    while (n < PINS && filesystem.pin(holder, ino, through, { off: FILE_BYTES - 1, len: 1, owner }) > 0) n++;
    return n;
  };
  call('grow', cut(FILE_BYTES));
  assert.equal(answers.splice(0), ['grow 0']);
  const pins = () => plane.leases.counts().pins;
  const end = () => {
    child.kill('SIGKILL');
    filesystem.destroy();
  };
  return { filesystem, child, holder, ino, fh, open, call, cut, setLease, pin, answers, pins, end };
}

/** Kills it, and returns before the event loop can know. */
function killNow(child: ChildProcess): void {
  child.kill('SIGKILL');
  while (!/\) [ZX] /.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1')));
}

/** How many pins ended in each turn, until none are left. */
async function steps(pins: () => number): Promise<number[]> {
  const found: number[] = [];
  for (let left = pins(); left > 0; ) {
    await turn();
    found.push(left - pins());
    left = pins();
  }
  return found;
}

test('N4: of a process that dies with many pins 32 end in a turn; what they refuse waits, and nothing else does', async () => {
  const { filesystem, child, holder, open, call, cut, pin, answers, pins, end } = bench();
  const through = open(holder);
  assert.ok(pin(through, undefined) > 0);
  filesystem.release(through);
  killNow(child);
  call('cut', by => {
    const answer = cut(0)(by);
    assert.ok(answer === PARKED || pins() === 0, 'X1: refused while a pin is there');
    return answer;
  });
  const attr = new Attr();
  const found = await steps(() => {
    assert.is(
      filesystem.create(holder, ROOT_INO, `g${pins()}` as Name, 0o644, O_RDWR, attr, new Opened()),
      0,
    );
    assert.is(filesystem.unlink(holder, ROOT_INO, `g${pins()}` as Name), 0);
    return pins();
  });
  assert.ok(Math.max(...found) <= MOST, `${found}`);
  await turn();
  assert.equal(answers, ['cut 0']);
  end();
});

test('A2: no call is refused for a process that has ended, even if the event loop has not reported it yet', async () => {
  const { filesystem, child, holder, open, call, cut, pin, answers, pins, end } = bench();
  const through = open(holder);
  assert.ok(pin(through, undefined) > 0);
  filesystem.release(through);
  call('cut', cut(0));
  assert.equal(answers.splice(0), [`cut ${-errno.ETXTBSY}`]);
  killNow(child);
  call('cut', cut(0));
  assert.equal(answers, []);
  while (answers.length === 0) await turn();
  assert.is(pins(), 0);
  assert.equal(answers, ['cut 0']);
  end();
});

test('N5: of a description that owns many pins 32 end in a turn, and its lease with the last of them', async () => {
  const { filesystem, holder, ino, open, call, cut, pin, answers, pins, end } = bench();
  const through = open(holder);
  const made = pin(through, 0n);
  assert.ok(made > 0);
  filesystem.release(through);
  call('cut', cut(0));
  const first = made - pins();
  assert.ok(first <= MOST);
  const found = await steps(pins);
  assert.ok(Math.max(...found) <= MOST, `${found}`);
  await turn();
  assert.equal(answers, ['cut 0']);
  assert.equal(filesystem.plane.leases.leases(ino as InodeNumber), []);
  end();
});

test('X4: of 300 calls that wait for a break 32 run again in a turn, the oldest first, and a new one goes behind', async () => {
  const { filesystem, holder, ino, open, call, cut, setLease, answers, end } = bench();
  const through = open(holder);
  assert.is(setLease(holder, through, SHARED_BREAKABLE), 0);
  for (let n = 0; n < 300; n++) call(`${n}`, cut(n));
  assert.equal(answers, []);
  assert.is(setLease(holder, through, NONE), 0);
  const done = [answers.length];
  const other = open(holder);
  call('late', by =>
    filesystem.setLease(by, ino, other, { kind: EXCLUSIVE, nonblock: true, signal: 0, cookie: 0n }),
  );
  while (answers.length < 301) {
    await turn();
    done.push(answers.length - done.reduce((sum, n) => sum + n, 0));
  }
  assert.ok(Math.max(...done) <= MOST, `${done}`);
  assert.equal(answers, [...Array.from({ length: 300 }, (_, n) => `${n} 0`), 'late 0']);
  end();
});

test.run();
