// The seven steps of the demo. A holds the lease, B is another process, A' is a child of A.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Reports } from '../../client/index.js';
import { readMounted } from '../mounted-path.js';
import { leasefs } from '../temporary-mount.js';
import type { Actor } from './actor.js';
import type { Scene } from './scene.js';

/** What can be shown here. */
export interface Means {
  /** A directory of a tmpfs. */
  readonly tmpfs: string;
  readonly mountPoint: string;
  /** io_uring registers buffers. */
  readonly uring: boolean;
  /** The kernel serves the data: it can pin them, and it guards them. */
  readonly passthrough: boolean;
  /** The kernel's own protocol: it names the caller and carries fallocate. */
  readonly kernel: boolean;
}

export async function tmpfsLoses(scene: Scene, means: Means): Promise<void> {
  scene.title(1, 'tmpfs: a hole punched under a device loses its data without an error');
  if (!means.uring) return scene.note('not shown: io_uring is not to be had here (`leasefs doctor`)');
  const path = join(means.tmpfs, `leasefs-demo-${process.pid}`);
  try {
    const a = scene.actor('A', path);
    await scene.ok(a, 'truncate 4m');
    await scene.ok(a, 'mmap 0 2m');
    await scene.ok(a, 'uring-register 0 2m');
    const b = scene.actor('B', path);
    await scene.ok(b, 'fpunch 0 4k');
    await scene.ok(a, 'uring-read 0 4k', '', 'THE FILE DISAGREES');
    scene.note(
      'the device wrote 4 KiB and got no error; the file reads zeros: the data went to orphaned pages',
    );
    await Promise.all([a.kill(), b.kill()]);
  } finally {
    rmSync(path, { force: true });
  }
}

/** Steps 2 to 6 go on with one file and one holder. */
export async function leaseKeeps(scene: Scene, means: Means): Promise<void> {
  const path = join(means.mountPoint, 'f');
  const kernelPins = means.uring && means.passthrough;
  scene.title(2, 'leasefs: the same program, with a lease: the punch is refused, the data arrive');
  const a = scene.actor('A', path);
  await scene.ok(a, 'truncate 4m');
  await scene.ok(a, 'mmap 0 2m');
  await scene.ok(a, 'lease exclusive', 'L3');
  await scene.ok(a, 'pin 0 2m', 'N1');
  if (kernelPins) await scene.ok(a, 'uring-register 0 2m');
  const b = scene.actor('B', path);
  await scene.refused(b, 'truncate 0', 'ETXTBSY', 'X1');
  if (means.kernel) {
    await scene.refused(b, 'fpunch 0 4k', 'ETXTBSY', 'X1');
    await scene.refused(a, 'fpunch 0 4k', 'EDEADLK', 'X1');
    await scene.ok(a, 'truncate 3m', 'X3, X6');
  } else {
    await scene.refused(b, 'fpunch 0 4k', 'EOPNOTSUPP', '');
    await scene.refused(a, 'truncate 3m', 'ETXTBSY', 'X2');
    scene.note('this transport carries no fallocate, and does not say that it is the owner who truncates');
  }
  if (kernelPins) await scene.ok(a, 'uring-read 0 4k', '', 'the file agrees');
  else
    scene.note('not shown: a device that writes (it needs io_uring and FUSE passthrough: root, Linux 6.9)');

  scene.title(3, 'MADV_REMOVE asks no filesystem: the kernel itself refuses it');
  await scene.ok(b, 'mmap 0 2m');
  if (means.passthrough) await scene.refused(b, 'madvise-remove 0 4k', 'EPERM', 'guard');
  else if (means.kernel) await scene.refused(b, 'madvise-remove 0 4k', 'ETXTBSY', 'X1');
  else await scene.refused(b, 'madvise-remove 0 4k', 'EOPNOTSUPP', '');

  scene.title(4, 'a child inherits the descriptor: it may use the pins, it may not pin more');
  const use = kernelPins ? 'uring-read 4k 4k' : 'mwrite 4k 4k';
  const child = await scene.fork(a, `${use}; pin 0 4k`);
  await scene.forked(a, child, use, undefined, 'L1', kernelPins ? 'the file agrees' : '');
  await scene.forked(a, child, 'pin 0 4k', 'EPERM', 'N2');
  await a.run('wait');

  scene.title(5, 'unmapped and closed, the pins are not gone: the lease is a zombie');
  await scene.ok(a, 'munmap', 'N6');
  await scene.ok(a, 'close', 'N5');
  await scene.eventually('the lease should be a zombie', async () => leasesOf(path)[0]?.state === 'zombie');
  scene.seen(undefined, 'leasefs leases', 'zombie', 'N5');
  await scene.refused(b, 'lease exclusive', 'EAGAIN', 'L3');
  await scene.refused(b, 'truncate 0', 'ETXTBSY', 'X1');
  await free(scene, means, path, a, b);
}

async function free(scene: Scene, means: Means, path: string, a: Actor, b: Actor): Promise<void> {
  scene.title(6, 'the administrator asks who it is, and ends it');
  const { stdout } = await leasefs('pins', means.mountPoint);
  for (const line of stdout.trimEnd().split('\n')) console.log(line);
  scene.must(stdout.includes(` ${a.pid} `), `leasefs pins should name process ${a.pid}`);
  const killed = performance.now();
  await a.kill();
  scene.seen(undefined, `kill -9 ${a.pid}`, '', 'A2');
  await scene.eventually('pins and zombie should be gone', async () => leasesOf(path).length === 0);
  scene.seen(undefined, 'leasefs pins', `none after ${Math.ceil(performance.now() - killed)} ms`, 'N4, N5');
  await scene.ok(b, 'lease exclusive', 'L3');
  if (!means.kernel) await scene.ok(b, 'lease none', 'L2');
  await scene.ok(b, 'truncate 0', means.kernel ? 'X3' : 'X5');
  await b.kill();
}

export async function breakableYields(scene: Scene, means: Means): Promise<void> {
  scene.title(7, 'a breakable lease: its holder is asked, releases it, and the truncate goes on');
  const path = join(means.mountPoint, 'g');
  const a = scene.actor('A', path);
  await scene.ok(a, 'truncate 4m');
  await scene.ok(a, 'lease -s SIGIO exclusive,breakable', 'L3');
  const b = scene.actor('B', path);
  if (!means.kernel) return yieldsLater(scene, a, b);
  const truncated = b.run('truncate 0');
  // The await below reports its failure; this is for the case that something else fails first.
  truncated.catch(() => {});
  scene.seen(b, 'ftruncate(fd, 0)', 'waits', 'X4');
  scene.seen(a, 'break descriptor: readable', await a.aside('break'), 'B1');
  scene.seen(a, 'signal handler', await a.aside('signal'), 'B1');
  await scene.ok(a, 'lease none', 'L4');
  scene.later(b, 'truncate 0', await truncated, 'X5');
}

/** An unidentified process does not wait. */
async function yieldsLater(scene: Scene, a: Actor, b: Actor): Promise<void> {
  await scene.refused(b, 'truncate 0', 'EAGAIN', 'X4, B4');
  scene.seen(a, 'break descriptor: readable', await a.aside('break'), 'B1');
  scene.seen(a, 'signal handler', await a.aside('signal'), 'B1');
  await scene.ok(a, 'lease none', 'L4');
  await scene.ok(b, 'truncate 0', 'X5');
}

function leasesOf(path: string): Reports['leases']['leases'] {
  return readMounted(path, 'leases').report.leases;
}
