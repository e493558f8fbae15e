// The file systems on which the scenarios are run: each made anew for it, and taken down.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Calls } from '../proposal/programs.js';
import type { Place } from '../proposal/scenarios.js';
import { cli, Mounted } from './mounted.js';

/** Scenarios run there until it is stopped. */
export interface Ground extends Place {
  stop(): Promise<void>;
}

/** The words of `leasefs run` in front of the program, to run it on this mount. */
export const under = (mount: Mounted, ...options: readonly string[]): readonly string[] => [
  process.execPath,
  '--enable-source-maps',
  cli,
  'run',
  '--at',
  mount.path,
  '--output',
  '/dev/null',
  ...options,
  '--',
];

const IMAGE_BYTES = 400 << 20;
/** Above the 3 s for which a scenario waits at most before it answers a break. */
const BREAK_MS = 10_000;

/** On the emulated persistent memory of test/vm alone: that of another owner has data. */
const fsDax: Readonly<Record<string, () => Promise<Ground>>> =
  process.env.LEASEFS_VM === undefined
    ? {}
    : {
        'ext4 dax': async () => onPmem('/dev/pmem1', 'dax', 'mkfs.ext4', '-q', '-F', '-b', '4096'),
        'xfs dax': async () => onPmem('/dev/pmem0', 'dax=always', 'mkfs.xfs', '-q', '-f'),
      };

/** Each by its column's name; an error says why there is none here. */
export const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  tmpfs: async () => mounted(['-t', 'tmpfs', 'tmpfs']),
  ext4: async () => onLoop('mkfs.ext4', '-q', '-F'),
  xfs: async () => onLoop('mkfs.xfs', '-q', '-f'),
  ...fsDax,
  leasefs: () => leasefs('direct', 'fcntl'),
  'leasefs run': () => supervised('direct'),
  'leasefs run, pooled': () => supervised('pooled'),
  'leasefs, ioctls': () => leasefs('direct', 'ioctl'),
  'leasefs, ioctls, pooled': () => leasefs('pooled', 'ioctl'),
};

/** Without a supervisor the proposal's fcntl never reaches a FUSE server; the ioctls do. */
async function leasefs(store: 'direct' | 'pooled', calls: Calls): Promise<Ground> {
  const mount = await Mounted.start('--store', store, '--lease-break-time', `${BREAK_MS}`);
  return { directory: mount.path, calls, prefix: [], stop: () => mount.stop() };
}

/** Unmodified programs under the supervisor, with its report out of the way. */
async function supervised(store: 'direct' | 'pooled'): Promise<Ground> {
  const mount = await Mounted.start('--store', store, '--lease-break-time', `${BREAK_MS}`);
  return { directory: mount.path, calls: 'fcntl', prefix: under(mount), stop: () => mount.stop() };
}

function onLoop(mkfs: string, ...options: readonly string[]): Ground {
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-image-'));
  const image = join(scratch, 'image');
  const clear = () => rmSync(scratch, { recursive: true, force: true });
  try {
    must('truncate', '-s', `${IMAGE_BYTES}`, image);
    must(mkfs, ...options, image);
    return mounted(['-o', 'loop', image], clear);
  } catch (error) {
    clear();
    throw error;
  }
}

function onPmem(device: string, option: string, mkfs: string, ...options: readonly string[]): Ground {
  must(mkfs, ...options, device);
  return mounted(['-o', option, device]);
}

function mounted(what: readonly string[], clear = () => {}): Ground {
  const directory = mkdtempSync(join(tmpdir(), 'leasefs-ground-'));
  try {
    must('mount', ...what, directory);
  } catch (error) {
    rmdirSync(directory);
    throw error;
  }
  const stop = async () => {
    must('umount', '-l', directory);
    rmdirSync(directory);
    clear();
  };
  return { directory, calls: 'fcntl', prefix: [], stop };
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${(stderr || error?.message || `exit ${status}`).trim()}`);
}
