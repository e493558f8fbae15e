// What tests need of a machine beyond Node.js, and what to do where it is missing. The first reason is the one that is
// reported; each is looked for once, and only when a test asks.
import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { native } from '../../src/native/binding.js';

const [major, minor] = release().split('.').map(Number) as [number, number];
export const linuxAtLeast = (wanted: number, wantedMinor: number): boolean =>
  major > wanted || (major === wanted && minor >= wantedMinor);

/** Undefined where it is there; else what is missing and the remedy, `WHAT: REMEDY`. */
type Look = () => string | undefined;

const CAP_SYS_ADMIN = 21;
const isCapable = (capability: number): boolean => {
  const held = /^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1];
  return ((BigInt(`0x${held}`) >> BigInt(capability)) & 1n) === 1n;
};

function isInPath(name: string): boolean {
  return (process.env.PATH ?? '').split(':').some(folder => {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const program =
  (name: string, packageName: string): Look =>
  () =>
    isInPath(name) ? undefined : `${name} is not installed: apt-get install ${packageName}`;

const answers = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

function fuseDevice(): string | undefined {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return '/dev/fuse is missing: modprobe fuse; in a container, --device /dev/fuse';
    return `/dev/fuse cannot be opened (${code}): chmod 666 /dev/fuse; in a container, --device /dev/fuse`;
  }
}

/** Of a mount namespace; in a chroot it would lead out of it. */
const nsenter = (): string | undefined =>
  program('nsenter', 'util-linux')() ??
  (answers('nsenter', '-t', `${process.pid}`, '-m', 'test', '-e', fileURLToPath(import.meta.url))
    ? undefined
    : 'nsenter does not come back to this root: run it as root, and not inside of chroot(8)');

function isImmutable(): boolean {
  const probe = native.memfdCreate('leasefs-probe');
  try {
    return native.setImmutable(probe.fd, true) === 0;
  } finally {
    probe.close();
  }
}

function ioUring(): string | undefined {
  try {
    native.uring(1).close();
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `io_uring_setup answers ${code}: sysctl kernel.io_uring_disabled=0; a container's seccomp profile may refuse it`;
  }
}

function afXdp(): string | undefined {
  const made = spawnSync('python3', ['-c', 'import socket; socket.socket(44, socket.SOCK_RAW, 0)']);
  if (made.status === 0) return undefined;
  return 'no socket of AF_XDP: run it as root on a kernel with CONFIG_XDP_SOCKETS';
}

function root(): string | undefined {
  if (process.getuid?.() !== 0) return 'not root: run the tests as root';
  if (isCapable(CAP_SYS_ADMIN)) return undefined;
  return 'root without CAP_SYS_ADMIN: in a container, --cap-add SYS_ADMIN';
}

const looks = {
  /** May mount and become other users. */
  root,
  'dev-fuse': fuseDevice,
  mount: () =>
    process.env.LEASEFS_SKIP_MOUNT === '1'
      ? 'LEASEFS_SKIP_MOUNT=1 leaves out the tests of a mount: unset it'
      : (root() ?? fuseDevice()),
  passthrough: () =>
    linuxAtLeast(6, 9) ? undefined : `Linux ${release()} has no FUSE passthrough: boot Linux 6.9 or newer`,
  /** For another user, by its path. */
  'open-project': () =>
    spawnSync('test', ['-r', fileURLToPath(import.meta.url)], { uid: 65534, gid: 65534, cwd: '/' }).status ===
    0
      ? undefined
      : 'other users may not read this project: clone it where they may',
  /** close(2), also that of exec(2), waits for the server where it wants to know. */
  'flush-at-close': () =>
    linuxAtLeast(6, 18)
      ? undefined
      : `Linux ${release()} reports a close to a FUSE server under the inode's lock: boot Linux 6.18 or newer`,
  'mmap-of-direct-io': () =>
    linuxAtLeast(6, 6)
      ? undefined
      : `Linux ${release()} maps no file that is open with FUSE's DIRECT_IO: boot Linux 6.6 or newer`,
  immutable: () =>
    isImmutable()
      ? undefined
      : 'no CAP_LINUX_IMMUTABLE: run it as root; in a container, --cap-add LINUX_IMMUTABLE',
  'huge-pages': () => {
    try {
      native.tmpfsMake('leasefs-probe', 'size', '4k', 'huge', 'always').close();
      return undefined;
    } catch (error) {
      return `no huge pages in tmpfs (${(error as NodeJS.ErrnoException).code}): boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE`;
    }
  },
  'io-uring': ioUring,
  'af-xdp': afXdp,
  overlay: () =>
    /\boverlay\n/.test(readFileSync('/proc/filesystems', 'utf8')) || answers('modprobe', 'overlay')
      ? undefined
      : 'no overlayfs: modprobe overlay',
  'user-namespaces': () =>
    program('unshare', 'util-linux')() ??
    (answers('unshare', '--user', 'true')
      ? undefined
      : 'no user namespaces: sysctl user.max_user_namespaces=1000; not inside of chroot(8)'),
  fuse3: program('fusermount3', 'fuse3'),
  /** Of libfuse 2, for the package fuse-native; fuse3 has it too, as a link. */
  fuse2: program('fusermount', 'fuse3'),
  prlimit: program('prlimit', 'util-linux'),
  gcc: program('gcc', 'gcc libc6-dev'),
  /** For programs of 32 bits, on arm64. */
  'arm-gcc': program('arm-linux-gnueabihf-gcc', 'gcc-arm-linux-gnueabihf libc6-dev-armhf-cross'),
  python3: program('python3', 'python3'),
  unshare: program('unshare', 'util-linux'),
  nsenter,
  newuidmap: program('newuidmap', 'uidmap'),
  fio: program('fio', 'fio'),
  go: program('go', 'golang-go'),
  rustc: program('rustc', 'rustc'),
  zsh: program('zsh', 'zsh'),
  fish: program('fish', 'fish'),
  pytest: () =>
    answers('python3', '-m', 'pytest', '--version')
      ? undefined
      : 'pytest is not installed: apt-get install python3-pytest',
  'liburing.h': () =>
    answers('sh', '-c', 'echo "#include <liburing.h>" | gcc -E -x c - >/dev/null')
      ? undefined
      : 'liburing.h is not installed: apt-get install liburing-dev',
} satisfies Record<string, Look>;

export type Need = keyof typeof looks;

const seen = new Map<Need, string | undefined>();

/** What is missing, and the remedy; undefined where all is there. */
export function lacking(needs: readonly Need[]): string | undefined {
  for (const need of needs) {
    if (!seen.has(need)) seen.set(need, looks[need]());
    const reason = seen.get(need);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
