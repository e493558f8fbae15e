// The scenarios of the 2019 thread: none is as the proposal has it on tmpfs, so the programs do tell.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requireMount, skipMount } from '../e2e/mounted.js';
import { grounds } from './grounds.js';
import { Scenarios } from './scenarios.js';

const test = suite('the scenarios of the proposal');

if (skipMount) test.skip('LEASEFS_SKIP_MOUNT is set');
else {
  requireMount();
  const scenarios = new Scenarios();

  test.after(() => scenarios.clear());

  test('on tmpfs every one of them differs, and none breaks', async () => {
    const ground = await grounds.tmpfs!();
    try {
      const said = await Promise.all(
        scenarios.names.map(async name => {
          const { verdict, complaint } = await scenarios.run(name, ground.directory, ground.prefix);
          return `${name}: ${verdict} ${complaint}`.trim();
        }),
      );
      assert.equal(
        said,
        scenarios.names.map(name => `${name}: differs`),
      );
      assert.ok(said.length >= 20);
    } finally {
      await ground.stop();
    }
  });
}

test.run();
