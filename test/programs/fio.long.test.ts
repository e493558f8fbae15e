// fio as it comes from Debian, on both stores: what it writes by each of its engines it reads back and verifies.
import { truncateSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { bothStores } from '../support/mounted.js';
import { under } from '../support/mounts.js';
import { mountedSuite } from '../support/suites.js';
import { type Ended, run } from './installed.js';

const engines: Readonly<Record<string, readonly string[]>> = {
  psync: ['--ioengine=psync', '--numjobs=2'],
  mmap: ['--ioengine=mmap'],
  'io_uring with fixed buffers': ['--ioengine=io_uring', '--fixedbufs=1', '--iodepth=8'],
};

for (const store of bothStores) {
  mountedSuite(`fio, ${store} store`, { store, needs: ['fio'] }, ({ test, mount }) => {
    const fio = (...args: readonly string[]): Promise<Ended> => fioUnder([], ...args);
    const fioUnder = (prefix: readonly string[], ...args: readonly string[]): Promise<Ended> =>
      run([
        ...prefix,
        'fio',
        '--name=job',
        '--size=4m',
        '--bs=16k',
        `--directory=${mount.path}`,
        '--output-format=json',
        '--verify_state_save=0',
        ...args,
      ]);
    /** Bytes read by all jobs, none of which had an error. */
    const read = ({ code, stdout, stderr }: Ended): number => {
      assert.is(code, 0, stderr + stdout);
      const { jobs } = JSON.parse(stdout) as { jobs: { error: number; read: { io_bytes: number } }[] };
      assert.ok(jobs.every(({ error }) => error === 0));
      return jobs.reduce((sum, job) => sum + job.read.io_bytes, 0);
    };

    for (const [name, args] of Object.entries(engines)) {
      test(`random writes by ${name} are verified`, async () => {
        const ended = await fio('--rw=randwrite', '--verify=crc32c', '--verify_fatal=1', ...args);
        assert.is(read(ended), (args.includes('--numjobs=2') ? 2 : 1) * (4 << 20));
      });
    }

    test('under `leasefs run` fixed buffers of its own memory need no lease', async () => {
      const args = ['--rw=randwrite', '--verify=crc32c', '--verify_fatal=1'];
      const uring = engines['io_uring with fixed buffers']!;
      assert.is(read(await fioUnder(under(mount), ...args, ...uring)), 4 << 20);
    });

    const buffers = 'I/O into fixed buffers that are the memory of a file';
    const intoFile = async (prefix: readonly string[] = []): Promise<Ended> => {
      const memory = mount.file('memory');
      writeFileSync(memory, '');
      truncateSync(memory, 1 << 20);
      return fioUnder(
        prefix,
        '--rw=randread',
        '--ioengine=io_uring',
        '--fixedbufs=1',
        '--iodepth=8',
        `--mem=mmapshared:${memory}`,
      );
    };
    if (store === 'direct') {
      test(`${buffers} is done`, async () => {
        assert.is(read(await intoFile()), 4 << 20);
      });

      test(`N1: ${buffers} is refused under \`leasefs run\`, since fio takes no lease`, async () => {
        const { code, stderr, stdout } = await intoFile(under(mount));
        assert.is.not(code, 0);
        assert.match(stderr + stdout, 'Operation not permitted');
      });

      test('with --policy report it is let through, and --fail-on unleased-pin makes that a failure', async () => {
        const options = ['--policy', 'report', '--fail-on', 'unleased-pin'];
        const { code, stdout } = await intoFile(under(mount, ...options));
        assert.is(code, 125);
        assert.is(read({ code: 0, stdout, stderr: '' }), 4 << 20);
      });
    } else {
      test(`${buffers} is refused by the kernel, which pins no ordinary FUSE mapping`, async () => {
        const { code, stderr, stdout } = await intoFile();
        assert.is.not(code, 0);
        assert.match(stderr + stdout, 'Bad address');
      });
    }
  });
}
