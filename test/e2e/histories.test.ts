// The directed histories, replayed through a mount by real processes: every event that a process can make is made,
// with fork, SCM_RIGHTS, exit and signals; verdict, rule of refusals (from the daemon's log), F_GETLEASE, break descriptor of
// each process notified, and the answers to the calls that waited must be the expected ones.
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { kindValue, type LeaseKind } from '../../src/abi/kinds.js';
import { amended, type Event, type History, load, type Step } from '../lease/directed.js';
import {
  type Actor,
  type ActorOptions,
  type Command,
  eventually,
  type Result,
  Stage,
} from '../support/actors.js';
import { hasPassthrough, Mounted } from '../support/mounted.js';
import { BLOCK, O_NONBLOCK, O_RDWR, O_TRUNC } from '../support/numbers.js';
import { needing, suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

/** One unit of the histories' time; their break time is 45 of them. */
const UNIT_MS = 16 * timeFactor;
/** After which a call that has no answer and that the daemon does not count waits in the kernel. */
const IN_KERNEL_MS = 40;
/** Who the histories' processes are unless said otherwise. */
const USER = 10;
const STRANGER = 11;
const caps: Record<string, bigint> = { LEASE: 1n << 28n, IPC_LOCK: 1n << 14n };
const modes: Record<string, number> = { alloc: 0, punch: 3, zero: 16 };

/** A direct file's writes go past the daemon (X8); what is said of writeback is said of a pooled one. */
const isOfPooledFile = ({ steps }: History): boolean =>
  !hasPassthrough || steps.some(({ event }) => event.op === 'writeback');
/** The kernel pins memory of direct files alone (F7), and there may be none. */
const isTold = ({ steps, world }: History): boolean =>
  hasPassthrough ||
  !(steps.some(({ event }) => event.op === 'kpin') || world.files.some(({ pooled }) => pooled === false));

const isNamespaced = ({ world }: History): boolean => world.procs.some(p => p.hidden || p.foreign);

/** One history under way. */
class Replay {
  private readonly mount: Mounted;
  private readonly stage: Stage;
  private readonly name: string;
  private readonly history: History;
  private readonly procs = new Map<number, Actor>();
  /** Slots of a description in each process. */
  private readonly slots = new Map<string, number[]>();
  private readonly pins = new Map<number, number>();
  private readonly nonblocking = new Set<number>();
  /** Memory locking is counted: the processes and the files are an ordinary user's, root is exempt. */
  private readonly counted: boolean;
  private readonly waiting = new Map<number, { command: Command; p: number }>();
  private nextSlot = 0;

  constructor(mount: Mounted, stage: Stage, history: History, name: string) {
    this.mount = mount;
    this.stage = stage;
    this.history = history;
    this.name = name;
    this.counted = history.world.procs.some(({ memlock }) => memlock !== undefined);
  }

  async run(): Promise<void> {
    for (const { f, size = 16384, blocks = [0, 1, 2], uid, regular } of this.history.world.files) {
      const path = this.seen(f);
      if (regular === false) {
        mkdirSync(path);
        continue;
      }
      writeFileSync(path, '');
      truncateSync(path, size);
      const fd = openSync(path, 'r+');
      for (const block of blocks) writeSync(fd, Buffer.alloc(BLOCK, 1), 0, BLOCK, block * BLOCK);
      closeSync(fd);
      if (uid !== undefined || this.counted) chownSync(path, uid ?? USER, 0);
      // Other users of the histories may write: the rules are about leases, not about permissions.
      chmodSync(path, 0o666);
    }
    for (const { p, uid, caps: names = [], memlock, ...where } of this.history.world.procs) {
      const options = {
        ...(uid !== undefined || this.counted ? { uid: uid ?? USER } : {}),
        ...(memlock !== undefined ? { memlock } : {}),
        caps: names.reduce((mask, name) => mask | caps[name]!, 0n),
        ...this.place(where),
      };
      this.procs.set(p, await this.stage.actor(`${this.name}-${p}`, options));
    }
    for (const [index, step] of this.history.steps.entries()) await this.step(index + 1, step);
  }

  /** Inside the daemon's namespaces, unless the history says otherwise. */
  private place({ hidden, foreign }: { hidden?: boolean; foreign?: boolean }): ActorOptions {
    if (!isNamespaced(this.history)) return {};
    const through = ['nsenter', '-t', `${this.mount.pid}`, '-m', ...(hidden ? [] : ['-p'])];
    if (!foreign) return { through };
    // An ordinary user that is root, with every capability, in a user namespace of its own.
    return {
      uid: 0,
      through: [...through, 'setpriv', '--reuid', `${STRANGER}`, '--clear-groups', 'unshare', '-U', '-r'],
    };
  }

  private async step(number: number, { event, expect }: Step): Promise<void> {
    const where = `step ${number} ${JSON.stringify(event)}`;
    const logged = this.mount.log().length;
    const before = this.waiters();
    const command = await this.start(event);
    const verdict =
      expect.verdict === 'wait'
        ? await this.parked(command, before, number, event, where)
        : await settled(command);
    assert.is(verdict.verdict, this.verdictHere(number, event, expect.verdict), where);
    if (event.op === 'pin' && verdict.verdict === 'ok') this.pins.set(event.id!, verdict.value);
    if (verdict.verdict !== 'ok' && this.rulesHere(expect, event)) {
      assert.match(
        this.mount.log().slice(logged),
        `[${expect.rule}]`,
        `${where}: rule ${expect.rule} in the log`,
      );
    }
    // Kernel pins are looked for first, which takes what a search of /proc takes.
    if (expect.verdict === 'wait' && expect.effects.some(({ tell }) => tell !== undefined)) {
      await eventually(`${where}: the break`, () => this.mount.log().slice(logged).includes('break: lease'));
    }
    for (const effect of expect.effects) await this.effect(effect, verdict, where);
  }

  private waiters(): number {
    return this.mount.report('status').waiters;
  }

  private async parked(
    command: Command | Result,
    before: number,
    number: number,
    event: Event,
    where: string,
  ): Promise<Result> {
    if (!('result' in command)) throw new Error(`${where}: cannot wait`);
    let answer: Result | undefined;
    command.result.then(result => {
      answer = result;
    });
    // A second change of an inode waits in the kernel, for its lock: no counter shows that.
    const until = performance.now() + IN_KERNEL_MS;
    while (answer === undefined && this.waiters() === before && performance.now() < until) await sleep(1);
    assert.is(answer, undefined, `${where}: should wait, but ${JSON.stringify(answer)}`);
    this.waiting.set(number, { command, p: event.p });
    return { value: 0, verdict: 'wait', text: '' };
  }

  /** On the direct store a write that extends or fills its own hole is not asked (X8). */
  private verdictHere(number: number, event: Event, expected: string): string {
    const amendment = amended[`${this.history.title}, step ${number}`];
    if (amendment !== undefined) return amendment;
    const asked = event.op !== 'write' || isOfPooledFile(this.history);
    return !asked && expected === 'ETXTBSY' ? 'ok' : expected;
  }

  private rulesHere(expect: Step['expect'], event: Event): boolean {
    const asked = event.op !== 'write' || isOfPooledFile(this.history);
    return expect.verdict.startsWith('E') && asked && !['N7', 'N4', 'W', '-'].includes(expect.rule);
  }

  private async effect(
    effect: Record<string, string | number>,
    answer: Result,
    where: string,
  ): Promise<void> {
    if (effect.lease !== undefined)
      assert.is(
        Number(answer.text.split(' ')[0]),
        kindValue(effect.lease as LeaseKind),
        `${where}: F_GETLEASE`,
      );
    if (effect.woken !== undefined) {
      const { command } = this.waiting.get(Number(effect.woken))!;
      assert.is(
        (await command.result).verdict,
        effect.verdict,
        `${where}: the waiter of step ${effect.woken}`,
      );
    }
    if (effect.tell !== undefined) {
      const [key, slots] =
        [...this.slots].find(([name, held]) => name.endsWith(`:${effect.d}`) && held.length > 0) ?? [];
      const holder = this.procs.get(Number(key?.split(':')[0]));
      if (holder !== undefined)
        assert.ok((await holder.awaitBreak(-1, { slot: slots![0]! })) > 0, `${where}: the break descriptor`);
    }
  }

  /** The file as this process sees it. */
  private seen(f: number): string {
    return `${this.mount.seen}/${this.name}-${f}`;
  }

  private path(f: number): string {
    return this.mount.file(`${this.name}-${f}`);
  }

  private held(p: number, d: number): number[] {
    const key = `${p}:${d}`;
    const slots = this.slots.get(key) ?? [];
    this.slots.set(key, slots);
    return slots;
  }

  private slot(event: Event): number {
    return this.held(event.p, event.d!).at(-1)!;
  }

  private add(p: number, d: number): number {
    const slot = this.nextSlot++;
    this.held(p, d).push(slot);
    return slot;
  }

  private async token(p: number, d: number): Promise<string> {
    const slot = this.held(p, d).at(-1);
    // A description that the asker does not hold has a token that it cannot know.
    if (slot === undefined) return '1234567';
    return `${(await this.procs.get(p)!.lease({ slot })).token}`;
  }

  /** A registered buffer of io_uring over a mapping of the file (N10). The descriptor is closed: the pin needs none. */
  private async pinByKernel(actor: Actor, { f, lo, hi, id }: Event): Promise<Command> {
    const slot = this.nextSlot++;
    await actor.open(this.path(f), O_RDWR, { slot });
    await actor.mmap(hi - lo, { slot, map: slot, off: lo });
    await actor.close({ slot });
    return actor.begin.registerBuffer(hi - lo, { ring: id, map: slot });
  }

  /** Stores through a mapping, and what the page cache then writes. */
  private async writeBack(actor: Actor, event: Event): Promise<Command> {
    const map = this.nextSlot++;
    const len = event.hi - event.lo;
    await actor.mmap(len, { slot: this.slot(event), map, off: event.lo });
    await actor.store(0, len, 7, { map });
    return actor.begin.msync({ map });
  }

  private async start(event: Event): Promise<Command | Result> {
    const { op, p, d } = event;
    const actor = this.procs.get(p)!;
    switch (op) {
      case 'open': {
        const slot = this.nextSlot++;
        const regular = this.history.world.files.find(file => file.f === event.f)?.regular !== false;
        const flags =
          (event.write === false || !regular ? 0 : O_RDWR) |
          (event.trunc ? O_TRUNC : 0) |
          (event.nonblock ? O_NONBLOCK : 0);
        const command = actor.begin.open(this.path(event.f!), flags, { slot });
        if (event.nonblock) this.nonblocking.add(d!);
        void command.result.then(({ verdict }) => verdict === 'ok' && this.held(p, d!).push(slot));
        return command;
      }
      case 'close':
        return actor.begin.close({ slot: this.held(p, d!).pop()! });
      case 'dup': {
        const from = this.slot(event);
        return actor.begin.dup(from, this.add(p, d!));
      }
      case 'fork': {
        const child = await actor.fork(`${this.name}-${event.child}`);
        this.procs.set(event.child!, child);
        for (const [key, slots] of [...this.slots]) {
          const [owner, description] = key.split(':');
          if (Number(owner) === p) this.slots.set(`${event.child}:${description}`, [...slots]);
        }
        return { value: 0, verdict: 'ok', text: '' };
      }
      case 'pass': {
        const receiver = this.procs.get(event.q!)!;
        const sent = actor.begin.send(receiver.name, { slot: this.slot(event) });
        await sent.result;
        await receiver.receive({ slot: this.add(event.q!, d!) });
        return sent;
      }
      case 'send':
        return actor.begin.send(this.procs.get(event.q!)!.name, { slot: this.slot(event) });
      case 'receive':
        return actor.begin.receive({ slot: this.add(p, d!) });
      case 'exit': {
        await actor.exit();
        for (const key of [...this.slots.keys()]) if (key.startsWith(`${p}:`)) this.slots.delete(key);
        // A pidfd notifies the daemon of the death; give it the 50 ms that it promises.
        await sleep(50 * timeFactor);
        return { value: 0, verdict: 'ok', text: '' };
      }
      case 'setlease':
        // The ioctl has the flag of its own (B4); F_SETLEASE goes by the description's.
        return actor.begin.setLease(kindValue(event.kind!), {
          slot: this.slot(event),
          nonblock: this.nonblocking.has(d!),
        });
      case 'getlease':
        return actor.begin.getLease({ slot: this.slot(event) });
      case 'pin': {
        const owner = event.own === 'p' ? undefined : await this.token(p, event.own!);
        return actor.begin.pin(event.lo!, event.hi! - event.lo!, { slot: this.slot(event), owner });
      }
      case 'unpin':
        return actor.begin.unpin(this.pins.get(event.id!) ?? 999_999, { slot: this.slot(event) });
      case 'truncate':
        if (event.d !== undefined) return actor.begin.ftruncate(event.size!, { slot: this.slot(event) });
        return actor.begin.truncate(this.path(event.f!), event.size!);
      case 'fallocate':
        return actor.begin.fallocate(modes[event.mode!]!, event.lo!, event.hi! - event.lo!, {
          slot: this.slot(event),
        });
      case 'write':
        return actor.begin.pwrite(event.lo!, event.hi! - event.lo!, 7, { slot: this.slot(event) });
      case 'writeback':
        return this.writeBack(actor, event);
      case 'kpin':
        return this.pinByKernel(actor, event);
      case 'chown':
        chownSync(this.seen(event.f!), event.uid!, 0);
        return { value: 0, verdict: 'ok', text: '' };
      case 'unlink':
        return actor.begin.unlink(this.path(event.f!));
      case 'signal': {
        const waiter = [...this.waiting.values()].find(one => one.p === p)!;
        return actor.begin.interrupt(waiter.command);
      }
      case 'tick':
        // The daemon's timer may be a little late.
        await sleep(event.dt! * UNIT_MS + 25);
        return { value: 0, verdict: 'ok', text: '' };
      default:
        throw new Error(`unknown event ${op}`);
    }
  }
}

const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

async function settled(command: Command | Result): Promise<Result> {
  return 'result' in command ? command.result : command;
}

const all = load();

suiteNeeding('directed histories through a mount', ['mount'], test => {
  const breakTime = ['--lease-break-time', String(45 * UNIT_MS)];
  const mounts = new Map<string, Mounted>();
  const stage = new Stage();

  const mountFor = async (history: History): Promise<Mounted> => {
    const { options } = history.world;
    const args = [
      ...breakTime,
      ...(isOfPooledFile(history) ? ['--store', 'pooled'] : []),
      ...(options.rfc_v2 ? ['--semantics', 'rfc-v2'] : []),
      ...(options.capacity !== undefined ? ['--size', `${options.capacity * 4}k`] : []),
    ];
    // A capacity is of one history alone.
    const namespaced = isNamespaced(history);
    const key = `${args} ${namespaced} ${options.capacity !== undefined ? mounts.size : ''}`;
    const mount =
      mounts.get(key) ?? (await (namespaced ? Mounted.namespaced(...args) : Mounted.start(...args)));
    mounts.set(key, mount);
    return mount;
  };

  test.after.each(() => stage.clear());
  test.after(async () => {
    await stage.close();
    for (const mount of mounts.values()) await mount.stop();
  });

  const inNamespaces = needing(test, 'unshare', 'nsenter', 'user-namespaces');
  for (const [index, history] of all.entries()) {
    if (!isTold(history)) continue;
    const define = isNamespaced(history) ? inNamespaces : test;
    define(`${history.rule}: ${history.title}`, async () => {
      await new Replay(await mountFor(history), stage, history, `h${index}`).run();
    });
  }
  test('there are 125 histories, and each was made by real processes', () => {
    assert.is(all.length, 125);
  });
});
