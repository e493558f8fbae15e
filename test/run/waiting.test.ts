// B5: lease calls that wait cost other calls nothing: what one call asks of the kernel and of the daemon is counted.
import { openSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LEASEFS_F_EXCLUSIVE, LEASEFS_F_LAYOUT, LEASEFS_UNLCK } from '../../src/abi/leasefs.js';
import { errno } from '../../src/base/errno.js';
import type { CallAnswer } from '../../src/run/answer.js';
import { LeaseCalls } from '../../src/run/lease-calls.js';
import type { Target } from '../../src/run/targets.js';

const EXCLUSIVE = LEASEFS_F_LAYOUT | LEASEFS_F_EXCLUSIVE;
/** The thread whose calls need not wait. */
const FREE = 1;
const file = openSync('/dev/null', 'r');

const test = suite('lease calls that wait');

/** A supervisor whose mount makes every thread wait but one, and what it was asked. */
function supervisor() {
  const asked: string[] = [];
  const answers: CallAnswer[] = [];
  let stop = 0n;
  const note = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  const leases = new LeaseCalls(
    {
      send: (_, answer) => note('send', answers.push(answer) > 0),
      isStopped: () => note('isStopped', true),
    },
    {
      inodeOf: () => note('inodeOf', 1),
      getLease: () => note('getLease', LEASEFS_UNLCK),
      hasLease: () => note('hasLease', false),
      tryLease: (_, { tid }) =>
        note('tryLease', { result: tid === FREE ? 0 : -errno.EINPROGRESS, held: false }),
      setLease: () => note('setLease', new Promise(() => {})),
      setLeaseSync: () => note('setLeaseSync', { result: 0, held: true }),
      cancelLease: () => note('cancelLease', undefined),
      undoLease: () => note('undoLease', undefined),
    },
    { take: () => note('take', { fd: file, close: () => {}, release: () => file }) },
    () => {},
  );
  const call = (tid: number, flags: number): void => {
    const target = { tid, released: undefined } as Target;
    const stopped = { kind: 'setLease', fd: 3, flags } as const;
    leases.left(tid, stopped);
    leases.cancelBefore(tid);
    const answer = leases.judge(++stop, target, stopped);
    if (answer !== undefined) answers.push(answer);
  };
  return { leases, asked, answers, call };
}

/** What one lease and its release ask for, beside threads that wait. */
function costBeside(waiting: number): string[] {
  const { leases, asked, answers, call } = supervisor();
  for (let n = 0; n < waiting; n++) call(FREE + 1 + n, EXCLUSIVE);
  assert.equal(answers, []);
  asked.length = 0;
  call(FREE, EXCLUSIVE);
  call(FREE, LEASEFS_UNLCK);
  assert.equal(answers, [0, 0]);
  leases.close();
  return asked;
}

test('B5: a lease and its release ask for as much beside 1,000 waiting calls as beside none', () => {
  const alone = costBeside(0);
  assert.equal(alone, ['take', 'inodeOf', 'tryLease', 'send', 'take', 'inodeOf', 'setLeaseSync', 'send']);
  assert.equal(costBeside(1000), alone);
});

test('of a few, it is asked before each call whether their callers still wait', () => {
  const checks = costBeside(3).filter(what => what === 'isStopped');
  assert.is(checks.length, 6);
});

test.run();
