// Suites that need something of the machine. Where it is missing each of their tests is skipped and counted by its reason,
// and with LEASEFS_REQUIRE=1 each is a failure. At its end the process prints a line for each reason, which test/run.ts
// adds up.
import { suite, type Test } from 'uvu';
import { Stage } from './actors.js';
import { LeaseFiles } from './lease-files.js';
import { Mounted, type Store } from './mounted.js';
import { lacking, type Need } from './needs.js';

type Define = (title: string, body: () => void | Promise<void>) => void;

const counts = new Map<string, number>();

process.on('exit', () => {
  for (const [reason, count] of counts) console.log(`leasefs skipped ${count}: ${reason}`);
});

function skip(test: Test, title: string, reason: string): void {
  if (process.env.LEASEFS_REQUIRE === '1') {
    test(title, () => {
      throw new Error(`LEASEFS_REQUIRE=1, and ${reason}`);
    });
    return;
  }
  if (!counts.has(reason)) counts.set(reason, 0);
  counts.set(reason, counts.get(reason)! + 1);
  test.skip(title);
}

/** `test` for those tests of a suite that need more than the rest. */
export function needing(test: Test, ...needs: readonly Need[]): Define {
  const reason = lacking(needs);
  return reason === undefined ? test : title => skip(test, title, reason);
}

/** A uvu suite of what `define` gives to `test`: nothing else may happen in it, since it runs on every machine. */
export function suiteNeeding(name: string, needs: readonly Need[], define: (test: Test) => void): void {
  const test = suite(name);
  const reason = lacking(needs);
  define(reason === undefined ? test : skipping(test, reason));
  test.run();
}

/** Takes tests as `test` does, and counts each as skipped. */
function skipping(test: Test, reason: string): Test {
  const ignore = Object.assign(() => {}, { each: () => {} });
  const take = (title: string) => skip(test, title, reason);
  // A suite that skips one has counted it by a reason of its own.
  const uncounted = (title?: string) => test.skip(title);
  return Object.assign(take, { only: take, skip: uncounted, before: ignore, after: ignore, run: () => {} });
}

export interface MountOptions {
  readonly store?: Store;
  /** More words for `leasefs mount`. */
  readonly args?: readonly string[];
  /** How else to mount than by `Mounted.start`. */
  readonly start?: () => Promise<Mounted>;
  /** Actors end with the suite, not with each test. */
  readonly actorsStay?: boolean;
  /** Beside a mount. */
  readonly needs?: readonly Need[];
}

/** What a suite on a mount is given. The mount is there in its hooks and tests, not before. */
export interface OnMount {
  readonly test: Test;
  readonly mount: Mounted;
  /** Its actors end after each test, unless `actorsStay`. */
  readonly stage: Stage;
  /** Files are closed after each test. */
  readonly files: LeaseFiles;
}

/** A suite on one mount of its own, which is taken down after it. */
export function mountedSuite(name: string, options: MountOptions, define: (on: OnMount) => void): void {
  const { store, args = [], start, actorsStay = false, needs = [] } = options;
  const all: Need[] = ['mount', ...(store === 'direct' ? (['passthrough'] as const) : []), ...needs];
  suiteNeeding(name, all, test => {
    const mount = new Mounted();
    const stage = new Stage();
    const files = new LeaseFiles(() => mount);
    test.before(async () => {
      const words = [...(store === undefined ? [] : ['--store', store]), ...args];
      // uvu does not print what a hook throws.
      await mount.become(start?.() ?? Mounted.start(...words)).catch(error => {
        console.error(error);
        throw error;
      });
    });
    define({ test, mount, stage, files });
    test.after.each(async () => {
      files.close();
      if (!actorsStay) await stage.clear();
    });
    test.after(async () => {
      await stage.close();
      await mount.stop();
    });
  });
}
