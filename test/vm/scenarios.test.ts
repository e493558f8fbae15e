// The scenarios of the 2019 thread over RDMA itself, which the thread was about: the same programs as test/proposal,
// linked with ibv_reg_mr and RDMA WRITE instead of io_uring, unmodified under `leasefs run`. Inside the virtual machine of
// `npm run test:vm` only.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { differing, type Outcome, Scenarios } from '../proposal/scenarios.js';
import { grounds } from '../support/mounts.js';
import { bringUpRdma } from './rdma-device.js';

const test = suite('the scenarios of the proposal, over RDMA');

if (process.env.LEASEFS_VM === undefined) test.skip('not in the virtual machine: npm run test:vm');
else {
  bringUpRdma();
  const scenarios = new Scenarios('dynamic', 'rdma');
  let outcomes: ReadonlyMap<string, Outcome>;

  test.before(async () => {
    const ground = await grounds['leasefs run']!();
    outcomes = await scenarios.runAll(ground).finally(() => ground.stop());
  });
  test.after(() => scenarios.clear());

  for (const name of scenarios.names)
    test(name, () => {
      const outcome = outcomes.get(name)!;
      assert.is.not(outcome.verdict, 'broken', outcome.complaint);
      const wrong = differing(outcome).map(({ step, expected, got }) => `${step}: ${got}, not ${expected}`);
      // The kernel serves it without asking us (X8).
      assert.equal(
        wrong,
        name === 'extending-write' ? ['write beyond the end by another process: ok, not ETXTBSY'] : [],
      );
    });
}

test.run();
