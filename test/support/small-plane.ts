// The lease plane of a filesystem without a mount, a journal with one log, and processes that take leases.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import type { FileHandle, InodeNumber, Name, ProcessId } from '../../src/base/units.js';
import { ROOT_INO } from '../../src/base/units.js';
import { ControlTree } from '../../src/control/tree.js';
import type { Filesystem } from '../../src/fs/filesystem.js';
import { PlaneRestorer } from '../../src/fs/layout/plane-restorer.js';
import { Attr, Caller, Opened } from '../../src/fs/operations.js';
import type { Source } from '../../src/journal/journal.js';
import { Log, LogReader } from '../../src/journal/log.js';
import { restore } from '../../src/journal/restorer.js';
import { unmounted } from './unmounted.js';

const FILES = 3;
const DESCRIPTIONS = 8;
const WORDS = 1 << 18;
export const O_RDWR_NONBLOCK = 0o4002;

/** As Journal, with one log, of which another one can be begun at any time. */
export class SmallJournal {
  log = new Log(new Int32Array(WORDS), 0);
  isChanged = false;
  readonly sources: Source[] = [];
  private sweeping: { readonly to: Log; readonly steps: Iterator<void>[] } | undefined;

  /** @param steps of the sweep, if one is under way */
  commit(steps: number): void {
    const { log } = this;
    for (const source of this.sources) source.flush(log);
    if (!log.isOpen) return;
    const from = log.tail;
    assert.ok(seal(log));
    if (this.sweeping === undefined) return;
    const { to, steps: all } = this.sweeping;
    assert.ok(to.copy(log, from));
    let left = steps;
    while (left-- > 0 && all.length > 0) if (all[0]!.next().done === true) all.shift();
    if (to.isOpen) assert.ok(seal(to));
    if (all.length > 0) return;
    this.log = to;
    this.sweeping = undefined;
  }

  sweep(): void {
    if (this.sweeping !== undefined) return;
    const to = new Log(new Int32Array(WORDS), 0);
    this.sweeping = { to, steps: this.sources.map(source => source.sweep(to)) };
  }

  /** What the next daemon reads, also after more was written. */
  reader(): LogReader {
    return new LogReader(this.log.words.slice(), this.log.tail);
  }
}

export const seal = (log: Log): boolean => log.seal();

/** Files and descriptions of the same numbers on each. */
export class SmallPlane {
  readonly filesystem: Filesystem;
  readonly caller: Caller;
  readonly fhs: FileHandle[] = [];
  readonly made = unmounted(100);

  constructor() {
    const { filesystem, caller } = this.made;
    this.filesystem = filesystem;
    this.caller = caller;
    filesystem.show(
      new ControlTree({
        filesystem,
        mountPoint: '/mnt',
        listed: false,
        allowInject: false,
        upgrade: undefined,
      }),
    );
    const [attr, opened] = [new Attr(), new Opened()];
    for (let f = 0; f < FILES; f++) {
      assert.is(
        filesystem.create(caller, ROOT_INO, `f${f}` as Name, 0o644, O_RDWR_NONBLOCK, attr, opened),
        0,
      );
      this.fhs.push(opened.fh);
      filesystem.write(caller, attr.ino, opened.fh, 0, 8 * 4096, new ArrayBuffer(8 * 4096), 0, false);
    }
    for (let d = FILES; d < DESCRIPTIONS; d++) {
      assert.is(filesystem.open(caller, this.ino(d % FILES), O_RDWR_NONBLOCK, opened), 0);
      this.fhs.push(opened.fh);
    }
  }

  get plane() {
    return this.filesystem.plane;
  }

  /** Gives its descriptions other numbers, before anything is restored. */
  renumber(fhs: readonly FileHandle[]): void {
    const { handles } = this.plane.sb;
    const files = this.fhs.map(fh => handles.get(fh)!);
    handles.clear();
    for (const [d, fh] of fhs.entries()) handles.set(fh, { ...files[d]!, fh });
    this.fhs.splice(0, fhs.length, ...fhs);
  }

  ino(d: number): InodeNumber {
    return (ROOT_INO + 1 + (d % FILES)) as InodeNumber;
  }

  by(pid: number): Caller {
    return Object.assign(new Caller(), { ...this.caller, tid: pid });
  }

  /** Of a daemon that takes over. */
  static from(reader: LogReader, closed: ReadonlySet<FileHandle> = new Set()): SmallPlane {
    const next = new SmallPlane();
    for (const fh of closed) next.plane.sb.closeFile(fh);
    const restorer = new PlaneRestorer(next.plane);
    restore(reader, [restorer]);
    next.restorer = restorer;
    return next;
  }

  restorer: PlaneRestorer | undefined;

  state(): object {
    const { leases, processes, tokens, recorder, grants } = this.plane;
    const whole = (ms: number): number => Math.round(ms * 100) / 100;
    const named = new Set<ProcessId>();
    const name = (process: ProcessId): ProcessId => {
      named.add(process);
      return process;
    };
    return {
      leases: leases
        .leases()
        .map(({ breaking, ...lease }) => ({
          ...lease,
          owner: name(lease.owner),
          takenAt: whole(lease.takenAt),
          breaking: breaking && { must: breaking.must, until: whole(breaking.until) },
        }))
        .sort((a, b) => a.lease - b.lease),
      pins: leases
        .pins()
        .map(pin => ({ ...pin, process: name(pin.process), pinnedAt: whole(pin.pinnedAt) }))
        .sort((a, b) => a.pin - b.pin),
      grants: leases
        .leases()
        .map(({ lease }) => ({ lease, granted: grants.get(lease) }))
        .map(({ lease, granted }) => granted && [lease, name(granted.owner), granted.uid, granted.grant.runs])
        .filter(granted => granted !== undefined)
        .sort(([a], [b]) => Number(a) - Number(b)),
      counts: leases.counts(),
      deadline: whole(leases.deadline()),
      last: [leases.lastLease, leases.lastPin, processes.next, recorder.ring.next],
      breaking: this.fhs.map(fh => leases.breaking(fh)),
      tokens: [...tokens].sort(([a], [b]) => a - b).map(([fh, token]) => `${fh} ${token}`),
      processes: [...named].sort((a, b) => a - b).map(id => infoOf(processes.info(id))),
    };
  }

  end(): void {
    this.filesystem.destroy();
  }
}

const infoOf = ({ pid, start, command, uid, alive }: ReturnType<Filesystem['plane']['process']>): object => ({
  ...{ pid, start, command, uid, alive },
});

export const sleeper = (): ChildProcess => spawn('sleep', ['600'], { stdio: 'ignore' });

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
