// Reads `.leasefs/events` of a mount while a command runs on it: lines of JSON, without waiting for any.
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { EventLines } from '../client/events.js';
import { native, POLLIN, type Poller } from '../native/binding.js';
import type { RunEvent } from './run-event.js';

export class EventSource {
  private readonly fd: number;
  private readonly poller: Poller;
  private told: (event: RunEvent) => void;
  private readonly lines: EventLines;

  /** What happened before is left out. @throws an Error of open(2)'s where the mount has no such file. */
  constructor(mount: string, told: (event: RunEvent) => void) {
    this.told = () => {};
    this.fd = openSync(join(mount, '.leasefs/events'), constants.O_RDONLY | constants.O_NONBLOCK);
    this.lines = new EventLines(this.fd);
    this.read();
    this.told = told;
    this.poller = native.poll(this.fd, POLLIN, () => this.read());
    this.poller.unref();
  }

  /** Reads what there is still, and ends. */
  close(): void {
    this.poller.close();
    this.read();
    closeSync(this.fd);
  }

  private read(): void {
    for (let line = this.next(); line !== undefined; line = this.next())
      this.told(JSON.parse(line) as RunEvent);
  }

  private next(): string | undefined {
    try {
      return this.lines.next();
    } catch {
      // The mount is gone.
      return undefined;
    }
  }
}
