// The events of a mount (`.leasefs/events`) for Node programs, one object each, as they come. A slow reader loses events
// and gets their number; the mount never waits for it.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { LostEvents, ReportedEvent } from '../abi/events.js';
import { Calls } from './calls.js';
import { Notices } from './notices.js';

export interface EventOptions {
  /** Continue with future events; else the iteration ends after the events that the daemon has kept. */
  readonly follow?: boolean;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

const PIECE = 1 << 16;
const { O_RDONLY, O_NONBLOCK } = constants;

/**
 * The events that are kept, oldest first, and then those to come.
 * @throws ErrnoException ENOENT when there is no mount with a `.leasefs`; ENOTCONN when its daemon is gone; to follow,
 * FsError EMFILE and ENETUNREACH as LeaseFile.onBreak.
 */
export async function* events(
  mountPoint: string,
  { follow = false, signal }: EventOptions = {},
): AsyncGenerator<ReportedEvent | LostEvents, void, undefined> {
  const reader = new EventReader(mountPoint);
  let notices: Notices | undefined;
  try {
    if (follow) notices = reader.watch();
    while (signal?.aborted !== true) {
      const event = reader.next();
      if (event !== undefined) yield event;
      else if (notices === undefined) return;
      else await readable(notices, signal);
    }
  } finally {
    notices?.close();
    reader.close();
  }
}

export interface EventWatch {
  /** Reports the events so far, and ends the watch. */
  close(): void;
}

/**
 * Calls `tell` for each future event, without keeping the event loop alive. No more calls come after the mount's end.
 * @param restMs that pass at least between two reads; what comes in between is kept, as for any reader.
 * @throws ErrnoException ENOENT when there is no mount with a `.leasefs`. FsError EMFILE and ENETUNREACH as
 * LeaseFile.onBreak.
 */
export function watchEvents(
  mountPoint: string,
  tell: (event: ReportedEvent | LostEvents) => void,
  restMs = 0,
): EventWatch {
  const reader = new EventReader(mountPoint);
  const read = (to: typeof tell): void => {
    try {
      for (let event = reader.next(); event !== undefined; event = reader.next()) to(event);
    } catch (error) {
      // ENOTCONN, ENODEV: the mount is gone. A fault of `tell` is no errno.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  };
  let notices: Notices;
  try {
    notices = reader.watch();
  } catch (error) {
    reader.close();
    throw error;
  }
  read(() => {});
  let rest: NodeJS.Timeout | undefined;
  const wait = (): void =>
    notices.wait(false, () => {
      const hasEnded = notices.take() === 'ended';
      if (hasEnded || restMs > 0) notices.pause();
      read(tell);
      if (!hasEnded && restMs > 0) rest = setTimeout(wait, restMs).unref();
    });
  wait();
  return {
    close() {
      clearTimeout(rest);
      notices.close();
      read(tell);
      reader.close();
    },
  };
}

/** The events that a mount's `.leasefs/events` holds now; does not wait for more. */
class EventReader {
  private readonly fd: number;
  private readonly piece = Buffer.alloc(PIECE);
  private rest = Buffer.alloc(0);

  /** @throws ErrnoException of open(2). */
  constructor(mountPoint: string) {
    this.fd = openSync(join(mountPoint, '.leasefs/events'), O_RDONLY | O_NONBLOCK);
  }

  /** Reports when there is more to read. */
  watch(): Notices {
    return new Notices(new Calls(this.fd));
  }

  /** undefined: nothing now. */
  next(): ReportedEvent | LostEvents | undefined {
    for (;;) {
      const end = this.rest.indexOf(10);
      if (end >= 0) {
        const line = this.rest.toString('utf8', 0, end);
        this.rest = this.rest.subarray(end + 1);
        return JSON.parse(line) as ReportedEvent | LostEvents;
      }
      const read = this.read();
      if (read === 0) return undefined;
      this.rest = Buffer.concat([this.rest, this.piece.subarray(0, read)]);
    }
  }

  close(): void {
    closeSync(this.fd);
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
function readable(notices: Notices, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      notices.pause();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    notices.wait(true, () => {
      // At the end a read says why.
      notices.take();
      done();
    });
    signal?.addEventListener('abort', done);
  });
}
