// A machine that is written down and restored answers the rest of a history as if nothing had happened: random histories,
// with restarts at random steps, against the naive model, which knows of none.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FileHandle, LeaseId, PinId, WaiterId } from '../../src/base/units.js';
import type { Lease, LeaseMachine, Notebook, Pin, SavedLease, SavedPin } from '../../src/lease/index.js';
import { Run, randomSteps, type Step, weights } from './model-steps.js';

/** What a journal keeps: the last that was written of each thing. */
class Book implements Notebook {
  readonly leases = new Map<LeaseId, SavedLease>();
  readonly pins = new Map<PinId, SavedPin>();
  readonly descriptions = new Set<FileHandle>();

  lease({ id, file, description, takenAt, kind, owner, ownerDead, notice, zombie, breaking }: Lease): void {
    const saved = { id, file: file.ino, description, takenAt, kind, owner, ownerDead, notice, zombie };
    this.leases.set(id, { ...saved, breaking: breaking && { ...breaking } });
  }

  leaseGone(lease: LeaseId): void {
    this.leases.delete(lease);
  }

  pin({ id, lease, start, end, process, owner, uid, charged, pinnedAt }: Pin): void {
    this.pins.set(id, { id, lease: lease.id, start, end, process, owner, uid, charged, pinnedAt });
  }

  pinGone(pin: PinId): void {
    this.pins.delete(pin);
  }

  forced(description: FileHandle, is: boolean): void {
    if (is) this.descriptions.add(description);
    else this.descriptions.delete(description);
  }
}

const byNumber = (a: object, b: object): number =>
  (Object.values(a)[0] as number) - (Object.values(b)[0] as number);

const stateOf = (machine: LeaseMachine): object => ({
  leases: machine.leases().sort(byNumber),
  pins: machine.pins().sort(byNumber),
  counts: machine.counts(),
  deadline: machine.deadline(),
});

class RestartingRun extends Run {
  private changes = this.machine.keepChanges(() => {});
  private book = new Book();

  /** Written after each step, as before an answer. */
  override step(step: Step): void {
    // Two breaks that begin at the same instant may end in either order.
    this.now += 1 / 1024;
    super.step(step);
    this.changes.take(this.book);
  }

  /** All is written anew into another book, and what changes concurrently too. @param concurrent one a thing */
  sweep(concurrent: readonly Step[]): void {
    const book = new Book();
    const books = [this.book, book];
    const steps = this.machine.sweep(book);
    for (const step of concurrent) {
      if (steps.next().done === true) break;
      this.now += 1 / 1024;
      super.step(step);
      // To both, in the order of a journal: what has changed, then more of the sweep.
      this.changes.take({
        lease: lease => {
          for (const one of books) one.lease(lease);
        },
        leaseGone: lease => {
          for (const one of books) one.leaseGone(lease);
        },
        pin: pin => {
          for (const one of books) one.pin(pin);
        },
        pinGone: pin => {
          for (const one of books) one.pinGone(pin);
        },
        forced: (description, is) => {
          for (const one of books) one.forced(description, is);
        },
      });
    }
    while (steps.next().done !== true);
    this.book = book;
  }

  /** The calls that wait are sent again, and wait on. */
  restart(): void {
    const before = this.machine;
    this.machine = this.newMachine();
    const { leases, pins, descriptions } = this.book;
    this.machine.restore({
      leases: leases.values(),
      pins: pins.values(),
      forced: descriptions,
      lastLease: before.lastLease,
      lastPin: before.lastPin,
    });
    this.machine.check();
    assert.equal(this.machine.drain(), [], 'no holder is notified anew');
    assert.equal(stateOf(this.machine), stateOf(before));
    this.changes = this.machine.keepChanges(() => {});
    const waiting = [...this.parked].sort(([a], [b]) => a - b);
    for (const [waiter, ask] of waiting) {
      this.again.push(waiter as WaiterId);
      const verdict = ask(0 as WaiterId, true);
      assert.is(verdict.kind, 'wait');
      assert.is(this.again.length, 0, 'under the same number');
    }
    assert.equal(this.machine.drain(), [], 'a break that goes on notifies no holder');
    this.changes.take(this.book);
    this.machine.check();
  }
}

const test = suite('a machine that is restored');

const step = randomSteps({ ...weights, pin: 8 });

const seed = process.env.LEASEFS_SEED;

test('it goes on as if nothing had happened, whenever it was written down', () => {
  const history = fc.array(
    fc.oneof(
      { weight: 12, arbitrary: step },
      { weight: 1, arbitrary: fc.constant('restart' as const) },
      { weight: 1, arbitrary: fc.array(step, { maxLength: 12 }) },
    ),
    { maxLength: 80 },
  );
  let restarts = 0;
  const property = fc.property(history, all => {
    const run = new RestartingRun();
    for (const one of all) {
      if (one === 'restart') {
        run.restart();
        restarts++;
      } else if (Array.isArray(one)) run.sweep(one);
      else run.step(one);
    }
    run.restart();
  });
  fc.assert(property, { numRuns: 1500, ...(seed === undefined ? {} : { seed: Number(seed) }) });
  assert.ok(restarts > 100, `${restarts} restarts`);
});

test('a pin under no lease is refused', () => {
  const run = new RestartingRun();
  const pin = { id: 1, lease: 7, start: 0, end: 1, process: 1, owner: 0, uid: 0, charged: 0, pinnedAt: 0 };
  const pins = [pin as unknown as SavedPin];
  assert.throws(
    () => run.machine.restore({ leases: [], pins, forced: [], lastLease: 7, lastPin: 1 }),
    'pin 1 is under no lease',
  );
});

test.run();
