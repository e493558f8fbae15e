// Mounting and unmounting: mount(2) as root (of a user namespace too), fusermount3 for all other users. fusermount3 opens
// /dev/fuse, mounts and sends the descriptor over a socket (SCM_RIGHTS, its number in _FUSE_COMMFD). Every failure is one
// FsError that says what is wrong with the mount point.
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { statfsSync, statSync } from 'node:fs';
import { errno, FsError } from '../base/errno.js';
import { type Channel, native, type Result } from '../native/binding.js';
import { BUFFER_SIZE } from './init.js';
import {
  flagsOf,
  fusermountOptions,
  kernelOptions,
  type MountWords,
  parseMountWords,
} from './mount-words.js';
import { OWN_MOUNTS, ownsMounts } from './mount-namespace.js';
import { FS_TYPE, type Mount, mountsNow } from './mountinfo.js';

const DEVICE = '/dev/fuse';
/** Requests a wake-up of the event loop serves at most before it looks at timers and signals. */
export const MAX_BATCH = 64;
const MS_REMOUNT = 32;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;
/** The descriptor number that fusermount3 finds its socket under: after the standard three. */
const COMM_FD = 3;

const isRoot = (): boolean => process.geteuid?.() === 0;

/**
 * Mounts on the directory `target` (absolute). A dead leasefs mount there is cleaned up first.
 * @param words of -o
 * @throws FsError EINVAL: an unknown word. ENOENT, ENOTDIR, EACCES: the mount point. EBUSY: a live leasefs is there.
 * EPERM, ENODEV and the other errors of mount(2) and fusermount3.
 */
export function mount(target: string, words: readonly string[]): Channel {
  const options = parseMountWords(words);
  prepareMountPoint(target);
  return isRoot() ? mountDirectly(target, options) : mountByFusermount(target, options);
}

/**
 * `mount -o remount`: the flags among the words hold from now on, those that are missing no longer; nothing is changed
 * where there is none. mount(8) gives all of them. @throws FsError of mount(2): EPERM, EBUSY.
 */
export function remount(target: string, words: readonly string[]): void {
  const flags = flagsOf(words);
  if (flags === undefined) return;
  const result = native.mount('leasefs', target, FS_TYPE, MS_REMOUNT | flags, '');
  if (result < 0) throw new FsError(result, `cannot remount ${target}`);
}

/** Prepares a mount: cleans up a dead leasefs on `target`, and throws as `mount` when `target` cannot be a mount point. */
export function prepareMountPoint(target: string): void {
  clearDeadMount(target);
  checkMountPoint(target);
}

/** Whether a leasefs is what is mounted on `target`. */
const isMounted = (target: string): boolean => topmostType(target) === FS_TYPE;

/**
 * Unmounts this mount, wherever it is mounted now, and no other; undefined when it is done. ESTALE: something else is
 * mounted over it or in its place. Of fusermount3, which says it in words alone, all but EBUSY is EPERM.
 * @param lazy detach it although it is busy
 */
export async function unmount({ target, id }: Mount, lazy: boolean): Promise<FsError | undefined> {
  if (isRoot()) {
    const result = await native.umountMount(target, id, lazy ? MNT_DETACH : 0);
    return result < 0 ? new FsError(result, target) : undefined;
  }
  // fusermount3 goes by the path alone; as our user it can end no mounts but ours.
  const there = await native.isMountedAt(target, id);
  if (there < 0) return new FsError(there, target);
  const why = await failureOf(['-u', ...(lazy ? ['-z'] : []), '--', target]);
  return why === undefined ? undefined : new FsError(/busy/i.test(why) ? errno.EBUSY : errno.EPERM, why);
}

/** What fusermount3 says; undefined: it is done. Not waited for: the daemon that it asks may be this process. */
function failureOf(args: readonly string[]): Promise<string | undefined> {
  const child = spawn('fusermount3', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  return new Promise(resolve => {
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text;
    });
    child.on('error', error => resolve(reason({ error, stderr })));
    child.on('close', code => resolve(code === 0 ? undefined : reason({ stderr })));
  });
}

/** The leasefs that was just mounted on `target`. */
export const mountedOn = (target: string): Mount | undefined =>
  mountsNow().findLast(mount => mount.target === target && mount.type === FS_TYPE);

/** Unmounts what a killed daemon left on `target`: only if it is a leasefs and answers nothing any more. */
export function clearDeadMount(target: string): void {
  while (topmostType(target) === FS_TYPE && isDead(target)) {
    const result = isRoot()
      ? native.umount(target, UMOUNT_NOFOLLOW | MNT_DETACH)
      : detachByFusermount(target);
    if (result < 0) throw new FsError(result, `cannot clean up the dead mount on ${target}`);
  }
}

const topmost = (target: string): Mount | undefined => mountsNow().findLast(mount => mount.target === target);

const topmostType = (target: string): string | undefined => topmost(target)?.type;

const detachByFusermount = (target: string): Result =>
  fusermount(['-u', '-z', '--', target]).status === 0 ? 0 : -errno.EPERM;

/** Asked by statfs(2): a stat of the root may be answered from the kernel's cache, long after the daemon has ended. */
function isDead(target: string): boolean {
  try {
    statfsSync(target);
    return false;
  } catch (error) {
    return ['ENOTCONN', 'ECONNABORTED'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

function checkMountPoint(target: string): void {
  // No process would see it, and no path would lead to it, to unmount it.
  if (target === '/') throw new FsError(errno.EINVAL, 'nothing can be mounted on the root directory');
  let isDirectory: boolean;
  try {
    isDirectory = statSync(target).isDirectory();
  } catch (error) {
    const { errno: code = -errno.EIO } = error as NodeJS.ErrnoException;
    const hint = code === -errno.ENOENT ? '; make the directory first' : '';
    throw new FsError(code, `the mount point ${target}${hint}`);
  }
  if (!isDirectory) throw new FsError(errno.ENOTDIR, `the mount point ${target}`);
  if (isMounted(target)) throw new FsError(errno.EBUSY, `a leasefs is mounted on ${target} already`);
}

function mountDirectly(target: string, options: MountWords): Channel {
  const channel = openDevice();
  const { flags, data, source } = kernelOptions(options, channel.fd);
  const result = native.mount(source, target, FS_TYPE, flags, data);
  if (result < 0) {
    channel.close();
    const remedy = result === -errno.EPERM && !ownsMounts() ? OWN_MOUNTS : undefined;
    throw new FsError(result, `cannot mount on ${target}`, undefined, remedy);
  }
  return channel;
}

function openDevice(): Channel {
  try {
    return native.openFuse(DEVICE, BUFFER_SIZE, MAX_BATCH);
  } catch (error) {
    const { errno: code = errno.EIO } = error as NodeJS.ErrnoException;
    throw new FsError(code, `cannot open ${DEVICE}; is the module fuse loaded?`);
  }
}

function mountByFusermount(target: string, options: MountWords): Channel {
  const [ours, theirs] = native.socketpair();
  try {
    const run = fusermount(['-o', fusermountOptions(options), '--', target], theirs.fd);
    // Close our copy of its end, so that receiving does not wait for a message that never comes.
    theirs.close();
    if (run.status !== 0) throw new FsError(errno.EPERM, `cannot mount on ${target}: ${reason(run)}`);
    return native.adoptFuse(native.receiveFd(ours.fd).release(), BUFFER_SIZE, MAX_BATCH);
  } finally {
    ours.close();
    theirs.close();
  }
}

function fusermount(args: readonly string[], commFd?: number): SpawnSyncReturns<string> {
  const env = commFd === undefined ? process.env : { ...process.env, _FUSE_COMMFD: `${COMM_FD}` };
  return spawnSync('fusermount3', args, {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'ignore', 'pipe', ...(commFd === undefined ? [] : [commFd])],
  });
}

/** The first line that it wrote; a hint when there is no such program. */
function reason({ error, stderr }: { readonly error?: Error; readonly stderr: string }): string {
  if (error === undefined) return stderr.trim().split('\n')[0] || 'fusermount3 does not say why';
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
    ? 'only root mounts without fusermount3, which is not installed (package fuse3)'
    : error.message;
}
