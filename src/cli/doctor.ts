// `leasefs doctor`: what this kernel and this user can do, by trying it, and what follows.
import { constants, existsSync, readFileSync, unlinkSync } from 'node:fs';
import { release } from 'node:os';
import { delimiter, join } from 'node:path';
import { errnoName } from '../base/errno.js';
import { CAP_IPC_LOCK, CAP_LINUX_IMMUTABLE, CAP_SYS_ADMIN, PAGE } from '../base/linux.js';
import type { ReportedStatus } from '../client/index.js';
import { OWN_MOUNTS, ownsMounts } from '../fuse/mount-namespace.js';
import { loadFuseNative } from '../fuse-native/package.js';
import { native, PROT_READ, PROT_WRITE } from '../native/binding.js';
import { paint } from './colour.js';
import { jsonText } from './json.js';
import { readMounted } from './mounted-path.js';
import { newerOpcodes } from './newer-opcodes.js';
import { home, origin } from './origin.js';
import { readableSize } from './sizes.js';
import { withTemporaryMount } from './temporary-mount.js';
import { errorLine, parseOptions, UsageError, type Verb } from './verb.js';
import { version } from './version.js';

/** ok; '--': works with less, as the text says; '!!': leasefs cannot mount. */
type Mark = 'ok' | '--' | '!!';

export interface Finding {
  readonly mark: Mark;
  readonly name: string;
  readonly text: string;
}

export const verb: Verb = {
  name: 'doctor',
  summary: 'what this kernel and this user can do, and what follows',
  help: `usage: leasefs doctor [--json]

Tries each thing that leasefs needs, in a mount of its own that is gone afterwards.

  ok    it works
  --    leasefs works with less; the line says with what, and the remedy
  !!    leasefs cannot mount here; exit code 1`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' } });
    if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' is too much`);
    const findings = [...host(), ...(await trialMount())];
    if (values.json) console.log(jsonText('doctor', { findings: findings.map(worded) }));
    else for (const finding of findings) console.log(findingLine(finding));
    return findings.some(({ mark }) => mark === '!!') ? 1 : 0;
  },
};

/** Marks for programs. */
const marks = { ok: 'ok', '--': 'less', '!!': 'fatal' } as const;
const worded = (finding: Finding) => ({ ...finding, mark: marks[finding.mark] });

function findingLine({ mark, name, text }: Finding): string {
  const style = mark === 'ok' ? 'green' : mark === '--' ? 'yellow' : 'red';
  return `${paint(style, mark)}  ${name.padEnd(16)}  ${text}`;
}

/** What can be tried without a mount. */
function host(): Finding[] {
  return [
    ok('leasefs', `${version()}, ${origin()} in ${home()}`),
    ok('kernel', `Linux ${release()}, Node ${process.versions.node}, uid ${process.getuid?.() ?? -1}`),
    fuseDevice(),
    mountRight(),
    guard(),
    tmpfs(),
    hugePages(),
    processes(),
    ioUring(),
    opcodes(),
    fileLimit(),
    memlock(),
    breakTime(),
    otherTransport(),
  ];
}

const ok = (name: string, text: string): Finding => ({ mark: 'ok', name, text });
const less = (name: string, text: string): Finding => ({ mark: '--', name, text });
const fatal = (name: string, text: string): Finding => ({ mark: '!!', name, text });

/** The errno name of what `attempt` throws; undefined when it does not. */
function failure(attempt: () => void): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? errorLine(error);
  }
}

function fuseDevice(): Finding {
  const code = failure(() => native.open('/dev/fuse', constants.O_RDWR).close());
  if (code === undefined) return ok('/dev/fuse', 'opens');
  const remedy =
    code === 'ENOENT' ? '`modprobe fuse`; in a container --device /dev/fuse' : 'give this user access to it';
  return fatal('/dev/fuse', `${code}: ${remedy}`);
}

function mountRight(): Finding {
  if (capable(CAP_SYS_ADMIN)) {
    return ownsMounts() ? ok('mount', 'mount(2), by CAP_SYS_ADMIN') : fatal('mount', OWN_MOUNTS);
  }
  if (isInstalled('fusermount3')) return ok('mount', 'through fusermount3, which is set-uid root');
  return fatal('mount', 'neither CAP_SYS_ADMIN nor fusermount3: run as root, or install the package fuse3');
}

const isInstalled = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some(dir => existsSync(join(dir, program)));

function guard(): Finding {
  const file = native.memfdCreate('leasefs-doctor');
  const result = native.setImmutable(file.fd, true);
  file.close();
  if (result >= 0) return ok('guard', 'FS_IMMUTABLE_FL: the kernel refuses MADV_REMOVE');
  const able = capable(CAP_LINUX_IMMUTABLE) && !inUserNamespace();
  const why = able ? 'this kernel does not take it' : 'needs CAP_LINUX_IMMUTABLE outside of user namespaces';
  return less('guard', `${errnoName(result)}: ${why}; so there is no passthrough, which alone needs it`);
}

/** Where direct files live. */
function tmpfs(): Finding {
  const code = failure(() => native.tmpfsMake('leasefs', 'size', '1m').close());
  if (code === undefined)
    return ok('tmpfs', 'a tmpfs of its own can be made: direct files live in it, --size bounds them');
  const why =
    code === 'ENODEV'
      ? 'the kernel has none, CONFIG_TMPFS'
      : code === 'ENOSYS'
        ? 'fsopen(2) needs Linux 5.2, and a container that lets it through'
        : 'needs CAP_SYS_ADMIN';
  return less('tmpfs', `${code}: no tmpfs of its own: ${why}; so files are pooled`);
}

function hugePages(): Finding {
  const name = 'huge pages';
  const code = failure(() => native.tmpfsMake('leasefs', 'size', '1m', 'huge', 'advise').close());
  if (code === 'EINVAL')
    return less(name, 'EINVAL: none in tmpfs, CONFIG_TRANSPARENT_HUGEPAGE; direct files have pages of 4 KiB');
  if (code !== undefined) return less(name, 'of the direct store alone, see tmpfs above');
  const [, chosen] = /\[(\w+)\]/.exec(text('/sys/kernel/mm/transparent_hugepage/shmem_enabled')) ?? [];
  if (chosen === 'deny')
    return less(name, 'shmem_enabled is deny: no huge pages, in spite of --huge; write never to it');
  return ok(name, 'direct files may have them: --huge says which');
}

function processes(): Finding {
  const code = failure(() => native.pidfdOpen(process.pid).close());
  if (code === undefined) return ok('pidfd', 'a dead owner is noticed at once');
  return fatal('pidfd', `${code}: needs Linux 5.3, and a container that lets pidfd_open through`);
}

function ioUring(): Finding {
  const file = native.memfdCreate('leasefs-doctor');
  native.ftruncate(file.fd, PAGE);
  const code = registration(file.fd);
  file.close();
  if (code === undefined)
    return ok('io_uring', 'registers a buffer: real kernel pins in the demo and the tests');
  const disabled = text('/proc/sys/kernel/io_uring_disabled').trim();
  const why =
    disabled !== '' && disabled !== '0'
      ? `sysctl kernel.io_uring_disabled is ${disabled}`
      : 'a container may forbid it';
  return less(
    'io_uring',
    `${code}: ${code === 'ENOMEM' ? 'raise RLIMIT_MEMLOCK' : why}; the demo needs it, leasefs does not`,
  );
}

/** What `leasefs run` makes of this kernel's io_uring_register. */
function opcodes(): Finding {
  const name = 'run';
  const newer = newerOpcodes();
  if (newer === undefined)
    return less(name, 'the opcodes of io_uring_register cannot be compared on this kernel');
  if (newer.length === 0) return ok(name, 'each opcode of io_uring_register that this kernel has is known');
  return less(
    name,
    `opcodes ${newer.join(', ')} of io_uring_register are newer than leasefs: 'leasefs run' refuses them, --policy report allows them`,
  );
}

/** Registers the first page of the file as a buffer: the errno name when it is refused. */
function registration(fd: number): string | undefined {
  return failure(() => {
    const memory = native.map(fd, 0, PAGE, PROT_READ | PROT_WRITE);
    const ring = native.uring(1);
    const result = ring.register(memory, 0, PAGE);
    ring.close();
    native.unmap(memory);
    if (result < 0) throw Object.assign(new Error('register'), { code: errnoName(result) });
  });
}

function fileLimit(): Finding {
  const limit = native.raiseFileLimit();
  const line = `RLIMIT_NOFILE ${limit}: about so many direct files may be open or mapped at once`;
  return limit >= 4096
    ? ok('files', line)
    : less('files', `${line}; raise it with \`ulimit -Hn\` or LimitNOFILE=`);
}

function memlock(): Finding {
  if (capable(CAP_IPC_LOCK)) return ok('memlock', 'CAP_IPC_LOCK: pins are neither counted nor bounded');
  const limit = native.memlockOf(process.pid);
  if (limit === Number.POSITIVE_INFINITY) return ok('memlock', 'RLIMIT_MEMLOCK is unlimited');
  return less(
    'memlock',
    `RLIMIT_MEMLOCK ${readableSize(limit)}: this user pins no more; raise it with \`ulimit -l\``,
  );
}

function breakTime(): Finding {
  const seconds = Number.parseInt(text('/proc/sys/fs/lease-break-time'), 10);
  if (seconds > 0)
    return ok('lease break', `a holder has ${seconds} s to answer (sysctl fs.lease-break-time)`);
  return ok(
    'lease break',
    'a holder has 45 s to answer: the sysctl fs.lease-break-time is 0; --lease-break-time sets it',
  );
}

function otherTransport(): Finding {
  try {
    loadFuseNative();
  } catch (error) {
    return less('fuse-native', `no --transport=fuse-native: ${errorLine(error)}`);
  }
  if (!capable(CAP_SYS_ADMIN) && !isInstalled('fusermount')) {
    return less('fuse-native', 'no --transport=fuse-native: it looks for fusermount; link it to fusermount3');
  }
  return ok('fuse-native', 'the package loads: --transport=fuse-native can be had');
}

/** What needs a mount: passthrough, and a kernel pin on a mounted file. */
async function trialMount(): Promise<Finding[]> {
  try {
    return await withTemporaryMount([], async ({ path }) => {
      const { report } = readMounted(path, 'status');
      return [dataPath(report), kernelPin(path, report.passthrough)];
    });
  } catch (error) {
    return [fatal('trial mount', errorLine(error))];
  }
}

function dataPath(status: ReportedStatus): Finding {
  const protocol = `FUSE ${status.kernel}`;
  if (status.passthrough)
    return ok('passthrough', `${protocol}: read, write and mmap go to the memory of the file itself`);
  const reason = status.reason ?? 'needs root and Linux 6.9';
  return less('passthrough', `${protocol}: ${reason}; so files are pooled, there is no --store=direct`);
}

function kernelPin(dir: string, passthrough: boolean): Finding {
  const path = join(dir, 'doctor');
  const file = native.open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  native.ftruncate(file.fd, PAGE);
  const code = registration(file.fd);
  file.close();
  unlinkSync(path);
  if (code === undefined)
    return ok('memory pins', 'memory of a mounted file can be registered with a device');
  const why = passthrough
    ? 'see io_uring above'
    : 'a FUSE mapping without passthrough cannot be pinned by the kernel';
  return less('memory pins', `${code}: ${why}; leases and pins by ioctl work`);
}

function capable(capability: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(text('/proc/self/status'))?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> BigInt(capability)) & 1n) === 1n;
}

const inUserNamespace = (): boolean => !/^\s*0\s+0\s+4294967295\s*$/.test(text('/proc/self/uid_map'));

function text(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
