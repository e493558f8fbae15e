// The scenarios of the 2019 thread: under `leasefs run`, and by the ioctls, all are as the proposal has them, but for
// the one difference that the README names; on tmpfs none is, so the programs do show the difference.
import * as assert from 'uvu/assert';
import { grounds } from '../support/mounts.js';
import { suiteNeeding } from '../support/suites.js';
import { differing, type Outcome, Scenarios } from './scenarios.js';

suiteNeeding('the scenarios of the proposal', ['mount'], test => {
  // Linked so that nothing could be preloaded into them.
  const scenarios = new Scenarios('static');

  test.after(() => scenarios.clear());

  const outcomes = async (on: string): Promise<ReadonlyMap<string, Outcome>> => {
    const ground = await grounds[on]!();
    return scenarios.runAll(ground).finally(() => ground.stop());
  };
  /** What was not as the proposal has it, and what did not come to an end. */
  const wrong = async (on: string): Promise<string[]> => {
    const found: string[] = [];
    for (const [name, outcome] of await outcomes(on)) {
      if (outcome.verdict === 'broken') found.push(`${name}: broken: ${outcome.complaint}`);
      for (const { step, expected, got } of differing(outcome))
        found.push(`${name}: ${step}: ${got}, not ${expected}`);
    }
    return found;
  };
  /** The kernel serves it without asking us. */
  const theOneDifference = 'extending-write: write beyond the end by another process: ok, not ETXTBSY';

  test('under `leasefs run` all are as the proposal, but for a write that extends a direct file (X8)', async () => {
    assert.equal(await wrong('leasefs run'), [theOneDifference]);
  });

  test('so they are on the pooled store, up to where the kernel pins no mapping of it: EFAULT', async () => {
    const found = await wrong('leasefs run, pooled');
    assert.equal(
      found.filter(line => !line.endsWith('EFAULT (cannot be tried here), not ok')),
      [],
    );
  });

  test('by the ioctls all are as the proposal on the direct store, but for a write that extends (X8)', async () => {
    assert.equal(await wrong('leasefs, ioctls'), [theOneDifference]);
  });

  test('by the ioctls all are as the proposal on the pooled store', async () => {
    assert.equal(await wrong('leasefs, ioctls, pooled'), []);
  });

  test('on tmpfs every one of them differs, and none breaks', async () => {
    const said = [...(await outcomes('tmpfs'))].map(([name, { verdict }]) => `${name}: ${verdict}`);
    assert.equal(
      said,
      scenarios.names.map(name => `${name}: differs`),
    );
    assert.ok(said.length >= 20);
  });
});
