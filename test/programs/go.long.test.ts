// A Go program, statically linked and without libc, that makes the proposal's calls from many goroutines.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { under } from '../support/mounts.js';
import { mountedSuite } from '../support/suites.js';
import { must, run } from './installed.js';

const source = fileURLToPath(new URL('../../../test/programs/lease.go', import.meta.url));
const GOROUTINES = 20;

mountedSuite('a Go program', { needs: ['go'] }, ({ test, mount }) => {
  let built: string;
  let program: string;

  test.before(async () => {
    built = mkdtempSync(join(tmpdir(), 'leasefs-go-'));
    program = join(built, 'lease');
    built = mkdtempSync(join(tmpdir(), 'leasefs-go-'));
    program = join(built, 'lease');
    await must(['go', 'build', '-o', program, source], {
      CGO_ENABLED: '0',
      GO111MODULE: 'off',
      GOCACHE: join(built, 'cache'),
    });
  });
  test.after(() => rmSync(built, { recursive: true }));

  test("without a supervisor the proposal's F_SETLEASE never reaches a FUSE server: EINVAL", async () => {
    const { code, stdout } = await run([program, mount.path, `${GOROUTINES}`]);
    assert.is(code, 1);
    assert.is(stdout, 'F_SETLEASE: invalid argument\n'.repeat(GOROUTINES));
  });

  test('under `leasefs run` it is served, from all its threads at once', async () => {
    const { code, stdout, stderr } = await run([...under(mount), program, mount.path, `${GOROUTINES}`]);
    assert.is(stdout, '');
    assert.is(code, 0, stderr);
  });
});
