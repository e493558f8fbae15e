// Operations that wait, as both transports keep them: run again when the filesystem says so, ended by a signal where
// their wait is interruptible.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Quota } from '../../src/base/quota.js';
import type { WaiterId } from '../../src/base/units.js';
import { type Answer, Caller, type Operations, PARKED } from '../../src/fs/operations.js';
import { Parked } from '../../src/fs/parked.js';

const test = suite('parked operations');

const EINTR = -4;
const EAGAIN = -11;
const ETXTBSY = 26;

interface Call {
  readonly caller: Caller;
  readonly cost: number;
}

/** What an operation does at each of its runs. */
type Step = { readonly wait: number; readonly interruptible?: boolean } | { readonly answer: Answer };

class Desk {
  readonly answers: Answer[] = [];
  readonly log: string[] = [];
  /** For two calls of a user. */
  readonly room = new Quota(800);
  /** The waiters that the operation ran under. */
  readonly ranUnder: number[] = [];
  readonly givenUp: number[] = [];
  readonly parked: Parked<Call>;
  readonly call: Call = { caller: new Caller(), cost: 100 };
  private readonly steps: Step[];

  constructor(...steps: Step[]) {
    this.steps = steps;
    const operations = { interrupt: (waiter: WaiterId) => this.givenUp.push(waiter) };
    this.parked = new Parked<Call>(
      operations as unknown as Operations,
      call => this.run(call),
      (_call, answer) => this.answers.push(answer),
      line => this.log.push(line),
      this.room,
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

test("beyond a user's share a call does not wait: EAGAIN, and the wait is given up", () => {
  const desk = new Desk({ wait: 1 }, { wait: 2 }, { wait: 3 }, { wait: 4 });
  const { caller } = desk.call;
  caller.uid = 21_000;
  // The first one was root's.
  desk.parked.clear();
  for (let n = 0; n < 2; n++) desk.parked.start(desk.call);
  assert.equal(desk.answers, []);
  desk.parked.start(desk.call);
  assert.equal(desk.answers, [EAGAIN]);
  assert.equal(desk.givenUp, [4]);
  assert.is(desk.parked.size, 2);
  assert.match(desk.log[0]!, 'EAGAIN to user 21000');
});

test('a share is free again however the wait ends, and stays taken while a call waits anew', () => {
  for (const end of ['retry', 'answer', 'interrupt', 'drop', 'clear'] as const) {
    const desk = new Desk({ wait: 1 }, { wait: 1 }, { answer: 0 });
    desk.retry(1);
    assert.not.ok(desk.room.take(0, 701), end);
    if (end === 'retry') desk.retry(1);
    else if (end === 'answer') desk.parked.answer(1 as WaiterId, ETXTBSY);
    else if (end === 'interrupt') desk.interrupt();
    else if (end === 'drop') desk.parked.drop(desk.call);
    else desk.parked.clear();
    assert.ok(desk.room.take(0, 800), end);
  }
});

test.run();
