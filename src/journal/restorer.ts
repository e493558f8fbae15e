// Reads a journal into the state of a new daemon: each room has a restorer for its own records.
import type { LogReader } from './log.js';
import type { RecordType } from './records.js';

export interface Restorer {
  /** By type of record: takes its state, instead of what an earlier record said of the same thing. */
  readonly handlers: Partial<Record<RecordType, (record: LogReader) => void>>;
  /** All records were read; the rooms below have finished. */
  finish(): void;
}

/** @param restorers of the rooms below first. @throws Error: the journal is damaged, and nothing may be used of it. */
export function restore(reader: LogReader, restorers: readonly Restorer[]): void {
  const handlers: ((record: LogReader) => void)[] = [];
  for (const { handlers: theirs } of restorers) {
    for (const [type, handler] of Object.entries(theirs)) handlers[Number(type)] = handler;
  }
  while (reader.next()) handlers[reader.type]?.(reader);
  for (const restorer of restorers) restorer.finish();
}
