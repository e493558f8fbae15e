// The options of `leasefs mount`, checked: what the daemon (daemon.ts) is started with.
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { parseSize } from './sizes.js';
import { onlyArgument, parseOptions, UsageError } from './verb.js';

/** As many as statfs can say: only memory bounds them. */
const MAX_INODES = 2 ** 32;

export interface MountOptions {
  /** Absolute; whether it can be mounted on is the daemon's to find out. */
  readonly mountPoint: string;
  /** The words of -o, as given: ro, noexec, allow_other, ... */
  readonly mountOptions: readonly string[];
  /** Bytes that the files may take. */
  readonly size: number;
  /** Inodes that there may be, the root one of them. */
  readonly inodes: number;
  /** B2, ms. */
  readonly breakTimeMs: number;
  readonly semantics: 'default' | 'rfc-v2';
  /** auto: direct where passthrough works, else pooled. */
  readonly store: 'auto' | 'direct' | 'pooled';
  /** kernel: its protocol, by ourselves; fuse-native: through that package. */
  readonly transport: 'kernel' | 'fuse-native';
}

/** What the daemon is given by the command. */
export interface ServeOptions extends MountOptions {
  /** To be called once the mount answers; `notice`: one line that whoever mounts should read. */
  readonly ready: (notice?: string) => void;
  readonly log: (line: string) => void;
}

export interface MountCommand {
  readonly mountPoint: string;
  readonly options: Omit<MountOptions, 'mountPoint'>;
  readonly foreground: boolean;
  readonly logFile: string | undefined;
  readonly readyFd: number | undefined;
}

/** @throws UsageError */
export function parseMountCommand(args: readonly string[]): MountCommand {
  const { values, positionals } = parseOptions(args, {
    options: { type: 'string', short: 'o', multiple: true },
    size: { type: 'string' },
    inodes: { type: 'string' },
    'lease-break-time': { type: 'string' },
    semantics: { type: 'string' },
    store: { type: 'string' },
    transport: { type: 'string' },
    foreground: { type: 'boolean', short: 'f' },
    log: { type: 'string' },
    'ready-fd': { type: 'string' },
  });
  const semantics = values.semantics ?? 'default';
  if (semantics !== 'default' && semantics !== 'rfc-v2') {
    throw new UsageError(`--semantics is 'default' or 'rfc-v2', not '${semantics}'`);
  }
  const store = values.store ?? 'auto';
  if (store !== 'auto' && store !== 'direct' && store !== 'pooled') {
    throw new UsageError(`--store is 'auto', 'direct' or 'pooled', not '${store}'`);
  }
  const transport = values.transport ?? 'kernel';
  if (transport !== 'kernel' && transport !== 'fuse-native') {
    throw new UsageError(`--transport is 'kernel' or 'fuse-native', not '${transport}'`);
  }
  if (transport === 'fuse-native' && store === 'direct') {
    throw new UsageError('--transport=fuse-native has no passthrough, so no --store=direct');
  }
  const breakTime = values['lease-break-time'];
  const readyFd = values['ready-fd'];
  return {
    mountPoint: onlyArgument(positionals, 'MNT'),
    options: {
      mountOptions: (values.options ?? []).flatMap(list => list.split(',')).filter(word => word !== ''),
      size: values.size === undefined ? defaultSize(totalmem()) : sizeOption(values.size),
      inodes: values.inodes === undefined ? MAX_INODES : inodesOption(values.inodes),
      breakTimeMs:
        breakTime === undefined ? defaultBreakTime(sysctl()) : whole(breakTime, '--lease-break-time'),
      semantics,
      store,
      transport,
    },
    foreground: values.foreground ?? false,
    logFile: values.log,
    readyFd: readyFd === undefined ? undefined : whole(readyFd, '--ready-fd'),
  };
}

/** Half of the memory in whole MiB, as tmpfs. */
export const defaultSize = (memory: number): number => Math.floor(memory / 2 / 2 ** 20) * 2 ** 20;

/** B2: fs.lease-break-time (s) if it is above 0, else 45 s; in ms. */
export function defaultBreakTime(seconds: string): number {
  const value = Number.parseInt(seconds, 10);
  return (value > 0 ? value : 45) * 1000;
}

function sysctl(): string {
  try {
    return readFileSync('/proc/sys/fs/lease-break-time', 'latin1');
  } catch {
    return '';
  }
}

function sizeOption(text: string): number {
  const size = parseSize(text);
  if (size === undefined || size < 4096) {
    throw new UsageError(`--size '${text}' is no size of 4k or more: write 512m or 4g`);
  }
  return size;
}

function inodesOption(text: string): number {
  const inodes = parseSize(text);
  if (inodes === undefined || inodes < 2 || inodes > MAX_INODES) {
    throw new UsageError(`--inodes '${text}' is no number from 2 to 4g: write 10000 or 1m`);
  }
  return inodes;
}

function whole(text: string, option: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value < 2 ** 31)) throw new UsageError(`${option} is a whole number from 0 to 2^31-1, not '${text}'`);
  return value;
}
