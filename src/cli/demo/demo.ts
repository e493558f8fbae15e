// `leasefs demo`: the main job with real processes and real kernel pins, in a mount of its own. No reading needed.
import { statfsSync } from 'node:fs';
import { native } from '../../native/binding.js';
import { paint } from '../colour.js';
import { readMounted } from '../mounted-path.js';
import { type TemporaryMount, withTemporaryMount } from '../temporary-mount.js';
import { parseOptions, UsageError, type Verb } from '../verb.js';
import { Scene, Unexpected } from './scene.js';
import { breakableYields, leaseKeeps, type Means, tmpfsLoses } from './steps.js';
import { inNamespace, inVm, needsNamespace, requireFuse } from './where.js';

const TMPFS = '/dev/shm';
const TMPFS_MAGIC = 0x0102_1994;
/** The holder of step 7 answers at once; this bounds a demo that goes wrong, and not one on a busy machine. */
const BREAK_MS = '60000';

export const verb: Verb = {
  name: 'demo',
  summary: 'the main job, step by step, with real processes and kernel pins',
  help: `usage: leasefs demo [--transport kernel|fuse-native] [--vm]

Mounts a leasefs in a temporary place and shows in seven steps what it is for. Each line is
a call of one process, its result, and the rule behind it ('leasefs explain X1'). Every
process is a 'leasefs io', so each line can be typed. Exit code 1 if a step has another
result than it must. Always unmounts at the end. For an ordinary user, or with --transport
fuse-native, some steps cannot be shown, or differ, and say so.

--vm shows it in a virtual machine (qemu, from a clone), where /dev/fuse cannot be had here.
A user without fusermount3 sees it as root of a user namespace.
LEASEFS_TIME_FACTOR=N waits N times as long before a step fails.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, {
      transport: { type: 'string' },
      vm: { type: 'boolean' },
    });
    if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' is too much`);
    const { transport = 'kernel' } = values;
    const again = ['--transport', transport];
    if (values.vm) return inVm(again);
    requireFuse();
    if (needsNamespace()) return inNamespace(again);
    const scene = new Scene();
    return withTemporaryMount(
      ['--lease-break-time', BREAK_MS, '--transport', transport],
      mount => show(scene, mount, transport === 'kernel'),
      () => scene.close(),
    );
  },
};

async function show(scene: Scene, mount: TemporaryMount, kernel: boolean): Promise<number> {
  const { passthrough } = readMounted(mount.path, 'status').report;
  const means: Means = { tmpfs: TMPFS, mountPoint: mount.path, uring: canRegister(), passthrough, kernel };
  console.log(`leasefs mounted at ${mount.path}`);
  if (mount.notice !== '') scene.note(mount.notice);
  if (!kernel)
    scene.note('through the fuse-native package: what are ioctls here are messages to its control socket');
  try {
    await tmpfsLoses(scene, means);
    await leaseKeeps(scene, means);
    await breakableYields(scene, means);
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
    console.log(`\n${paint('red', `not as it must be: ${error.message}`)}`);
    return 1;
  }
  console.log(`\n${paint('green', 'every step came out as it must')}`);
  return 0;
}

/** io_uring is there, and a tmpfs to show the loss on. */
function canRegister(): boolean {
  try {
    native.uring(1).close();
    return statfsSync(TMPFS).type === TMPFS_MAGIC;
  } catch {
    return false;
  }
}
