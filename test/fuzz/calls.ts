// Mutated calls from four processes, two of them an ordinary user's, on a mount of their own. What holds afterwards: no
// callback of the daemon has thrown, no lease and no pin is left, and a well-formed call is served.
import { spawn } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { LeaseFile } from '../../src/client/index.js';
import { eventually } from '../support/actors.js';
import { USER } from '../support/hostile.js';
import { Mounted } from '../support/mounted.js';
import type { Need } from '../support/needs.js';
import { O_RDWR_CREAT } from '../support/numbers.js';

const program = fileURLToPath(new URL('./caller.js', import.meta.url));
const UIDS = [0, 0, USER, USER];

interface Way {
  readonly how: 'ioctl' | 'socket';
  /** Of the mount. */
  readonly args: readonly string[];
  readonly needs: readonly Need[];
}

/** By which the calls come. */
export const routes = {
  'ioctls, direct store': {
    how: 'ioctl',
    args: ['--store', 'direct'],
    needs: ['open-project', 'passthrough'],
  },
  'ioctls, pooled store': { how: 'ioctl', args: ['--store', 'pooled'], needs: ['open-project'] },
  'control socket': { how: 'socket', args: ['--transport=fuse-native'], needs: ['open-project', 'fuse2'] },
} as const satisfies Record<string, Way>;
export type Route = keyof typeof routes;

/** `steps` calls of each process. Throws an Error that names the seed. */
export async function fuzzCalls(route: Route, seed: number, steps: number): Promise<void> {
  const { how, args } = routes[route];
  const at = `LEASEFS_SEED=${seed}, ${route}`;
  await Mounted.during([...args, '-o', 'allow_other', '--lease-break-time', '20'], async mount => {
    chmodSync(mount.path, 0o1777);
    const words = (n: number) => [how, mount.path, 4 * seed + n, steps, mount.pid].map(String);
    const ended = await Promise.all(UIDS.map((uid, n) => caller(uid, words(n))));
    for (const said of ended) assert.match(said, /^\d+ answered\n$/, at);
    const held = (): number => mount.report('leases').leases.length + mount.report('pins').pins.length;
    await eventually(`${at}: the end of leases and pins`, () => held() === 0);
    assert.equal(mount.log().match(/^.*(failed|fault|\bEIO\b).*$/gm), null, at);
    using file = LeaseFile.open(mount.file('well-formed'), O_RDWR_CREAT);
    file.setLeaseSync('exclusive');
    assert.is(file.getLease().kind, 'exclusive', at);
  });
}

/** What it said when it has ended. */
async function caller(uid: number, words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: '/',
    uid,
    gid: uid,
  });
  const [said, faults] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return said + faults;
}
