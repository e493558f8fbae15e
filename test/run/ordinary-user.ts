// `leasefs run` by an ordinary user, on a mount of that user's own through fusermount3. Needs fuse3 and unshare.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { publicCommand } from '../support/public-copy.js';

const LIMIT_MS = 120_000;

/** The command, up to its first word, as an ordinary user who may mount. @param scratch a directory of ours. */
export function asOrdinaryUser(scratch: string): string[] {
  const node = join(scratch, 'fuse');
  const open = `test -e ${node} || mknod ${node} c 10 229; chmod 666 ${node} && mount --bind ${node} /dev/fuse && exec "$@"`;
  const asUser = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups'];
  return ['unshare', '--mount', 'sh', '-c', open, 'sh', ...asUser, publicCommand()];
}

/** @param words what stands behind `leasefs run`. @param scratch a directory of ours. */
export function runAsUser(scratch: string, ...words: readonly string[]): SpawnSyncReturns<string> {
  const [command, ...args] = [...asOrdinaryUser(scratch), 'run', ...words];
  return spawnSync(command!, args, { encoding: 'utf8', timeout: LIMIT_MS, cwd: '/' });
}
