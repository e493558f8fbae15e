// The daemon: puts store, leases, filesystem, session and mount together and serves until the mount is gone. The one
// place that knows all layers.

import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import { cpuQuota, usableCpus } from '../base/cpus.js';
import { errno, errnoText, FsError, failureOf } from '../base/errno.js';
import { type Log, oneLine } from '../base/guarded.js';
import { CAP_SYS_ADMIN } from '../base/linux.js';
import { countSubordinates } from '../base/subordinates.js';
import { NoticeSocket } from '../control/notice-socket.js';
import { ControlTree } from '../control/tree.js';
import { Filesystem } from '../fs/filesystem.js';
import type { SessionStatus } from '../fs/report.js';
import { inodesOfHeap } from '../fs/vfs/inode-budget.js';
import { mount, mountedOn, prepareMountPoint, unmount } from '../fuse/mount.js';
import {
  accessTimesOf,
  answersPoll,
  cachesWrites,
  exportsHandles,
  keepsAcls,
  keepsXattrs,
} from '../fuse/mount-words.js';
import { OwnMount } from '../fuse/own-mount.js';
import { noPassthrough } from '../fuse/passthrough.js';
import { startSession } from '../fuse/session.js';
import type { Session } from '../fuse/session-types.js';
import { Spinning } from '../fuse/spinning.js';
import type { KeeperLink } from '../keeper/link.js';
import { native } from '../native/binding.js';
import { isCapableInitially } from '../process/proc.js';
import { descriptorsOfProcesses } from '../process/processes.js';
import { DirectStore } from '../store/direct-store.js';
import { PooledStore } from '../store/pooled-store.js';
import { mountIdOf } from './daemon-log.js';
import { endWithPeer } from './end-with-peer.js';
import { Keeping } from './keeping.js';
import type { ServeOptions } from './mount-options.js';
import { ignoreSignals } from './signals.js';
import { stopAtSignals } from './stop-at-signals.js';
import { errorLine, UsageError } from './verb.js';
import { version } from './version.js';

/** For root's processes, searches, segments, and what Node itself needs. */
const OTHER_DESCRIPTORS = 384;
/** Break descriptors at most; of few descriptors a sixteenth. */
const BREAK_DESCRIPTORS = 4096;

/** What both transports are to the daemon. */
type Served = Pick<Session, 'ready' | 'ended' | 'passthrough' | 'reason' | 'waiting' | 'requestCounts'> & {
  /** Version of the protocol; undefined where a library speaks it. */
  readonly kernel: Session['kernel'] | undefined;
};

/**
 * Mounts and serves in this process until it is unmounted; then 0.
 * @throws FsError when it cannot be mounted.
 */
export async function serve(options: ServeOptions): Promise<number> {
  const { mountPoint, size, breakTimeMs, semantics, keeper } = options;
  const log = options.log.line;
  countSubordinates();
  const limit = native.raiseFileLimit();
  ignoreSignals(log, options.log.reopen);
  goOnAfterFaults(log);
  const breakDescriptors = Math.min(BREAK_DESCRIPTORS, Math.floor(limit / 16));
  const keeping = keeper && new Keeping(keeper, options, log);
  let direct = keeping?.lastDirect();
  const makeDirect = (): DirectStore => {
    const made = directStore(options);
    keeping?.keepDirect(made);
    return made;
  };
  if (options.store === 'direct') direct ??= asked(makeDirect);
  const memory = (): string | undefined => {
    try {
      direct ??= makeDirect();
    } catch (error) {
      return `no tmpfs for the files: ${errorLine(error)}`;
    }
    return undefined;
  };
  const pooled = (): PooledStore =>
    keeping === undefined
      ? new PooledStore(size, totalmem())
      : (keeping.lastPooled ?? keeping.pooledStore(() => filesystem));
  const filesystem: Filesystem = new Filesystem(() => direct ?? pooled(), {
    ...options.root,
    breakTime: breakTimeMs,
    semantics,
    inodes: options.inodes ?? inodesOfHeap(getHeapStatistics().heap_size_limit),
    ...accessTimesOf(options.mountOptions),
    acls: keepsAcls(options.mountOptions),
    descriptors: Math.max(
      limit / 2,
      limit - OTHER_DESCRIPTORS - breakDescriptors - descriptorsOfProcesses(limit),
    ),
    log,
  });
  // fuse-native never reads a file whose size is 0, so `.leasefs/` would not work there.
  if (options.transport === 'kernel') {
    const { showControl: listed, allowInject } = options;
    const upgrade = keeping?.upgrade();
    filesystem.show(new ControlTree({ filesystem, mountPoint, listed, allowInject, upgrade }));
  }
  const notices = new NoticeSocket(filesystem.plane, breakDescriptors, keeping);
  filesystem.watchBy(notices);
  const passthrough = options.store !== 'pooled' && options.transport === 'kernel';
  let own: OwnMount | undefined;
  keeping?.begin(filesystem);
  notices.takeOver();
  const started = await start(options, filesystem, passthrough, memory, () => own?.number, keeping);
  const { session } = started;
  keeping?.resume();
  const mounted = (): void => {
    const made = keeping?.mount() ?? mountedOn(mountPoint);
    if (made === undefined) return;
    if (made.id > 0) keeper?.mounted(made.id, made.target);
    own = new OwnMount(made, started.connection);
    started.mountedAs(own.number);
    filesystem.lookForKernelPins(own.device, options.unseenPins);
  };
  if (options.transport === 'kernel') mounted();
  options.log.isOurs = fd => own?.has(mountIdOf(fd)) ?? false;
  filesystem.session = () => ({
    ...status(session, options.store, filesystem.streaming),
    spin: started.spinning?.counts ?? null,
    kernelCache: cachesWrites(options.mountOptions),
    keeper: keeping === undefined ? null : keeping.status(),
    semantics,
  });
  const forgetSignals = stopAtSignals({
    own: () => own,
    held: () => filesystem.heldBy(),
    abort: started.abort,
    log,
  });
  let answers = false;
  watchKeeper(keeper, log, () => answers);
  let forgetPeer = (): void => {};
  try {
    await session.ready;
    // The package mounts later, in its own time.
    if (options.transport === 'fuse-native') mounted();
    if (options.whileFd !== undefined) keeper?.keep('while', options.whileFd);
    if (options.whileFd !== undefined) forgetPeer = endWithPeer(options.whileFd, () => own, log);
    answers = true;
    const { reason } = session;
    const isNews = passthrough && reason !== undefined;
    options.ready(isNews ? noPassthrough(reason) : undefined);
    await session.ended;
  } catch (error) {
    const at = own?.now();
    if (at !== undefined) await unmount(at, true);
    throw error;
  } finally {
    forgetSignals();
    forgetPeer();
    notices.close();
  }
  // The package keeps the event loop running for good.
  if (options.transport === 'fuse-native') process.exit(0);
  return 0;
}

/**
 * The last resort for exceptions that no callback caught. The files are only in this process, so the daemon logs the fault
 * and continues; the operation under way stays as the fault left it.
 */
function goOnAfterFaults(log: Log): void {
  process.on('warning', warning => log(`warning: ${oneLine(warning)}`));
  process.on('uncaughtException', error => log(`fault, the mount goes on: ${oneLine(error)}`));
  process.on('unhandledRejection', error => log(`fault, the mount goes on: ${oneLine(error)}`));
}

/**
 * A daemon without its keeper goes on: it serves as well as one that never had one. Before that, the command that started both
 * has failed.
 */
function watchKeeper(keeper: KeeperLink | undefined, log: Log, answers: () => boolean): void {
  keeper?.watch(() => {
    log(`${keeper.by} ${keeper.pid} has ended: the mount goes on, and ends with this daemon`);
    if (!answers()) process.exit(1);
  });
}

/** The answer that the kernel would give, known before it is asked: what INIT agrees depends on it. */
const NOT_ALLOWED = `EPERM (${errnoText(errno.EPERM)}): it needs CAP_SYS_ADMIN outside of user namespaces`;

const directStore = ({ size, huge, swap }: ServeOptions): DirectStore =>
  new DirectStore({ size, huge, swap });

/** @throws FsError */
function asked(make: () => DirectStore): DirectStore {
  try {
    return make();
  } catch (error) {
    const code = failureOf(error);
    const why =
      code === -errno.EPERM
        ? 'needs CAP_SYS_ADMIN and CAP_LINUX_IMMUTABLE outside of user namespaces; --store=auto takes what works'
        : code === -errno.EINVAL
          ? 'has an option that this kernel does not know: leave out --huge or --noswap'
          : 'has no tmpfs of its own here; --store=auto takes what works';
    throw new FsError(code, `--store=direct ${why} (${errorLine(error)})`);
  }
}

interface Started {
  readonly session: Served;
  /** undefined: a library waits for the kernel. */
  readonly spinning: Spinning | undefined;
  /** /dev/fuse; -1: the library's. */
  readonly connection: number;
  readonly abort: () => void;
  /** The mount is this one (MAJOR:MINOR). */
  readonly mountedAs: (device: string) => void;
}

async function start(
  options: ServeOptions,
  operations: Filesystem,
  passthrough: boolean,
  memory: () => string | undefined,
  device: () => string | undefined,
  keeping: Keeping | undefined,
): Promise<Started> {
  const { mountPoint, mountOptions } = options;
  const log = options.log.line;
  if (options.transport === 'kernel') {
    const quota = cpuQuota();
    const spinning = new Spinning(options.spin, () => usableCpus(quota));
    const channel = keeping?.channel() ?? mount(mountPoint, mountOptions);
    keeping?.keepChannel(channel);
    const acls = keepsAcls(mountOptions);
    const session = startSession({
      channel,
      operations,
      passthrough,
      noPassthrough: isCapableInitially(CAP_SYS_ADMIN) ? undefined : NOT_ALLOWED,
      memory,
      acls,
      xattrs: keepsXattrs(mountOptions),
      poll: answersPoll(mountOptions),
      handles: exportsHandles(mountOptions),
      everyReadlink: accessTimesOf(mountOptions).accessTimes === 'strictatime',
      cachesWrites: cachesWrites(mountOptions),
      spinning,
      journal: keeping?.journal,
      takenOver: keeping?.takenOver,
      log,
    });
    return {
      session,
      spinning,
      connection: channel.fd,
      abort: () => session.end(errno.ENODEV),
      mountedAs: device => session.mountedAs(device),
    };
  }
  const other = mountOptions.find(word => word !== 'allow_other');
  if (other !== undefined) {
    throw new UsageError(`--transport=fuse-native knows -o allow_other alone, not '${other}'`);
  }
  // The package is optional, and brings a library with it.
  const { NativeSession } = await import('../fuse-native/session.js');
  prepareMountPoint(mountPoint);
  const allowOther = mountOptions.length > 0;
  const session = new NativeSession({
    mountPoint,
    operations,
    allowOther,
    device,
    isHeld: () => operations.heldBy().length > 0,
    log,
  });
  // The library has the connection to itself.
  return {
    session,
    spinning: undefined,
    connection: -1,
    abort: () => process.exit(0),
    mountedAs: () => {},
  };
}

/** Read once, while there are descriptors. */
const VERSION = version();

function status(
  session: Served,
  store: ServeOptions['store'],
  streaming: number,
): Omit<SessionStatus, 'semantics' | 'spin' | 'kernelCache' | 'keeper'> {
  const { passthrough, kernel, waiting } = session;
  const reason = store === 'pooled' ? '--store=pooled' : session.reason;
  const auto = passthrough ? 'passthrough works' : 'no passthrough';
  return {
    version: VERSION,
    passthrough,
    reason: reason ?? null,
    storeReason: store === 'auto' ? auto : `--store=${store}`,
    kernel: kernel === undefined ? 'by libfuse 2' : `${kernel.major}.${kernel.minor}`,
    waiters: waiting - streaming,
    requests: session.requestCounts(),
  };
}
