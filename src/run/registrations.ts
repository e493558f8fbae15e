// Memory that a stopped call registers is pinned first, or the call is refused. What cannot be judged is refused by
// `strict` and reported by `report`.
//
// The supervisor sees a process only at its calls. The daemon finds out what happens later to a ring
// (src/process/registration.ts).
import { LRUCache } from 'lru-cache';
import { errno } from '../base/errno.js';
import { CAP_NET_RAW } from '../base/linux.js';
import { native, type Result } from '../native/binding.js';
import { hasFilesOf } from '../process/mapped-files.js';
import { fileIdOf, linkOf, readText, textOf } from '../process/proc-text.js';
import {
  type FileRange,
  isMapped,
  liesIn,
  parseBuffers,
  RING,
  rangesOf,
  slotsIn,
  writableIn,
} from '../process/registered-buffers.js';
import { askForGroup, askForRegion } from '../process/ring-questions.js';
import { type CallAnswer, CONTINUE } from './answer.js';
import { Asked, type Judged, type Outcome } from './asked.js';
import { clonesOf, groupEndedBy, groupOf, heldBy, type RegisteredMemory } from './buffers.js';
import type { RegisterCall, SetupCall, StoppedCall, UmemCall, VerbsCall, XdpCall } from './calls.js';
import type { MountLink } from './mount-link.js';
import {
  opcodes,
  REGISTER_BUFFERS,
  REGISTER_BUFFERS2,
  REGISTER_BUFFERS_UPDATE,
  REGISTER_CLONE_BUFFERS,
  REGISTER_MEM_REGION,
  REGISTER_PBUF_RING,
  REGISTER_UNKNOWN,
  UNREGISTER_PBUF_RING,
} from './opcodes.js';
import type { UnleasedRegistration } from './report.js';
import { Blind, blindBy, HIDDEN, memoryOf, type Target, type Targets } from './targets.js';
import type { Memory } from './uverbs.js';

/** strict: refuse as the proposal does; report: allow and report; off: ignore registrations. */
export type Policy = 'strict' | 'report' | 'off';

type Registration = RegisterCall | SetupCall | UmemCall | VerbsCall | XdpCall;

/** What has the memory, as the report names it. */
const device = {
  register: 'io_uring',
  setup: 'io_uring',
  umem: 'AF_XDP',
  xdp: 'AF_XDP',
  verbs: 'RDMA',
} as const;

const ANY_NAMESPACE = -1;
/** Rings of provided buffers that are not unregistered; the others end with their io_uring. */
const GROUPS_MAX = 4096;
/** A ring that is in use leaves its tables out of fdinfo: so often it is read again. */
const BUSY_TRIES = 50;

/**
 * The pins of a ring of provided buffers that an io_uring has which does not say whether it is there, and the thread that
 * registered it, which alone may unregister it.
 */
interface Group {
  readonly tid: number;
  readonly pins: readonly number[];
}

export class Registrations {
  private readonly link: MountLink;
  private readonly targets: Targets;
  private readonly policy: Policy;
  private readonly unleased: (pin: UnleasedRegistration) => void;
  private readonly asked: Asked;
  private readonly groups = new LRUCache<string, Group>({ max: GROUPS_MAX });
  /** io_uring can set the options of an AF_XDP socket, unseen: in one run there is one or the other. */
  private hasRing = false;
  private hasXdp = false;

  constructor(
    link: MountLink,
    targets: Targets,
    policy: Policy,
    unleased: (pin: UnleasedRegistration) => void,
    outcome: (judged: Judged, outcome: Outcome) => void,
  ) {
    this.link = link;
    this.targets = targets;
    this.policy = policy;
    this.unleased = unleased;
    this.asked = new Asked(outcome);
  }

  close(): void {
    this.asked.close();
  }

  /** The thread is stopped at a call of any kind, which is judged next. */
  stopped(tid: number, call: StoppedCall | undefined): void {
    this.asked.stopped(tid, call?.kind === 'register');
  }

  judge(target: Target, call: Registration): CallAnswer {
    if (this.policy === 'off') return CONTINUE;
    if (call.kind === 'xdp') return this.judgeXdp(target);
    if (call.kind === 'register') {
      if (call.opcode >= REGISTER_UNKNOWN)
        return this.judgeUnseen(
          target,
          `io_uring_register opcode ${call.opcode}, which leasefs does not know`,
        );
      if (call.opcode === UNREGISTER_PBUF_RING) return this.endGroup(target, call);
    }
    if (call.kind === 'setup' && this.hasXdp) {
      if (this.judgeUnseen(target, `io_uring ${UNSEEN}`) !== CONTINUE) return -errno.EPERM;
    }
    const answer = this.judgeMemory(target, call);
    if (call.kind === 'setup' && answer === CONTINUE) this.hasRing = true;
    return answer;
  }

  /** What is not known, or may not be looked at, may pin anything. */
  judgeUnseen({ pid, command }: { pid: number; command: string }, by: string): CallAnswer {
    const letThrough = this.policy !== 'strict';
    if (this.policy !== 'off')
      this.unleased({ pid, command, path: '(unknown)', off: 0, len: 0, by, letThrough });
    return letThrough ? CONTINUE : -errno.EPERM;
  }

  private judgeXdp(target: Target): CallAnswer {
    // The kernel refuses.
    if (native.hasCapability(target.tid, CAP_NET_RAW, ANY_NAMESPACE) !== 1) return CONTINUE;
    const answer = this.hasRing ? this.judgeUnseen(target, `AF_XDP ${UNSEEN}`) : CONTINUE;
    if (answer === CONTINUE) this.hasXdp = true;
    return answer;
  }

  /** Pins first, then lets the kernel register. The daemon checks later whether the kernel holds the memory. */
  private judgeMemory(target: Target, call: Exclude<Registration, XdpCall>): CallAnswer {
    let unread = 0;
    const read = memoryOf(target);
    const memory: Memory = (address, length) => {
      const view = read(address, length);
      if (view === undefined) unread = address;
      return view;
    };
    const clones = call.kind === 'register' && call.opcode === REGISTER_CLONE_BUFFERS;
    let held: readonly RegisteredMemory[] | Blind = clones ? [] : heldBy(call, memory);
    if (held.length === 0 && unread === 0 && !clones) return CONTINUE;
    if (!clones && unread === 0 && hasFilesOf(target.tid, held, this.link.dev) === false) return CONTINUE;
    const maps = this.mapsOf(target);
    if (maps instanceof Blind) return this.judgeUnseen(target, `${nameOf(call)}: ${maps.why}`);
    const mappings = this.link.mappingsIn(maps);
    if (mappings.length === 0) return CONTINUE;
    if (clones) held = this.clonedBy(target, call, memory);
    if (held instanceof Blind) return this.judgeUnseen(target, `${nameOf(call)}: ${held.why}`);
    // Where the process has no memory the kernel answers EFAULT.
    if (unread !== 0 && isMapped(maps, unread))
      return this.judgeUnseen(target, `${nameOf(call)}: its arguments are in memory that cannot be read`);
    const rangesIn = (of: readonly RegisteredMemory[]) =>
      of.map(({ addr, bytes }) => rangesOf({ address: addr, length: bytes }, mappings));
    if (rangesIn(held).flat().length === 0) return CONTINUE;
    held = holdable(call, held, maps);
    // Were it left to the kernel, another thread could map the rest before.
    if (held.length === 0) return -errno.EFAULT;
    const ranges = rangesIn(held);
    const second = call.kind === 'register' ? SECOND.get(call.opcode) : undefined;
    const there = second === undefined ? undefined : this.ask(target, call as RegisterCall, memory);
    // The kernel refuses a second one. Were it left to the kernel, another thread could end the first one before.
    if (second !== undefined && there === 0) return -second;
    const made: number[] = [];
    const answer = this.pinAll(target, call, held, ranges, made);
    if (call.kind === 'register' && call.opcode === REGISTER_PBUF_RING && made.length > 0)
      if (there !== -errno.ENOENT) this.keepGroup(target, call, made, memory);
    return answer;
  }

  private pinAll(
    target: Target,
    call: Registration,
    held: readonly RegisteredMemory[],
    ranges: readonly (readonly FileRange[])[],
    made: number[],
  ): CallAnswer {
    const unleased: UnleasedRegistration[] = [];
    for (const [n, memory] of held.entries()) {
      for (const range of ranges[n]!) {
        const goesOn = this.policy === 'report';
        const id = this.link.pin(target, range, memory, { isFirst: made.length === 0, goesOn });
        if (id >= 0) {
          made.push(id);
          continue;
        }
        if (id === -errno.EPERM || (goesOn && id !== -errno.ESRCH)) {
          const { pid, command } = target;
          const path = this.link.pathInMount(range.path);
          const by = device[call.kind];
          const place = { path, off: range.begin, len: range.end - range.begin };
          const pin = { pid, command, ...place, by, letThrough: goesOn };
          unleased.push(pin);
          this.unleased(pin);
        }
        if (goesOn || id === -errno.ESRCH) continue;
        for (const pin of made) this.link.unpin(pin);
        made.length = 0;
        return id;
      }
    }
    if (made.length + unleased.length > 0) this.asked.judged(target, held, { pins: [...made], unleased });
    return CONTINUE;
  }

  private mapsOf({ tid }: Target): string | Blind {
    const maps = this.targets.withRoom(() => readText(`/proc/${tid}/maps`));
    return maps === undefined ? HIDDEN : maps;
  }

  /** The buffers of another ring that this one is to have too. */
  private clonedBy({ tid }: Target, call: RegisterCall, memory: Memory): RegisteredMemory[] | Blind {
    const asked = clonesOf(call, memory);
    if (asked === undefined) return [];
    const { source, first, end } = asked;
    if (source === undefined) return OF_INDEX;
    let buffers: ReturnType<typeof parseBuffers> = 'busy';
    try {
      for (let tries = 0; buffers === 'busy' && tries < BUSY_TRIES; tries++) {
        const info = readText(`/proc/${tid}/fdinfo/${source}`);
        // The kernel answers EBADF.
        if (info === '') return [];
        buffers = parseBuffers(info);
      }
    } catch (error) {
      return blindBy(error) ?? [];
    }
    if (buffers === 'busy') return BUSY;
    const kind = call.ring === undefined ? 'rings' : 'buffer';
    return buffers
      .filter(({ index }) => index >= first && index < end)
      .map(({ address, length }) => ({ kind, fd: call.ring ?? -1, addr: address, bytes: length }));
  }

  /**
   * What the ring says of what the call makes, its table of buffers, its group or its region: 0, it is there; -ENOENT, it is
   * not; else it does not say.
   */
  private ask(target: Target, call: RegisterCall, memory: Memory): Result {
    const { ring, opcode } = call;
    // What is no ring could make us wait; a ring that is in use, too.
    if (ring === undefined || linkOf(`/proc/${target.tid}/fd/${ring}`) !== RING) return -errno.EBADF;
    const slots = slotsIn(textOf(`/proc/${target.tid}/fdinfo/${ring}`));
    if (slots === undefined) return -errno.EBUSY;
    if (opcode === REGISTER_BUFFERS || opcode === REGISTER_BUFFERS2) return slots > 0 ? 0 : -errno.ENOENT;
    const group = opcode === REGISTER_MEM_REGION ? 0 : groupOf(call, memory);
    if (group === undefined) return -errno.EBADF;
    const copy = this.targets.take(target, ring);
    if (copy === undefined || copy instanceof Blind) return -errno.EBADF;
    try {
      return opcode === REGISTER_MEM_REGION ? askForRegion(copy.fd) : askForGroup(copy.fd, group);
    } finally {
      copy.close();
    }
  }

  /** The one that was there may be gone, or the kernel refuses the new one: all of them end together. */
  private keepGroup({ tid }: Target, call: RegisterCall, made: readonly number[], memory: Memory): void {
    const key = groupKey(tid, call, groupOf(call, memory));
    if (key === undefined) return;
    const known = this.groups.get(key);
    const before = known?.tid === tid ? known.pins : [];
    this.groups.set(key, { tid, pins: [...before, ...made] });
  }

  /**
   * Of a ring that only the calling thread may ask (or none may, before Linux 6.8) the pins of a group end with the call, which
   * the kernel does not refuse to that thread. Others say it themselves, to the daemon.
   */
  private endGroup(target: Target, call: RegisterCall): CallAnswer {
    const memory = memoryOf(target);
    const key = groupKey(target.tid, call, groupEndedBy(call, memory));
    const group = key === undefined ? undefined : this.groups.get(key);
    if (key === undefined || group?.tid !== target.tid) return CONTINUE;
    if (![-errno.EEXIST, -errno.EINVAL].includes(this.ask(target, call, memory))) return CONTINUE;
    this.groups.delete(key);
    for (const pin of group.pins) this.link.endPin(target, pin);
    return CONTINUE;
  }
}

/** Calls whose memory is known to the byte. */
const EXACT: ReadonlySet<number> = new Set([
  REGISTER_BUFFERS,
  REGISTER_BUFFERS2,
  REGISTER_BUFFERS_UPDATE,
  REGISTER_PBUF_RING,
  REGISTER_MEM_REGION,
]);

/**
 * What of the memory the kernel can hold: it pins for writing, and answers EFAULT where a part of it is not there or is
 * read-only. Of an update it takes what stands before that.
 */
function holdable(
  call: Registration,
  held: readonly RegisteredMemory[],
  maps: string,
): readonly RegisteredMemory[] {
  if (call.kind !== 'register' || !EXACT.has(call.opcode)) return held;
  const pieces = writableIn(maps);
  const bad = held.findIndex(({ addr, bytes }) => !liesIn({ address: addr, length: bytes }, pieces));
  if (bad < 0) return held;
  return call.opcode === REGISTER_BUFFERS_UPDATE ? held.slice(0, bad) : [];
}

/** What a ring has one of, and what the kernel says to a second one. */
const SECOND: ReadonlyMap<number, number> = new Map([
  [REGISTER_BUFFERS, errno.EBUSY],
  [REGISTER_BUFFERS2, errno.EBUSY],
  [REGISTER_PBUF_RING, errno.EEXIST],
  [REGISTER_MEM_REGION, errno.EBUSY],
]);

const UNSEEN = 'in one run with the other: io_uring can register the memory of an AF_XDP socket unseen';
const OF_INDEX = new Blind(
  'the ring to clone from is named by an index, which leasefs cannot look up',
  errno.EPERM,
);
const BUSY = new Blind('the ring to clone from is in use', errno.EPERM);

/** The call, as the report names it. */
function nameOf(call: Registration): string {
  return call.kind === 'register'
    ? `io_uring ${opcodes[call.opcode]?.name ?? call.opcode}`
    : device[call.kind];
}

/** The ring's inode and the group; undefined where either is not known. */
function groupKey(tid: number, { ring }: RegisterCall, group: number | undefined): string | undefined {
  if (ring === undefined || group === undefined) return undefined;
  const ino = fileIdOf(tid, ring)?.ino;
  return ino === undefined ? undefined : `${ino} ${group}`;
}
