// --size is a promise on both stores: no write, store, fallocate, truncate or pin takes more.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statfsSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { LeaseFile } from '../../src/client/index.js';
import { native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { cli } from '../support/mounted.js';
import { O_RDWR } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const MIB = 1 << 20;
const SIZE = 16 * MIB;
const BLOCK = 4096;

/** Maps the file and stores one byte into each page of [from, to); says how many, or dies of SIGBUS. */
const STORE = `
import mmap, sys
path, start, end = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with open(path, 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:
    for at in range(start, end, 4096):
        m[at] = 1
print((end - start) // 4096)
`;

for (const store of ['direct', 'pooled'] as const) {
  mountedSuite(
    `size, ${store}`,
    { store, args: [`--size=${SIZE}`], needs: ['python3'] },
    ({ test, mount }) => {
      const free = (): number => {
        const { bavail, bsize } = statfsSync(mount.path);
        return bavail * bsize;
      };
      const leasefs = (...args: readonly string[]) =>
        spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
      /** The kernel's last references to a removed file go a little later. */
      const freed = (bytes: number) => eventually(`${bytes} bytes free`, () => free() === bytes);
      const data = new Uint8Array(MIB).fill(1);

      test('write(2) beyond it is ENOSPC, at the block; what is removed is free again', async () => {
        const path = mount.file('full');
        const fd = openSync(path, 'w+');
        let written = 0;
        assert.throws(() => {
          for (;;) written += writeSync(fd, data);
        }, /ENOSPC/);
        assert.is(written, SIZE);
        assert.is(free(), 0);
        assert.is(mount.report('status').used, SIZE);
        assert.is(writeSync(fd, data, 0, BLOCK, 0), BLOCK, 'blocks that are there may be written');
        const other = openSync(mount.file('other'), 'w+');
        assert.throws(() => writeSync(other, 'x'), /ENOSPC/);
        ftruncateSync(fd, SIZE - BLOCK);
        assert.is(free(), BLOCK);
        assert.is(writeSync(other, 'x'), 1);
        closeSync(other);
        closeSync(fd);
        unlinkSync(path);
        unlinkSync(mount.file('other'));
        await freed(SIZE);
      });

      test('fallocate and a pin beyond it are ENOSPC, and leave nothing', async () => {
        const file = LeaseFile.open(mount.file('holes'), O_RDWR | 0o100, 0o600);
        ftruncateSync(file.fd, 2 * SIZE);
        assert.is(native.fallocate(file.fd, 0, 0, 2 * SIZE), -errno.ENOSPC);
        assert.is(fstatSync(file.fd).blocks, 0);
        file.setLeaseSync('exclusive');
        assert.throws(() => file.pin(0, 2 * SIZE), /ENOSPC/);
        assert.is(free(), SIZE);
        file.pin(0, SIZE);
        assert.is(free(), 0);
        file.unpinAll();
        file.close();
        unlinkSync(mount.file('holes'));
        await freed(SIZE);
      });

      if (store === 'direct') {
        test('a store into a hole beyond it is SIGBUS, as on tmpfs; never in a pinned or allocated range', async () => {
          const path = mount.file('mapped');
          const file = LeaseFile.open(path, O_RDWR | 0o100, 0o600);
          ftruncateSync(file.fd, 2 * SIZE);
          file.setLeaseSync('exclusive');
          file.pin(0, MIB);
          assert.is(native.fallocate(file.fd, 0, MIB, MIB), 0);
          const stored = (from: number, to: number) =>
            spawnSync('python3', ['-c', STORE, path, String(from), String(to)], { encoding: 'utf8' });
          const fill = openSync(mount.file('fill'), 'w');
          assert.throws(() => {
            for (;;) writeSync(fill, data);
          }, /ENOSPC/);
          const promised = stored(0, 2 * MIB);
          assert.is(promised.stdout, '512\n', promised.stderr);
          const beyond = stored(2 * MIB, 2 * MIB + BLOCK);
          assert.is(beyond.signal ?? beyond.status, 'SIGBUS');
          closeSync(fill);
          file.unpinAll();
          file.close();
          unlinkSync(path);
          unlinkSync(mount.file('fill'));
          await freed(SIZE);
        });
      }

      test('resize: more and less, but not less than the files take', async () => {
        const path = mount.file('half');
        writeFileSync(path, new Uint8Array(SIZE / 2));
        assert.is(leasefs('resize', mount.path, '32m').stdout, `${mount.path}: 32 MiB\n`);
        assert.is(statfsSync(mount.path).blocks * BLOCK, 2 * SIZE);
        assert.is(free(), 2 * SIZE - SIZE / 2);
        assert.is(readFileSync(mount.file('.leasefs/size'), 'latin1'), `${2 * SIZE}\n`);
        const less = leasefs('resize', mount.path, '4m');
        assert.is(less.status, 1);
        assert.match(less.stderr, 'EINVAL: its files take 8 MiB');
        assert.is(leasefs('resize', mount.path, '8m').status, 0);
        assert.is(free(), 0);
        assert.throws(() => writeFileSync(mount.file('x'), 'x'), /ENOSPC/);
        execFileSync('sh', ['-c', `echo ${SIZE} > ${mount.file('.leasefs/size')}`]);
        assert.is(free(), SIZE / 2);
        assert.throws(() => writeFileSync(mount.file('.leasefs/size'), '1g'), /EINVAL/, 'bytes alone');
        assert.is(leasefs('resize', mount.path, 'much').status, 2);
        truncateSync(path, 0);
        assert.is(free(), SIZE);
        const user = { uid: 65534, gid: 65534, cwd: '/' };
        const byUser = spawnSync('sh', ['-c', `echo ${2 * SIZE} > ${mount.file('.leasefs/size')}`], user);
        assert.not.equal(byUser.status, 0);
        assert.is(statfsSync(mount.path).blocks * BLOCK, SIZE);
      });
    },
  );
}
