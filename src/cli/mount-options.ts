// The options of `leasefs mount`, checked: what the daemon (daemon.ts) is started with.
import { totalmem } from 'node:os';
import { ownUid } from '../base/owner.js';
import type { Spin } from '../fuse/spinning.js';
import type { KeeperLink } from '../keeper/link.js';
import { textOf } from '../process/proc-text.js';
import { HUGE, type Huge } from '../store/tmpfs.js';
import type { DaemonLog } from './daemon-log.js';
import { absolute } from './mounts.js';
import { parseSize, readableSize } from './sizes.js';
import { onlyArgument, parseOptions, UsageError } from './verb.js';

/** As tmpfs: every user may create files, and only the owner may remove them. */
const ROOT_MODE = 0o1777;
/** The largest number that statfs can report. */
const MAX_INODES = 2 ** 32;
/** So long do timers and signals wait at most. */
const MAX_SPIN_US = 1000;

interface MountOptions {
  /** Absolute; the daemon finds out whether it can be mounted on. */
  readonly mountPoint: string;
  /** The words of -o that are the kernel's or fusermount3's: ro, noexec, allow_other, ... */
  readonly mountOptions: readonly string[];
  /** Whose the root directory is, and its permission bits. */
  readonly root: { readonly uid: number; readonly gid: number; readonly mode: number };
  /** Bytes that the files may take. */
  readonly size: number;
  /** Huge pages of the direct store. */
  readonly huge: Huge | undefined;
  /** Whether the pages of the direct store may be swapped out. */
  readonly swap: boolean;
  /** Inodes that there may be, the root one of them; undefined: as many as the daemon's heap holds. */
  readonly inodes: number | undefined;
  /** B2, ms. */
  readonly breakTimeMs: number;
  readonly semantics: 'default' | 'rfc-v2';
  /** What possible pins (N12) do to a layout change. */
  readonly unseenPins: 'refuse' | 'warn' | 'allow';
  /** auto: direct where passthrough works, else pooled. */
  readonly store: 'auto' | 'direct' | 'pooled';
  /** Whether readdir shows .leasefs. */
  readonly showControl: boolean;
  /** Whether faults may be injected. */
  readonly allowInject: boolean;
  /** us that the daemon looks for the next request before it sleeps; auto: as it pays. */
  readonly spin: Spin;
  /** kernel: its protocol, by ourselves; fuse-native: through that package. */
  readonly transport: 'kernel' | 'fuse-native';
}

/** What the daemon is given by the command. */
export interface ServeOptions extends MountOptions {
  /** To be called once the mount answers; `notice`: one line for the user who mounts. */
  readonly ready: (notice?: string) => void;
  readonly log: DaemonLog;
  /** When its other end is closed, the mount ends; undefined: nothing of the kind. */
  readonly whileFd: number | undefined;
  /** What outlives the daemon; undefined: nothing does. */
  readonly keeper: KeeperLink | undefined;
}

export interface MountCommand {
  readonly mountPoint: string;
  /** -o remount: bytes, where size= is given. The other options of ours stay as they are. */
  readonly remount: { readonly size: number | undefined } | undefined;
  readonly options: Omit<MountOptions, 'mountPoint'>;
  readonly foreground: boolean;
  readonly logFile: string | undefined;
  readonly readyFd: number | undefined;
  readonly whileFd: number | undefined;
  /** Whether the mount is to outlive its daemon. */
  readonly keeper: boolean;
  /** Of a daemon that leasefs-keeper started: the socket to it. */
  readonly keeperFd: number | undefined;
}

/** @throws UsageError */
export function parseMountCommand(args: readonly string[]): MountCommand {
  const parsed = parseOptions(args, {
    options: { type: 'string', short: 'o', multiple: true },
    size: { type: 'string' },
    inodes: { type: 'string' },
    huge: { type: 'string' },
    noswap: { type: 'boolean' },
    'lease-break-time': { type: 'string' },
    semantics: { type: 'string' },
    'unseen-pins': { type: 'string' },
    store: { type: 'string' },
    transport: { type: 'string' },
    spin: { type: 'string' },
    'show-control': { type: 'boolean' },
    'allow-inject': { type: 'boolean' },
    foreground: { type: 'boolean', short: 'f' },
    log: { type: 'string' },
    'ready-fd': { type: 'string' },
    'while-fd': { type: 'string' },
    keeper: { type: 'boolean' },
    'no-keeper': { type: 'boolean' },
    'keeper-fd': { type: 'string' },
  });
  const { positionals } = parsed;
  const words = (parsed.values.options ?? []).flatMap(list => list.split(',')).filter(word => word !== '');
  const { own, rest } = ownWords(words);
  const values = { ...own, ...parsed.values };
  const semantics = values.semantics ?? 'default';
  if (semantics !== 'default' && semantics !== 'rfc-v2') {
    throw new UsageError(`--semantics is 'default' or 'rfc-v2', not '${semantics}'`);
  }
  const unseenPins = values['unseen-pins'] ?? 'refuse';
  if (unseenPins !== 'refuse' && unseenPins !== 'warn' && unseenPins !== 'allow') {
    throw new UsageError(`--unseen-pins is 'refuse', 'warn' or 'allow', not '${unseenPins}'`);
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
  const huge = HUGE.find(known => known === values.huge);
  if (huge !== values.huge) throw new UsageError(`--huge is ${HUGE.join(', ')}, not '${values.huge}'`);
  const showControl = values['show-control'] ?? rest.includes(SHOW_CONTROL);
  const allowInject = values['allow-inject'] ?? rest.includes(ALLOW_INJECT);
  if (transport === 'fuse-native' && (showControl || allowInject)) {
    throw new UsageError(
      `--transport=fuse-native has no .leasefs, so no --${showControl ? SHOW_CONTROL : ALLOW_INJECT}`,
    );
  }
  const keeper = !values['no-keeper'] && (values.keeper ?? lastOf(rest, [KEEPER, NO_KEEPER]) === KEEPER);
  if (transport === 'fuse-native' && keeper) {
    throw new UsageError(
      '--transport=fuse-native keeps the connection to the kernel to itself, so no --keeper',
    );
  }
  const breakTime = values['lease-break-time'];
  const readyFd = values['ready-fd'];
  const whileFd = values['while-fd'];
  const keeperFd = values['keeper-fd'];
  return {
    mountPoint: mountPointOf(onlyArgument(positionals, 'MNT'), keeperFd !== undefined),
    remount: rest.includes(REMOUNT)
      ? { size: values.size === undefined ? undefined : sizeOption(values.size) }
      : undefined,
    options: {
      mountOptions: rest.filter(word => !OWN_FLAGS.includes(word)),
      root: {
        uid: own.uid === undefined ? ownUid : whole(own.uid, '-o uid='),
        gid: own.gid === undefined ? (process.getgid?.() ?? 0) : whole(own.gid, '-o gid='),
        mode: own.mode === undefined ? ROOT_MODE : modeOption(own.mode),
      },
      size: values.size === undefined ? defaultSize(totalmem()) : sizeOption(values.size),
      huge,
      swap: !(values.noswap ?? rest.includes(NO_SWAP)),
      inodes: values.inodes === undefined ? undefined : inodesOption(values.inodes),
      breakTimeMs:
        breakTime === undefined
          ? defaultBreakTime(textOf('/proc/sys/fs/lease-break-time'))
          : whole(breakTime, '--lease-break-time'),
      semantics,
      unseenPins,
      store,
      transport,
      spin: spinOption(values.spin ?? 'auto'),
      allowInject,
      showControl,
    },
    foreground: values.foreground ?? false,
    logFile: values.log,
    readyFd: readyFd === undefined ? undefined : whole(readyFd, '--ready-fd'),
    whileFd: whileFd === undefined ? undefined : whole(whileFd, '--while-fd'),
    keeper,
    keeperFd: keeperFd === undefined ? undefined : whole(keeperFd, '--keeper-fd'),
  };
}

/** @param kept a keeper has looked at it: by now the mount may be there, and to look at it would wait for this very process. */
function mountPointOf(path: string, kept: boolean): string {
  if (kept || absolute(path) !== '/') return path;
  throw new UsageError(
    `'${path}' is the root directory, which nothing can be mounted on: name an empty directory`,
  );
}

/** The words of -o with a value, for /etc/fstab: the options by the same names, and the owner of the root directory. */
const OWN_WORDS = [
  'size',
  'huge',
  'inodes',
  'lease-break-time',
  'semantics',
  'unseen-pins',
  'store',
  'transport',
  'spin',
  'uid',
  'gid',
  'mode',
] as const;

/** The words of -o without a value. */
const SHOW_CONTROL = 'show-control';
const ALLOW_INJECT = 'allow-inject';
const NO_SWAP = 'noswap';
const REMOUNT = 'remount';
const KEEPER = 'keeper';
const NO_KEEPER = 'no-keeper';
const OWN_FLAGS: readonly string[] = [SHOW_CONTROL, ALLOW_INJECT, NO_SWAP, REMOUNT, KEEPER, NO_KEEPER];

const lastOf = (words: readonly string[], of: readonly string[]): string | undefined =>
  words.findLast(word => of.includes(word));

type OwnWords = Partial<Record<(typeof OWN_WORDS)[number], string>>;

function ownWords(words: readonly string[]): { own: OwnWords; rest: string[] } {
  const own: OwnWords = {};
  const rest: string[] = [];
  for (const word of words) {
    const name = OWN_WORDS.find(own => word.startsWith(`${own}=`));
    if (name === undefined) rest.push(word);
    else own[name] = word.slice(name.length + 1);
  }
  return { own, rest };
}

/** Half of the memory in whole MiB, as tmpfs. */
export const defaultSize = (memory: number): number => Math.floor(memory / 2 / 2 ** 20) * 2 ** 20;

/** B2: fs.lease-break-time (s) if it is above 0, else 45 s; in ms. */
export function defaultBreakTime(seconds: string): number {
  const value = Number.parseInt(seconds, 10);
  return (value > 0 ? value : 45) * 1000;
}

/** Bytes for the files, 4 KiB at least, at most what the machine has. @param name of the option or argument. @throws UsageError */
export function sizeOption(text: string, name = '--size'): number {
  const size = parseSize(text);
  if (size === undefined || size < 4096) {
    throw new UsageError(`${name} '${text}' is no size of 4k or more: write 512m or 4g`);
  }
  const most = memory();
  if (size > most) {
    const there = readableSize(most);
    throw new UsageError(`${name} '${text}' is more than the memory and swap of this machine, ${there}`);
  }
  return size;
}

/** With swap, bytes. */
function memory(): number {
  const [, kB = '0'] = /^SwapTotal: +(\d+) kB$/m.exec(textOf('/proc/meminfo')) ?? [];
  return totalmem() + Number(kB) * 1024;
}

function inodesOption(text: string): number {
  const inodes = parseSize(text);
  if (inodes === undefined || inodes < 2 || inodes > MAX_INODES) {
    throw new UsageError(`--inodes '${text}' is no number from 2 to 4g: write 10000 or 1m`);
  }
  return inodes;
}

function spinOption(text: string): Spin {
  if (text === 'auto') return text;
  const us = text === 'off' ? 0 : /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(us <= MAX_SPIN_US)) {
    throw new UsageError(`--spin is 'auto', 'off' or 0 to ${MAX_SPIN_US} microseconds, not '${text}'`);
  }
  return us;
}

function modeOption(text: string): number {
  if (!/^[0-7]{1,4}$/.test(text)) throw new UsageError(`-o mode=${text} is no mode: write 755 or 1777`);
  return Number.parseInt(text, 8);
}

function whole(text: string, option: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value < 2 ** 31)) throw new UsageError(`${option} is a whole number from 0 to 2^31-1, not '${text}'`);
  return value;
}
