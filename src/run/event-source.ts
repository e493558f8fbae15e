// Reads `.leasefs/events` of a mount while a command runs on it: lines of JSON, without waiting for any.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { native, POLLIN, type Poller } from '../native/binding.js';
import type { RunEvent } from './run-event.js';

const PIECE = 64 << 10;

export class EventSource {
  private readonly fd: number;
  private readonly poller: Poller;
  private told: (event: RunEvent) => void;
  private readonly piece = Buffer.alloc(PIECE);
  private text = '';

  /** What happened before is left out. @throws an Error of open(2)'s where the mount has no such file. */
  constructor(mount: string, told: (event: RunEvent) => void) {
    this.told = () => {};
    this.fd = openSync(join(mount, '.leasefs/events'), constants.O_RDONLY | constants.O_NONBLOCK);
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
    for (let length = this.piece.length; length > 0; ) {
      try {
        length = readSync(this.fd, this.piece);
      } catch {
        // EAGAIN: no more for now.
        return;
      }
      this.text += this.piece.toString('utf8', 0, length);
      const lines = this.text.split('\n');
      this.text = lines.pop()!;
      for (const line of lines) this.told(JSON.parse(line) as RunEvent);
    }
  }
}
