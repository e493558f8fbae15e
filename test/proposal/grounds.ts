// The file systems on which the scenarios are run: each made anew for it, and taken down.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli, Mounted } from '../e2e/mounted.js';

/** A directory of the file system, and the command through which programs are run there. */
export interface Ground {
  readonly directory: string;
  readonly prefix: readonly string[];
  stop(): Promise<void>;
}

/** What the supervisor of `leasefs run` is told in front of the program. */
export const under = (mount: Mounted): readonly string[] => [
  process.execPath,
  '--enable-source-maps',
  cli,
  'run',
  '--at',
  mount.path,
  '--',
];

const IMAGE_BYTES = 400 << 20;

/** Each by its column's name; an error says why there is none here. */
export const grounds: Readonly<Record<string, () => Promise<Ground>>> = {
  tmpfs: async () => mounted(['-t', 'tmpfs', 'tmpfs']),
  ext4: async () => onLoop('mkfs.ext4', '-q', '-F'),
  xfs: async () => onLoop('mkfs.xfs', '-q', '-f'),
  leasefs: async () => plain('direct'),
  'leasefs run': async () => supervised('direct'),
  'leasefs run, pooled': async () => supervised('pooled'),
};

/** leasefs without a supervisor: the proposal's fcntl never reaches a FUSE server. */
async function plain(store: 'direct' | 'pooled'): Promise<Ground> {
  const mount = await Mounted.start('--store', store, '--lease-break-time', '10000');
  return { directory: mount.path, prefix: [], stop: () => mount.stop() };
}

async function supervised(store: 'direct' | 'pooled'): Promise<Ground> {
  const mount = await Mounted.start('--store', store, '--lease-break-time', '10000');
  return { directory: mount.path, prefix: under(mount), stop: () => mount.stop() };
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
  return { directory, prefix: [], stop };
}

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${(stderr || error?.message || `exit ${status}`).trim()}`);
}
