// Events as lines of JSON, each with what one viewer may see.
import type { EventProcess, LostEvents, ReportedEvent } from '../abi/events.js';
import { decoded, jsonLine } from '../base/words.js';
import type { LeaseEvent } from '../fs/trace/event-ring.js';
import type { Viewer } from './viewer.js';

/** One line. Of a process that the viewer may not ptrace(2) it says that something happened, without file and range. */
export function eventLine(event: LeaseEvent, viewer: Viewer): string {
  const { seq, time, event: name, rule, ino, path, by, injected } = event;
  const { holder, breaker, ...facts } = event.facts;
  const head: ReportedEvent = {
    seq,
    time: new Date(time).toISOString(),
    event: name,
    rule,
    pid: by.pid,
    command: decoded(by.command),
    uid: by.uid,
  };
  const tail = injected ? { injected } : {};
  if (!viewer.maySee(by.uid)) {
    const { errno } = facts;
    return lineOf({ ...head, ...(errno !== undefined && { errno }), ...tail });
  }
  const where = ino === 0 ? {} : { ino, path: path === undefined ? null : decoded(path) };
  return lineOf({
    ...head,
    ...where,
    ...facts,
    ...(holder && { holder: named(holder) }),
    ...(breaker && { breaker: named(breaker) }),
    ...tail,
  });
}

/** Stands for events that were gone before they could be read; `seq` is the last of them. */
export const lostLine = (count: number, seq: number): string => lineOf({ seq, event: 'lost', count });

const named = <T extends EventProcess>(process: T): T => ({ ...process, command: decoded(process.command) });
const lineOf = (record: ReportedEvent | LostEvents): string => `${jsonLine(record)}\n`;
