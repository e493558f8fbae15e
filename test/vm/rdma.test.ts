// Real RDMA, soft-RoCE: what a punch under a registered region does, on tmpfs and on leasefs. Inside the virtual
// machine of `npm run test:vm` only.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ground, grounds } from '../support/mounts.js';
import { bringUpRdma } from './rdma-device.js';
import { type Answers, type LeaseBy, RdmaExperiment, reading } from './rdma-experiment.js';

const test = suite('rdma');

if (process.env.LEASEFS_VM === undefined) test.skip('not in the virtual machine: npm run test:vm');
else {
  bringUpRdma();
  const experiment = new RdmaExperiment();

  const on = async (ground: keyof typeof grounds, lease: LeaseBy): Promise<Answers> => {
    const there: Ground = await grounds[ground]!();
    try {
      return experiment.run(there, lease);
    } finally {
      await there.stop();
    }
  };

  const areKept = (answers: Answers): void => {
    const calls = { lease: 'ok', register: 'ok', punch: 'ETXTBSY', write: 'ok' };
    assert.equal(answers, { ...calls, device: '0x5a', file: '0x5a' });
    assert.match(reading(answers), /^kept/);
  };

  test.after(() => experiment.clear());

  test('on tmpfs a region is registered, punched, and what the device writes is lost', async () => {
    const answers = await on('tmpfs', 'fcntl');
    assert.equal(answers, {
      lease: 'EINVAL',
      register: 'ok',
      punch: 'ok',
      write: 'ok',
      device: '0x5a',
      file: '0x00',
    });
    assert.match(reading(answers), /^data lost/);
  });

  test('N12: on leasefs a region that is no pin of ours refuses the punch all the same, and the data arrives', async () => {
    const answers = await on('leasefs', 'none');
    assert.equal(answers, {
      lease: '-',
      register: 'ok',
      punch: 'ETXTBSY',
      write: 'ok',
      device: '0x5a',
      file: '0x5a',
    });
    assert.match(reading(answers), /^kept/);
  });

  test('X1: on leasefs the punch of a pinned region is refused, and the file has what the device wrote', async () => {
    const answers = await on('leasefs', 'ioctl');
    areKept(answers);
  });

  test('N1: under leasefs run a region without a lease is refused, nothing is pinned or lost', async () => {
    const answers = await on('leasefs run', 'none');
    assert.is(answers.register, 'EPERM');
    assert.is(answers.punch, 'ok');
    assert.match(reading(answers), /^no lease, no region/);
  });

  test('N1, X1: under leasefs run the lease of the proposal lets register, and the punch is refused', async () => {
    const answers = await on('leasefs run', 'fcntl');
    areKept(answers);
  });
}

test.run();
