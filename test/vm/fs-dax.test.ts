// What the kernel's own DAX file systems answer, ext4 and XFS on persistent memory: memory is not registered for long, and
// a pin that is not for long keeps a truncate waiting. Inside the virtual machine of `npm run test:vm` only.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ground, grounds } from '../support/mounts.js';
import { bringUpRdma } from './rdma-device.js';
import { RdmaExperiment, reading } from './rdma-experiment.js';
import { ShortPins } from './short-pins.js';

const test = suite('fs-dax');

if (process.env.LEASEFS_VM === undefined) test.skip('not in the virtual machine: npm run test:vm');
else {
  bringUpRdma();
  const experiment = new RdmaExperiment();
  const pins = new ShortPins();
  test.after(() => {
    experiment.clear();
    pins.clear();
  });

  const on = async <T>(name: keyof typeof grounds, use: (ground: Ground) => T): Promise<T> => {
    const ground = await grounds[name]!();
    try {
      return use(ground);
    } finally {
      await ground.stop();
    }
  };

  for (const name of ['ext4 dax', 'xfs dax']) {
    test(`on ${name} no region is registered`, async () => {
      const answers = await on(name, ground => experiment.run(ground, 'fcntl'));
      assert.is(answers.register, 'EOPNOTSUPP');
      assert.is(answers.punch, 'ok');
      assert.match(reading(answers), /^no RDMA here/);
    });

    test(`on ${name} a truncate waits for a direct read into the file's memory`, async () => {
      const truncation = await on(name, ground => pins.truncate(ground));
      assert.equal(truncation, { answer: 'ok', returned: 'after the read' });
    });
  }

  test('on leasefs that truncate is not refused: a direct read is no registered pin (N10)', async () => {
    const { answer } = await on('leasefs', ground => pins.truncate(ground));
    assert.is(answer, 'ok');
  });
}

test.run();
