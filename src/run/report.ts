// The end report of a run, made from its events. Pure.
import type { LostEvents, ReportedEvent } from '../client/index.js';
import type { Outcomes } from './outcomes.js';

interface Who {
  readonly pid: number;
  readonly command: string;
  /** From the root of the mount; null when the file has no name any more. */
  readonly path: string | null;
}

interface LeaseLine extends Who {
  readonly lease: number;
  /** As it was taken. */
  readonly kind: string;
  /** 'held' at the end of the run; 'released': by F_UNLCK or its last close; 'answered' or 'forced': in a break. */
  readonly end: 'held' | 'released' | 'answered' | 'forced' | 'zombie';
}

interface PinLine extends Who {
  readonly pin: number;
  readonly off: number;
  readonly len: number;
  readonly ended: boolean;
  /** Made for a registration, which the kernel may have refused: its answer was not seen. */
  readonly asked: boolean;
}

export interface RefusalLine extends Who {
  readonly call: string;
  readonly errno: string;
  /** '': none, the call could not be judged. */
  readonly rule: string;
  /** Why it could not be judged. */
  readonly why?: string;
  readonly holder?: { readonly pid: number; readonly command: string };
  /** What ends the lease or pin that refused. */
  readonly ends?: string;
}

interface BreakLine extends Who {
  readonly lease: number;
  readonly must: string;
  readonly outcome: 'answered' | 'forced' | 'pending';
  /** Since it began. */
  readonly ms: number | null;
}

interface ZombieLine extends Who {
  readonly lease: number;
  readonly ended: boolean;
}

/** Memory that was registered, or was to be, without an unbreakable lease on its file. */
export interface UnleasedRegistration {
  readonly pid: number;
  readonly command: string;
  readonly path: string;
  /** Bytes. */
  readonly off: number;
  readonly len: number;
  /** With what: 'io_uring', 'AF_XDP'. */
  readonly by: string;
  /** --policy report: the registration was allowed. */
  readonly letThrough: boolean;
}

interface UnleasedLine extends UnleasedRegistration {
  /** As of a pin. */
  readonly asked: boolean;
}

export interface RunReport {
  readonly command: readonly string[];
  /** The command's exit code, as a shell tells it. */
  readonly code: number;
  readonly leases: readonly LeaseLine[];
  readonly pins: readonly PinLine[];
  readonly refusals: readonly RefusalLine[];
  readonly breaks: readonly BreakLine[];
  readonly zombies: readonly ZombieLine[];
  readonly unleased: readonly UnleasedLine[];
  /** Events that were not seen because there were too many. */
  readonly lost: number;
  /** Processes of the command that were still running when it ended. */
  readonly goesOn: boolean;
  /** What `leasefs mount` said of the fresh mount: why its files are pooled; '': nothing. */
  readonly notice: string;
}

type Changing<T> = { -readonly [K in keyof T]: T[K] };

export function reportOf(
  events: readonly (ReportedEvent | LostEvents)[],
  run: Pick<RunReport, 'command' | 'code' | 'goesOn' | 'notice'>,
  registered: Outcomes,
  notSeen: readonly RefusalLine[] = [],
): RunReport {
  const leases = new Map<number, Changing<LeaseLine>>();
  const pins = new Map<number, Changing<PinLine>>();
  const zombies = new Map<number, Changing<ZombieLine>>();
  const breaks: Changing<BreakLine>[] = [];
  const refusals: RefusalLine[] = [];
  let lost = 0;
  const settle = (event: ReportedEvent, outcome: 'answered' | 'forced'): void => {
    const open = breaks.find(({ lease, outcome }) => lease === event.lease && outcome === 'pending');
    if (open !== undefined) Object.assign(open, { outcome, ms: event.ms ?? null });
    const lease = leases.get(event.lease ?? 0);
    // Lowered to shared, it lives on.
    if (lease !== undefined && event.kind === 'none') lease.end = outcome;
  };
  for (const event of events) {
    if (event.event === 'lost') {
      lost += event.count;
      continue;
    }
    const { pid, command, lease = 0, kind = '', pin = 0, off = 0, len = 0 } = event;
    const who = { pid, command, path: event.path ?? null };
    switch (event.event) {
      case 'grant':
        leases.set(lease, { ...who, lease, kind, end: 'held' });
        break;
      case 'release': {
        const known = leases.get(lease);
        if (known !== undefined) known.end = 'released';
        break;
      }
      case 'pin':
        if (registered.isRefused(pin)) break;
        pins.set(pin, { ...who, pin, off, len, ended: false, asked: registered.isAsked(pin) });
        break;
      case 'unpin': {
        const known = pins.get(pin);
        if (known !== undefined) known.ended = true;
        break;
      }
      case 'refused': {
        const { call = '', errno = '', rule, holder, ends } = event;
        refusals.push({ ...who, call, errno, rule, ...(holder && { holder }), ...(ends && { ends }) });
        break;
      }
      case 'break':
        if (!breaks.some(known => known.lease === lease && known.outcome === 'pending')) {
          breaks.push({ ...who, lease, must: event.must ?? 'none', outcome: 'pending', ms: null });
        }
        break;
      case 'answered':
      case 'forced':
        settle(event, event.event);
        break;
      case 'zombie': {
        zombies.set(lease, { ...who, lease, ended: false });
        const known = leases.get(lease);
        if (known !== undefined) known.end = 'zombie';
        break;
      }
      case 'zombie-end': {
        const known = zombies.get(lease);
        if (known !== undefined) known.ended = true;
        break;
      }
    }
  }
  return {
    ...run,
    leases: [...leases.values()],
    pins: [...pins.values()],
    refusals: [...refusals, ...notSeen],
    breaks,
    zombies: [...zombies.values()],
    unleased: [...registered.unleased].map(one => ({ ...one, asked: registered.isAsked(one) })),
    lost,
  };
}
