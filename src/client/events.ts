// The events of a mount (`.leasefs/events`) for Node programs: an object each, as they come. A reader that is slow loses
// events and is told how many; the mount never waits for it.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { native, POLLIN, type Poller } from '../native/binding.js';

export type EventName =
  | 'grant'
  | 'convert'
  | 'owner'
  | 'release'
  | 'pin'
  | 'unpin'
  | 'break'
  | 'answered'
  | 'forced'
  | 'refused'
  | 'zombie'
  | 'zombie-end'
  | 'died'
  | 'injected';

export interface ReportedHolder {
  readonly pid: number;
  readonly command: string;
  readonly uid: number;
  readonly kind: string;
  readonly lease: number;
  readonly zombie: boolean;
  readonly pin?: number;
  /** Bytes. */
  readonly off?: number;
  readonly len?: number;
}

/** Of a process of somebody else, whom one may not ptrace(2), only the members up to `uid` and `errno`. */
export interface ReportedEvent {
  /** From 1, without gaps. */
  readonly seq: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly event: EventName;
  /** The rule behind it, 'X1'. */
  readonly rule: string;
  readonly pid: number;
  readonly command: string;
  readonly uid: number;
  readonly ino?: number;
  /** From the root of the mount; null: deleted. */
  readonly path?: string | null;
  readonly lease?: number;
  readonly kind?: string;
  readonly from?: string;
  readonly must?: string;
  /** A break: until it is forced; an answer or a force: since it began. */
  readonly ms?: number;
  /** Who began the break, or made it demand more; pid 0: an injection, or a process that is not to be seen. */
  readonly breaker?: { readonly pid: number; readonly command: string; readonly uid: number };
  readonly told?: string;
  readonly pin?: number;
  /** Bytes. */
  readonly off?: number;
  readonly len?: number;
  readonly owner?: 'process' | 'description';
  readonly call?: string;
  readonly errno?: string;
  readonly ends?: string;
  readonly holder?: ReportedHolder;
  readonly injected?: true;
}

/** `count` events were gone before they could be read; `seq` was the last of them. */
export interface LostEvents {
  readonly seq: number;
  readonly event: 'lost';
  readonly count: number;
}

export interface EventOptions {
  /** Go on with what happens from now on; else the end comes after the events that are kept. */
  readonly follow?: boolean;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

const PIECE = 1 << 16;
const { O_RDONLY, O_NONBLOCK } = constants;

/**
 * The events that are kept, oldest first, and then those to come.
 * @throws ErrnoException ENOENT when there is no mount with a `.leasefs`; ENOTCONN when its daemon is gone.
 */
export async function* events(
  mountPoint: string,
  { follow = false, signal }: EventOptions = {},
): AsyncGenerator<ReportedEvent | LostEvents, void, undefined> {
  const fd = openSync(join(mountPoint, '.leasefs/events'), O_RDONLY | O_NONBLOCK);
  try {
    const lines = new EventLines(fd);
    while (signal?.aborted !== true) {
      const line = lines.next();
      if (line !== undefined) yield JSON.parse(line) as ReportedEvent | LostEvents;
      else if (!follow) return;
      else await readable(fd, signal);
    }
  } finally {
    closeSync(fd);
  }
}

/** The lines that a descriptor of `.leasefs/events`, open with O_NONBLOCK, has to tell. */
export class EventLines {
  private readonly fd: number;
  private readonly piece = Buffer.alloc(PIECE);
  private rest = Buffer.alloc(0);

  constructor(fd: number) {
    this.fd = fd;
  }

  /** undefined: nothing now. */
  next(): string | undefined {
    for (;;) {
      const end = this.rest.indexOf(10);
      if (end >= 0) {
        const line = this.rest.toString('utf8', 0, end);
        this.rest = this.rest.subarray(end + 1);
        return line;
      }
      const read = this.read();
      if (read === 0) return undefined;
      this.rest = Buffer.concat([this.rest, this.piece.subarray(0, read)]);
    }
  }

  private read(): number {
    try {
      return readSync(this.fd, this.piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }
}

/** Resolves when there is something to read, or the signal came. */
function readable(fd: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      poller.close();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const poller: Poller = native.poll(fd, POLLIN, done);
    signal?.addEventListener('abort', done);
  });
}
