// The daemon: puts store, leases, filesystem, session and mount together and serves until the mount is gone. The one
// place that knows all layers.
import { errnoName, errnoText } from '../base/errno.js';
import { guarded, type Log, oneLine } from '../base/guarded.js';
import { NoticeSocket } from '../control/notice-socket.js';
import { ControlTree } from '../control/tree.js';
import { Filesystem } from '../fs/filesystem.js';
import type { SessionStatus } from '../fs/report.js';
import { deviceOf, mount, prepareMountPoint, unmount } from '../fuse/mount.js';
import { answersPoll, keepsAccessTimes, keepsAcls } from '../fuse/mount-words.js';
import { type Session, startSession } from '../fuse/session.js';
import { native } from '../native/binding.js';
import { DirectStore } from '../store/direct-store.js';
import { PooledStore } from '../store/pooled-store.js';
import type { ServeOptions } from './mount-options.js';
import { ignoreSignals } from './signals.js';
import { UsageError } from './verb.js';
import { version } from './version.js';

/** For processes (src/process), segments, and what Node itself needs. */
const OTHER_DESCRIPTORS = 384;
/** Break descriptors at most; of few descriptors a sixteenth. */
const BREAK_DESCRIPTORS = 4096;

/** What both transports are to the daemon. */
type Served = Pick<Session, 'ready' | 'ended' | 'passthrough' | 'reason' | 'waiting' | 'requestCounts'> & {
  /** Version of the protocol; undefined: a library's business. */
  readonly kernel: Session['kernel'] | undefined;
};

/**
 * Mounts and serves in this process until it is unmounted; then 0.
 * @throws FsError when it cannot be mounted.
 */
export async function serve(options: ServeOptions): Promise<number> {
  const { mountPoint, size, breakTimeMs, semantics } = options;
  const log = options.log.line;
  const limit = native.raiseFileLimit();
  ignoreSignals(log, options.log.reopen);
  goOnAfterFaults(log);
  const breakDescriptors = Math.min(BREAK_DESCRIPTORS, Math.floor(limit / 16));
  const direct = (): boolean =>
    options.store === 'direct' || (options.store === 'auto' && session.passthrough);
  const chooseStore = () => (direct() ? new DirectStore(size) : new PooledStore(size));
  const filesystem = new Filesystem(chooseStore, {
    ...options.root,
    breakTime: breakTimeMs,
    semantics,
    inodes: options.inodes,
    accessTimes: keepsAccessTimes(options.mountOptions),
    acls: keepsAcls(options.mountOptions),
    descriptors: Math.max(limit / 2, limit - OTHER_DESCRIPTORS - breakDescriptors),
    log,
  });
  // The package of the other transport reads no file that says it is empty.
  if (options.transport === 'kernel') {
    const { showControl: listed, allowInject } = options;
    filesystem.show(new ControlTree({ filesystem, mountPoint, listed, allowInject }));
  }
  const notices = new NoticeSocket(filesystem.plane, breakDescriptors);
  filesystem.watchBy(notices);
  const passthrough = options.store !== 'pooled' && options.transport === 'kernel';
  const session = await start(options, filesystem, passthrough);
  const lookForKernelPins = (): void => {
    const device = deviceOf(mountPoint);
    if (device !== undefined) filesystem.lookForKernelPins(device);
  };
  if (options.transport === 'kernel') lookForKernelPins();
  filesystem.session = () => ({ ...status(session, options.store, filesystem.streaming), semantics });
  const forgetSignals = unmountAtSignals(mountPoint, filesystem, log);
  try {
    await session.ready;
    // The package mounts when it likes.
    if (options.transport === 'fuse-native') lookForKernelPins();
    const { reason } = session;
    const isNews = passthrough && reason !== undefined;
    options.ready(isNews ? `no passthrough: ${reason}; files are served through the daemon` : undefined);
    await session.ended;
  } catch (error) {
    unmount(mountPoint, true);
    throw error;
  } finally {
    forgetSignals();
    notices.close();
  }
  // The package keeps the event loop running for good.
  if (options.transport === 'fuse-native') process.exit(0);
  return 0;
}

/**
 * The last net: what no callback caught. The files are in this process and nowhere else, so a fault of ours is logged and
 * the mount goes on; whatever was under way is what it left.
 */
function goOnAfterFaults(log: Log): void {
  process.on('warning', warning => log(`warning: ${oneLine(warning)}`));
  process.on('uncaughtException', error => log(`fault, the mount goes on: ${oneLine(error)}`));
  process.on('unhandledRejection', error => log(`fault, the mount goes on: ${oneLine(error)}`));
}

async function start(options: ServeOptions, operations: Filesystem, passthrough: boolean): Promise<Served> {
  const { mountPoint, mountOptions } = options;
  const log = options.log.line;
  if (options.transport === 'kernel') {
    const channel = mount(mountPoint, mountOptions);
    const acls = keepsAcls(mountOptions);
    return startSession({ channel, operations, passthrough, acls, poll: answersPoll(mountOptions), log });
  }
  const other = mountOptions.find(word => word !== 'allow_other');
  if (other !== undefined) {
    throw new UsageError(`--transport=fuse-native knows -o allow_other alone, not '${other}'`);
  }
  // The package is optional, and brings a library with it.
  const { NativeSession } = await import('../fuse-native/session.js');
  prepareMountPoint(mountPoint);
  const allowOther = mountOptions.length > 0;
  return new NativeSession({ mountPoint, operations, allowOther, log });
}

/** Read once, while there are descriptors. */
const VERSION = version();

function status(
  session: Served,
  store: ServeOptions['store'],
  streaming: number,
): Omit<SessionStatus, 'semantics'> {
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

/**
 * SIGINT and SIGTERM unmount. A busy mount is not: who holds what is said instead (A4), and the next signal detaches it;
 * then the daemon serves those who have its files until the last of them is gone.
 */
function unmountAtSignals(mountPoint: string, filesystem: Filesystem, log: Log): () => void {
  let asked = false;
  const stop = (): void => {
    const held = filesystem.heldBy();
    const result = held.length > 0 && !asked ? 0 : unmount(mountPoint, asked);
    if (held.length === 0 && result === 0) return;
    if (asked) {
      log(
        result < 0 ? `cannot detach ${mountPoint}: ${errnoName(result)} (${errnoText(result)})` : 'detached',
      );
      return;
    }
    asked = true;
    const why = held.length > 0 ? held.join('; ') : 'open files or working directories';
    log(`${mountPoint} is busy: ${why}; it goes on, the next signal detaches it`);
  };
  const signalled = guarded(log, 'signal', stop);
  process.on('SIGINT', signalled);
  process.on('SIGTERM', signalled);
  return () => {
    process.off('SIGINT', signalled);
    process.off('SIGTERM', signalled);
  };
}
