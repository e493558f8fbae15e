// L and N, rule by rule, on the pure machine: the cases beside those of the directed histories.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXCLUSIVE, type LeaseKind, SHARED, SHARED_BREAKABLE } from '../../src/abi/kinds.js';
import { BLOCK, type FileHandle, type InodeNumber, NO_WAITER, type ProcessId } from '../../src/base/units.js';
import { opened, says } from './fixtures.js';
import { World } from './world.js';

const FILE = 1 as InodeNumber;
const kindNames: readonly LeaseKind[] = ['shared,breakable', 'exclusive,breakable', 'shared', 'exclusive'];

const test = suite('rules L and N');

test('L1: a lease is shared by dup, fork and SCM_RIGHTS, and each sharer sees and releases it', () => {
  const w = opened(1);
  w.dup(1, 1);
  w.fork(1, 2);
  w.pass(2, 1, 3);
  for (const p of [1, 2, 3]) {
    assert.is(w.setlease(1, 1, 'exclusive').verdict, 'ok');
    assert.is(w.getlease(p, 1), 'exclusive');
    assert.is(says(w.setlease(p, 1, 'none')), 'ok L2');
    assert.is(w.machine.leases().length, 0);
  }
});

test('L2: F_UNLCK ends it once, then there is none: EAGAIN', () => {
  const w = opened(1);
  w.setlease(1, 1, 'shared,breakable');
  assert.is(says(w.setlease(1, 1, 'none')), 'ok L2');
  assert.equal(w.effects(), [{ ended: 1, rule: 'L2' }]);
  assert.is(says(w.setlease(1, 1, 'none')), 'EAGAIN L2');
});

test('L2: only the last close ends it', () => {
  const w = opened(1);
  w.dup(1, 1);
  w.setlease(1, 1, 'shared');
  w.close(1, 1);
  assert.equal(w.effects(), []);
  w.close(1, 1);
  assert.equal(w.effects(), [{ ended: 1, rule: 'L2' }]);
  assert.not(w.machine.concerns(FILE));
});

/** Rows: what is held; columns: what is wanted. '+' granted, '-' refused, else what the held one must become. */
const table: Readonly<Record<string, readonly string[]>> = {
  'shared,breakable': ['+', 'none', '+', 'none'],
  'exclusive,breakable': ['shared,breakable', 'none', 'shared,breakable', 'none'],
  shared: ['+', '-', '+', '-'],
  exclusive: ['-', '-', '-', '-'],
};

test('L3: the table of what is held elsewhere against what is wanted', () => {
  for (const [held, row] of Object.entries(table)) {
    for (const [i, wanted] of kindNames.entries()) {
      const expected = row[i]!;
      const where = `${wanted} while ${held} is held`;
      const w = opened(2);
      w.setlease(1, 1, held as LeaseKind);
      const verdict = says(w.setlease(2, 2, wanted));
      if (expected === '+') assert.is(verdict, 'ok L3', where);
      else if (expected === '-') assert.is(verdict, 'EAGAIN L3', where);
      else {
        assert.is(verdict, 'wait L3', where);
        assert.equal(w.effects(), [{ tell: 1, d: 1, must: expected, rule: 'B1' }], where);
      }
    }
  }
});

test('L3: an own lease elsewhere that would have to be broken is EDEADLK, and no holder is notified', () => {
  for (const [held, row] of Object.entries(table)) {
    for (const [i, wanted] of kindNames.entries()) {
      const w = opened(1);
      w.open(1, 2, 1);
      w.setlease(1, 1, held as LeaseKind);
      const verdict = w.setlease(1, 2, wanted).verdict;
      const expected = row[i] === '+' ? 'ok' : row[i] === '-' ? 'EAGAIN' : 'EDEADLK';
      assert.is(verdict, expected, `${wanted} while ${held} is held`);
      assert.equal(w.effects(), []);
    }
  }
});

test('L3: no break begins when one lease elsewhere refuses, whichever is older', () => {
  for (const order of [
    ['shared,breakable', 'shared'],
    ['shared', 'shared,breakable'],
  ] as const) {
    const w = opened(3);
    w.setlease(1, 1, order[0]);
    w.setlease(2, 2, order[1]);
    assert.is(says(w.setlease(3, 3, 'exclusive')), 'EAGAIN L3');
    assert.equal(w.effects(), []);
    assert.is(w.machine.deadline(), Number.POSITIVE_INFINITY);
  }
});

test('L4: of two shared leases neither becomes exclusive, and both stay as they were', () => {
  const w = opened(2);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 2, 'shared');
  for (const kind of ['exclusive,breakable', 'exclusive'] as const) {
    assert.is(says(w.setlease(1, 1, kind)), 'EAGAIN L4');
    assert.is(says(w.setlease(2, 2, kind)), 'EAGAIN L4');
  }
  assert.equal(
    w.machine.leases().map(lease => lease.kind),
    [SHARED_BREAKABLE, SHARED],
  );
  assert.equal(w.effects(), []);
});

test('L4: the answer to a break needs no permission, other conversions do', () => {
  const w = new World({ procs: [{ p: 1 }, { p: 2, uid: 99 }, { p: 3 }] });
  w.open(1, 1, 1);
  w.pass(1, 1, 2);
  w.open(3, 3, 1);
  w.setlease(1, 1, 'exclusive,breakable');
  assert.is(says(w.setlease(2, 1, 'shared,breakable')), 'EACCES L7');
  assert.is(w.setlease(3, 3, 'shared,breakable').verdict, 'wait');
  assert.is(says(w.setlease(2, 1, 'exclusive,breakable')), 'EACCES L7');
  assert.is(says(w.setlease(2, 1, 'shared,breakable')), 'ok L4');
  assert.equal(w.effects().slice(-1), [{ woken: 6, p: 3, verdict: 'ok', rule: 'L3' }]);
});

test('L5: pins hold their lease against unlock and against becoming breakable, not against other unbreakable kinds', () => {
  const w = opened(1);
  w.setlease(1, 1, 'exclusive');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  for (const kind of ['none', 'shared,breakable', 'exclusive,breakable'] as const)
    assert.is(says(w.setlease(1, 1, kind)), 'EBUSY L5');
  for (const kind of ['shared', 'exclusive'] as const) assert.is(says(w.setlease(1, 1, kind)), 'ok L4');
});

test('L6: a takeover keeps the age: the lease is still the oldest of its new owner', () => {
  const w = opened(1);
  w.open(2, 2, 1);
  w.pass(1, 1, 2);
  w.setlease(1, 1, 'shared');
  w.setlease(2, 2, 'shared');
  w.exit(1);
  assert.is(says(w.setlease(2, 1, 'shared')), 'ok L4');
  assert.equal(w.effects(), [{ owner: 2, d: 1, rule: 'L6' }]);
  w.open(2, 9, 1);
  w.pin(2, 9, 0, BLOCK, 'p', 1);
  assert.is(says(w.setlease(2, 1, 'none')), 'EBUSY L5');
  assert.is(says(w.setlease(2, 2, 'none')), 'ok L2');
});

test('L6: while the owner lives no process takes over', () => {
  const w = opened(1);
  w.pass(1, 1, 2);
  w.setlease(1, 1, 'shared');
  assert.is(says(w.setlease(2, 1, 'exclusive')), 'ok L4');
  assert.is(w.machine.leases()[0]!.owner, 1);
  assert.is(says(w.pin(2, 1, 0, BLOCK, 'p', 1)), 'EPERM N2');
});

test('L7: unbreakable kinds need a description open for writing, breakable ones do not', () => {
  const w = new World();
  w.open(1, 1, 1, { write: false });
  assert.is(says(w.setlease(1, 1, 'exclusive')), 'EBADF L7');
  assert.is(says(w.setlease(1, 1, 'exclusive,breakable')), 'ok L3');
});

test('L8: F_GETLEASE names what the lease must become, and nothing once it was taken by force', () => {
  const w = opened(2);
  w.setlease(1, 1, 'exclusive,breakable');
  w.setlease(2, 2, 'shared,breakable');
  assert.is(w.getlease(1, 1), 'shared,breakable');
  w.tick(45);
  assert.ok(w.machine.breaking(1 as FileHandle), 'POLLPRI until a process reads the lease');
  assert.is(w.getlease(1, 1), 'shared,breakable');
  assert.not(w.machine.breaking(1 as FileHandle));
});

test('L9: EPERM before EINVAL before EACCES before EBADF', () => {
  const procs = [{ p: 1, uid: 99 }, { p: 2, uid: 99, hidden: true }, { p: 3 }];
  const w = new World({ files: [{ f: 1, regular: false }, { f: 2 }], procs });
  w.open(2, 2, 1, { write: false });
  assert.is(says(w.setlease(2, 2, 'exclusive')), 'EPERM W');
  w.open(1, 1, 1, { write: false });
  assert.is(says(w.setlease(1, 1, 'exclusive')), 'EINVAL L7');
  w.open(1, 3, 2, { write: false });
  assert.is(says(w.setlease(1, 3, 'exclusive')), 'EACCES L7');
  w.open(3, 4, 2, { write: false });
  assert.is(says(w.setlease(3, 4, 'exclusive')), 'EBADF L7');
});

test('L9: EAGAIN before EDEADLK: a refusing lease of another process before an own one to be broken', () => {
  const w = opened(2);
  w.open(1, 9, 1);
  w.setlease(1, 1, 'shared,breakable');
  w.setlease(2, 2, 'shared');
  assert.is(says(w.setlease(1, 9, 'exclusive')), 'EAGAIN L3');
});

test('N1: a lease of the process on another file is no licence', () => {
  const w = opened(1);
  w.open(1, 2, 2);
  w.setlease(1, 2, 'shared');
  assert.is(says(w.pin(1, 1, 0, BLOCK, 'p', 1)), 'EPERM N1');
  assert.is(says(w.pin(1, 2, 0, BLOCK, 'p', 1)), 'ok N1');
});

test('N2: a forked child does not own the lease, the parent still does', () => {
  const w = opened(1);
  w.setlease(1, 1, 'shared');
  w.fork(1, 2);
  assert.is(says(w.pin(2, 1, 0, BLOCK, 'p', 1)), 'EPERM N2');
  assert.is(says(w.pin(1, 1, 0, BLOCK, 'p', 1)), 'ok N1');
});

test('N3: a zombie alone is no licence; beside a live lease it takes no pin', () => {
  const w = opened(1);
  w.open(1, 2, 1);
  w.setlease(1, 1, 'shared');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  w.close(1, 1);
  assert.is(says(w.pin(1, 2, 0, BLOCK, 'p', 2)), 'EPERM N3');
  w.setlease(1, 2, 'shared');
  assert.is(says(w.pin(1, 2, 0, BLOCK, 'p', 2)), 'ok N1');
  assert.equal(
    w.machine.leases().map(lease => lease.pins),
    [1, 1],
  );
});

test('N4: a pin of a process ends with it, one of a description with that description', () => {
  const w = opened(1);
  w.open(1, 2, 2);
  w.pass(1, 2, 3);
  w.setlease(1, 1, 'shared');
  w.pin(1, 1, 0, BLOCK, 2, 1);
  w.pin(1, 1, 0, BLOCK, 'p', 2);
  w.exit(1);
  assert.equal(w.effects(), [
    { zombie: 1, rule: 'N5' },
    { unpinned: 2, rule: 'N4' },
  ]);
  w.close(3, 2);
  assert.equal(w.effects(), [
    { unpinned: 1, rule: 'N4' },
    { ended: 1, rule: 'N5' },
  ]);
  assert.not(w.machine.knows(1 as ProcessId));
});

test('N5: the pins that the closing description owns end first, so it leaves no zombie', () => {
  const w = opened(1);
  w.setlease(1, 1, 'shared');
  w.pin(1, 1, 0, BLOCK, 1, 1);
  w.close(1, 1);
  assert.equal(w.effects(), [
    { unpinned: 1, rule: 'N4' },
    { ended: 1, rule: 'L2' },
  ]);
});

test('N5: a zombie is listed without a description, protects, and goes with its last pin', () => {
  const w = opened(2);
  w.open(1, 9, 2);
  w.setlease(1, 1, 'exclusive');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  w.close(1, 1);
  const [zombie] = w.machine.leases();
  assert.is(zombie?.description, 0);
  assert.is(zombie?.kind, EXCLUSIVE);
  assert.is(w.getlease(1, 1), 'none');
  assert.ok(w.machine.guarded(FILE));
  assert.is(says(w.setlease(2, 2, 'shared,breakable')), 'EAGAIN L3');
  w.unpin(1, 9, 1);
  assert.is(says(w.setlease(2, 2, 'shared,breakable')), 'ok L3');
});

test('N6: closing another description of the file unpins nothing', () => {
  const w = opened(1);
  w.open(1, 2, 1);
  w.setlease(1, 1, 'shared');
  w.pin(1, 2, 0, BLOCK, 'p', 1);
  w.close(1, 2);
  assert.is(w.machine.pins().length, 1);
});

test('N7: an empty range is EINVAL, one beyond the block of the last byte EFAULT', () => {
  const w = new World({ files: [{ f: 1, size: BLOCK + 1 }] });
  w.open(1, 1, 1);
  w.setlease(1, 1, 'shared');
  assert.is(says(w.pin(1, 1, 0, 0, 'p', 1)), 'EINVAL N7');
  assert.is(says(w.pin(1, 1, 0, 2 * BLOCK + 1, 'p', 1)), 'EFAULT N7');
  assert.is(says(w.pin(1, 1, 0, 2 * BLOCK, 'p', 1)), 'ok N1');
});

test('N7: a pin that was given up for want of space is not counted and holds nothing', () => {
  const w = new World({ procs: [{ p: 1, memlock: BLOCK }], options: { capacity: 6 } });
  w.open(1, 1, 1);
  w.setlease(1, 1, 'shared');
  assert.is(says(w.pin(1, 1, 3 * BLOCK, 4 * BLOCK, 'p', 1)), 'ENOSPC N7');
  assert.is(says(w.pin(1, 1, 0, BLOCK, 'p', 1)), 'ok N1');
});

test('N8: ids are never used again', () => {
  const w = opened(1);
  w.setlease(1, 1, 'shared');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  const first = w.machine.pins()[0]!.pin;
  w.unpin(1, 1, 1);
  w.pin(1, 1, 0, BLOCK, 'p', 2);
  assert.not.equal(w.machine.pins()[0]!.pin, first);
  assert.is(says(w.unpin(1, 1, 1)), 'ENOENT N8');
});

test('N8: a pin that a description owns is removed through it, not through the lease’s description by a mere sharer', () => {
  const w = opened(1);
  w.open(1, 2, 2);
  w.pass(1, 2, 2);
  w.pass(1, 1, 2);
  w.setlease(1, 1, 'shared');
  w.pin(1, 1, 0, BLOCK, 2, 1);
  assert.is(says(w.unpin(2, 1, 1)), 'EPERM N8');
  assert.is(says(w.unpin(2, 2, 1)), 'ok N8');
});

test('N9: what is pinned with CAP_IPC_LOCK is not counted, and freeing it frees nothing of the count', () => {
  const procs = [
    { p: 1, memlock: BLOCK },
    { p: 2, memlock: 0, caps: ['IPC_LOCK'] },
  ];
  const w = opened(2, new World({ procs }));
  w.setlease(1, 1, 'shared');
  w.setlease(2, 2, 'shared');
  assert.is(says(w.pin(2, 2, 0, 3 * BLOCK, 'p', 1)), 'ok N1');
  assert.is(says(w.pin(1, 1, 0, BLOCK, 'p', 2)), 'ok N1');
  assert.is(says(w.pin(1, 1, 0, BLOCK, 'p', 3)), 'ENOMEM N9');
  w.unpin(2, 2, 1);
  assert.is(says(w.pin(1, 1, 0, BLOCK, 'p', 3)), 'ENOMEM N9');
});

test('N10: a kernel pin refuses on a file without a lease, and for its own maker it is EDEADLK', () => {
  const w = opened(2);
  w.kpin(1, 1, BLOCK, 2 * BLOCK, 50);
  assert.is(says(w.truncate(2, 0, 1)), 'ETXTBSY X1');
  assert.is(says(w.truncate(1, 0, 1)), 'EDEADLK X1');
  assert.is(says(w.truncate(2, 2 * BLOCK, 1)), 'ok X5');
});

test('N11: an unidentified process EPERM, then EINVAL, EBADF, EPERM, EFAULT, ENOMEM', () => {
  const w = new World({
    procs: [
      { p: 1, memlock: 0 },
      { p: 2, hidden: true },
    ],
  });
  w.open(1, 1, 1);
  w.open(2, 2, 1);
  assert.is(says(w.pin(2, 2, 0, 0, 1, 1)), 'EPERM W');
  assert.is(says(w.pin(1, 1, 0, 0, 2, 1)), 'EINVAL N7');
  assert.is(says(w.pin(1, 1, 0, 99 * BLOCK, 2, 1)), 'EBADF N4');
  assert.is(says(w.pin(1, 1, 0, 99 * BLOCK, 'p', 1)), 'EPERM N1');
  w.setlease(1, 1, 'shared');
  assert.is(says(w.pin(1, 1, 0, 99 * BLOCK, 'p', 1)), 'EFAULT N7');
  assert.is(says(w.pin(1, 1, 0, BLOCK, 'p', 1)), 'ENOMEM N9');
});

test('a refusal names the pin or the lease that refuses', () => {
  const w = opened(2);
  w.setlease(1, 1, 'shared');
  w.pin(1, 1, 0, BLOCK, 'p', 1);
  const holder = (pinStart: number, pinEnd: number) => {
    const verdict = w.machine.change(0, {
      process: 2 as ProcessId,
      description: 0,
      file: FILE,
      waiter: NO_WAITER,
      nonblock: false,
      range: { empty: false, pinStart, pinEnd },
    });
    return verdict.kind === 'refused' ? verdict.holder : undefined;
  };
  const lease = { process: 1, lease: 1, leaseKind: SHARED, zombie: false };
  assert.equal(holder(0, 9), { ...lease, by: 'pin', pin: 1, start: 0, end: 1 });
  assert.equal(holder(1, 9), { ...lease, by: 'lease' });
});

test.run();
