// Operations that wait, as both transports keep them: run again when the filesystem says so, ended by a signal where
// their wait is interruptible.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WaiterId } from '../../src/base/units.js';
import { type Answer, Caller, type Operations, PARKED } from '../../src/fs/operations.js';
import { Parked } from '../../src/fs/parked.js';

const test = suite('parked operations');

const EINTR = -4;
const ETXTBSY = 26;

interface Call {
  readonly caller: Caller;
}

/** What an operation does at each of its runs. */
type Step = { readonly wait: number; readonly interruptible?: boolean } | { readonly answer: Answer };

class Desk {
  readonly answers: Answer[] = [];
  /** The waiters that the operation ran under. */
  readonly ranUnder: number[] = [];
  readonly givenUp: number[] = [];
  readonly parked: Parked<Call>;
  readonly call: Call = { caller: new Caller() };
  private readonly steps: Step[];

  constructor(...steps: Step[]) {
    this.steps = steps;
    const operations = { interrupt: (waiter: WaiterId) => this.givenUp.push(waiter) };
    this.parked = new Parked<Call>(
      operations as unknown as Operations,
      call => this.run(call),
      (_call, answer) => this.answers.push(answer),
    );
    this.parked.start(this.call);
  }

  retry(waiter: number): void {
    this.parked.retry(waiter as WaiterId);
  }

  interrupt(): void {
    this.parked.interrupt(call => call === this.call);
  }

  private run({ caller }: Call): Answer {
    this.ranUnder.push(caller.waiter);
    const step = this.steps.shift()!;
    if ('answer' in step) return step.answer;
    caller.waiter = step.wait as WaiterId;
    caller.interruptible = step.interruptible ?? true;
    return PARKED;
  }
}

test('an operation that does not wait is answered at once', () => {
  const desk = new Desk({ answer: 7 });
  assert.equal(desk.answers, [7]);
  assert.is(desk.parked.size, 0);
});

test('an operation runs again under its waiter until it is answered, and may then wait for something else', () => {
  const desk = new Desk({ wait: 1 }, { wait: 1 }, { wait: 2 }, { answer: 0 });
  desk.retry(1);
  desk.retry(1);
  assert.is(desk.parked.size, 1);
  desk.retry(1);
  assert.equal(desk.answers, [], 'it waits under 2 now');
  desk.retry(2);
  assert.equal(desk.answers, [0]);
  assert.equal(desk.ranUnder, [0, 1, 1, 2]);
  assert.equal(desk.givenUp, []);
});

test('an error gives the wait up: the operation may have failed before it asked for the lease again', () => {
  const desk = new Desk({ wait: 1 }, { answer: -28 });
  desk.retry(1);
  assert.equal(desk.answers, [-28]);
  assert.equal(desk.givenUp, [1]);
});

test('the filesystem answers it itself, once', () => {
  const desk = new Desk({ wait: 1 });
  desk.parked.answer(1 as WaiterId, ETXTBSY);
  desk.parked.answer(1 as WaiterId, ETXTBSY);
  desk.retry(1);
  assert.equal(desk.answers, [-ETXTBSY]);
});

test('B5: a signal ends the wait for a lease', () => {
  const desk = new Desk({ wait: 1 });
  desk.interrupt();
  assert.equal(desk.answers, [EINTR]);
  assert.equal(desk.givenUp, [1]);
  desk.interrupt();
  assert.equal(desk.answers, [EINTR]);
});

test('N10: a signal does not end a search; the operation is answered as if none had come', () => {
  const desk = new Desk({ wait: 1, interruptible: false }, { answer: 0 });
  desk.interrupt();
  assert.equal(desk.answers, []);
  desk.retry(1);
  assert.equal(desk.answers, [0]);
});

test('N10, B5: a signal during a search ends the wait for a lease that follows it', () => {
  const desk = new Desk({ wait: 1, interruptible: false }, { wait: 2 });
  desk.interrupt();
  desk.retry(1);
  assert.equal(desk.answers, [EINTR]);
  assert.equal(desk.givenUp, [2]);
});

test('calls that share one caller keep their own waiters', () => {
  const desk = new Desk({ wait: 1 }, { wait: 2 }, { answer: 10 }, { answer: 20 });
  desk.parked.start(desk.call);
  assert.is(desk.call.caller.waiter, 0);
  desk.retry(2);
  desk.retry(1);
  assert.equal(desk.answers, [10, 20]);
  assert.equal(desk.ranUnder, [0, 0, 2, 1]);
});

test('a dropped call is not answered', () => {
  const desk = new Desk({ wait: 1 });
  desk.parked.drop(desk.call);
  desk.retry(1);
  assert.equal(desk.answers, []);
  assert.equal(desk.givenUp, [1]);
});

test.run();
