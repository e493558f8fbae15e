// An open file description that the control socket holds: open while one of its connections is (L1, L2).
import type { FileHandle, InodeNumber } from '../base/units.js';
import type { Operations } from '../fs/operations.js';
import { POLLPRI } from '../native/binding.js';
import type { ControlConnection } from './control-connection.js';

export class Description {
  readonly ino: InodeNumber;
  readonly fh: FileHandle;
  private readonly operations: Operations;
  private readonly connections = new Set<ControlConnection>();
  private readonly ended: () => void;

  /** @param ended when the last connection has left. */
  constructor(operations: Operations, ino: InodeNumber, fh: FileHandle, ended: () => void) {
    this.operations = operations;
    this.ino = ino;
    this.fh = fh;
    this.ended = ended;
  }

  join(connection: ControlConnection): void {
    this.connections.add(connection);
  }

  leave(connection: ControlConnection): void {
    this.connections.delete(connection);
    if (this.connections.size === 0) this.ended();
  }

  /** Every sharer hears of a break that is to be answered now, or is over (B1); the next change will be told too. */
  tellBreak(): void {
    const code = this.operations.poll(this.fh, true) & POLLPRI;
    for (const connection of [...this.connections]) connection.tellBreak(code);
  }
}
