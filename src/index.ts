// `import { mount } from 'leasefs'`: a mount with a daemon of its own, for programs and test suites. The daemon is a
// process (a synchronous call into a mount served by one's own event loop would wait for itself).
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { NO_DEBUGGER } from './base/no-debugger.js';
import {
  events,
  type Injection,
  inject,
  type LostEvents,
  type ReportedEvent,
  type ReportedLease,
  type ReportedPin,
  type ReportedStatus,
  type Reports,
  readReport,
} from './client/index.js';

export * from './client/index.js';

const READY_FD = 3;

export interface MountOptions {
  /** The mount point, a directory that is there; a new temporary one by default. */
  readonly path?: string;
  /** Bytes that the files may take; half of the memory by default. */
  readonly size?: number;
  /** ms to answer a lease break (B2); the sysctl fs.lease-break-time by default, 45,000 where that is 0. */
  readonly leaseBreakTime?: number;
  /** 'rfc-v2': the exclusive owner may not truncate either (X3). */
  readonly semantics?: 'default' | 'rfc-v2';
  /** Where files live; 'auto', the default: 'direct' where passthrough works, else 'pooled'. */
  readonly store?: 'auto' | 'direct' | 'pooled';
  /** Words of `mount -o`. */
  readonly mountOptions?: readonly string[];
  /** The daemon's log: a file to append to; nowhere by default. */
  readonly log?: string;
  /** Whether `inject` may be used. */
  readonly allowInject?: boolean;
}

export class Mount implements AsyncDisposable {
  /** The mount point. */
  readonly path: string;
  private readonly daemon: ChildProcess;
  private readonly ended: Promise<void>;
  private readonly temporary: boolean;
  private readonly ending = new AbortController();

  /** Use `mount`. */
  constructor(path: string, daemon: ChildProcess, temporary: boolean) {
    this.path = path;
    this.daemon = daemon;
    this.temporary = temporary;
    this.ended = new Promise(resolve => daemon.once('exit', () => resolve()));
  }

  /**
   * The leases of the mount, what `leasefs leases --json` prints (A1).
   * @throws FsError ENOTTY, ErrnoException ENOTCONN: the mount is gone.
   */
  leases(): readonly ReportedLease[] {
    return this.report('leases').leases;
  }

  /** The pins of the mount (A1). Throws as `leases`. */
  pins(): readonly ReportedPin[] {
    return this.report('pins').pins;
  }

  /** What the mount is, holds and has served. Throws as `leases`. */
  status(): ReportedStatus {
    return this.report('status');
  }

  /** What happened to leases and pins, and what happens, until the mount is unmounted or `signal` comes. */
  events(signal?: AbortSignal): AsyncGenerator<ReportedEvent | LostEvents, void, undefined> {
    const signals = signal === undefined ? [this.ending.signal] : [this.ending.signal, signal];
    return events(this.path, { follow: true, signal: AbortSignal.any(signals) });
  }

  /**
   * A fault on demand: see `leasefs inject --help`. The mount must have been made with `allowInject`.
   * @throws ErrnoException ENOENT: no such file, or no `allowInject`; EXDEV: the file is of another mount; ESRCH: there is no
   * lease, break or owner to do it to.
   */
  inject(injection: Injection): void {
    inject(this.path, injection);
  }

  /** Unmounts. A mount that is in use is detached and lives until its last user is gone (A4). */
  async unmount(): Promise<void> {
    this.ending.abort();
    if (this.daemon.exitCode === null && this.daemon.signalCode === null) {
      this.daemon.kill('SIGTERM');
      const lazily = setTimeout(() => this.daemon.kill('SIGTERM'), 500);
      await this.ended;
      clearTimeout(lazily);
    }
    if (this.temporary) rmdirSync(this.path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unmount();
  }

  private report<What extends keyof Reports>(what: What): Reports[What] {
    const root = openSync(this.path, 'r');
    try {
      return readReport(root, what);
    } finally {
      closeSync(root);
    }
  }
}

/** The options of `leasefs mount`. @throws TypeError for an option that is none, or whose value is wrong. */
async function wordsOf(options: MountOptions): Promise<string[]> {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(types, name)) {
      throw new TypeError(`mount has no option '${name}': it takes ${Object.keys(types).join(', ')}`);
    }
    const type = types[name as keyof MountOptions];
    const fits = type === 'list' ? Array.isArray(value) : typeof value === type;
    if (value !== undefined && !fits)
      throw new TypeError(`${name} of mount is a ${type}, not ${inspect(value)}`);
  }
  const flag = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`${name}=${value}`];
  const words = [
    ...flag('--size', options.size),
    ...flag('--lease-break-time', options.leaseBreakTime),
    ...flag('--semantics', options.semantics),
    ...flag('--store', options.store),
    ...(options.mountOptions ?? []).flatMap(word => ['-o', word]),
    ...(options.allowInject === true ? ['--allow-inject'] : []),
    ...flag('--log', options.log),
  ];
  const { parseMountCommand } = await import('./cli/mount-options.js');
  try {
    parseMountCommand([...words, '--', options.path ?? 'MNT']);
  } catch (error) {
    const camel = (flag: string): string =>
      flag.slice(2).replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase());
    throw new TypeError((error as Error).message.replace(/^--[a-z-]+/, camel));
  }
  return words;
}

const types = {
  path: 'string',
  size: 'number',
  leaseBreakTime: 'number',
  semantics: 'string',
  store: 'string',
  mountOptions: 'list',
  log: 'string',
  allowInject: 'boolean',
} as const satisfies Record<keyof MountOptions, string>;

/**
 * Mounts, and resolves when the mount answers. The daemon is a child of this process; `unmount` ends it.
 * @throws TypeError naming the option that there is not, or whose value is wrong. Error whose message is the daemon's one
 * line, which names the errno and what to do.
 */
export async function mount(options: MountOptions = {}): Promise<Mount> {
  const words = await wordsOf(options);
  const path = options.path ?? mkdtempSync(join(tmpdir(), 'leasefs-'));
  const main = fileURLToPath(new URL('./cli/main.js', import.meta.url));
  const args = [main, 'mount', '--foreground', `--ready-fd=${READY_FD}`, ...words, '--', path];
  const daemon = spawn(process.execPath, [NO_DEBUGGER, ...args], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const mounted = new Mount(path, daemon, options.path === undefined);
  const said = (await text(daemon.stdio[READY_FD] as NodeJS.ReadableStream)).trim();
  if (said.startsWith('ready')) return mounted;
  await mounted.unmount();
  throw new Error(said || 'the daemon did not start');
}
