// `leasefs run` by an ordinary user, on a mount of that user's own through fusermount3. Needs fuse3 and unshare.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { publicCli } from '../support/public-copy.js';

const LIMIT_MS = 120_000;

/** @param words what stands behind `leasefs run`. @param scratch a directory of ours. */
export function runAsUser(scratch: string, ...words: readonly string[]): SpawnSyncReturns<string> {
  const node = join(scratch, 'fuse');
  const open = `test -e ${node} || mknod ${node} c 10 229; chmod 666 ${node} && mount --bind ${node} /dev/fuse && exec "$@"`;
  const asUser = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];
  const run = [process.execPath, publicCli(), 'run', ...words];
  return spawnSync('unshare', ['--mount', 'sh', '-c', open, 'sh', ...asUser, ...run], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    cwd: '/',
  });
}
