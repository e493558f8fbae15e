// -o kernel_cache: descriptions of pooled files that are open for writing use the page cache again. The rules stay; only the
// promise that a refused write drops no store does not hold (page-cache.long.test.ts).
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeFileSync, writeSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { cli, Mounted, PATIENT } from '../support/mounted.js';
import { BLOCK, SHARED } from '../support/numbers.js';
import { mountedSuite, needing } from '../support/suites.js';

const READS = 50;

/** Requests READ that `READS` reads of one block take, by a description that may write. */
function readRequests(mount: Mounted): number {
  const path = mount.file('read');
  writeFileSync(path, Buffer.alloc(BLOCK, 1));
  const fd = openSync(path, 'r+');
  const into = Buffer.alloc(BLOCK);
  const before = mount.report('status').requests.READ ?? 0;
  for (let n = 0; n < READS; n++) assert.is(readSync(fd, into, 0, BLOCK, 0), BLOCK);
  assert.ok(into.every(byte => byte === 1));
  closeSync(fd);
  return (mount.report('status').requests.READ ?? 0) - before;
}

const options = { store: 'pooled', args: ['-o', 'kernel_cache', ...PATIENT] } as const;
mountedSuite('kernel_cache, mounted', options, ({ test, mount, stage }) => {
  test('reads by a description that may write come from the page cache, and status says so', () => {
    const requests = readRequests(mount);
    assert.ok(requests <= 2, `${requests}`);
    assert.is(mount.report('status').kernelCache, true);
    const { stdout } = spawnSync(process.execPath, [cli, 'status', mount.path], { encoding: 'utf8' });
    assert.match(stdout, /^kernel cache +writes use it \(-o kernel_cache\)/m);
  });

  needing(test, 'mmap-of-direct-io')('without it each of them asks the daemon', async () => {
    await Mounted.during(['--store=pooled'], async plain => {
      assert.is(readRequests(plain), READS);
      assert.is(plain.report('status').kernelCache, false);
    });
  });

  test('X8: a write into a hole of a leased file is refused, and what was written before stays', async () => {
    const path = mount.file('leased');
    const fd = openSync(path, 'w');
    writeSync(fd, Buffer.alloc(BLOCK, 1));
    closeSync(fd);
    const [a, b] = await stage.pair(path);
    await a.setLease(SHARED);
    assert.is(await b.try.pwrite(BLOCK, 1, 5), 'ETXTBSY');
    assert.equal(readFileSync(path), Buffer.alloc(BLOCK, 1));
    await b.pwrite(10, 1, 5);
    assert.is(await a.pread(10), 5);
    await stage.clear();
  });
});
