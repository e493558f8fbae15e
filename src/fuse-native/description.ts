// An open file description that the control socket holds: open while one of its connections is (L1, L2).
import type { FileHandle, InodeNumber } from '../base/units.js';

export class Description {
  readonly ino: InodeNumber;
  readonly fh: FileHandle;
  private readonly connections = new Set<object>();
  private readonly ended: () => void;

  /** @param ended when the last connection has left. */
  constructor(ino: InodeNumber, fh: FileHandle, ended: () => void) {
    this.ino = ino;
    this.fh = fh;
    this.ended = ended;
  }

  join(connection: object): void {
    this.connections.add(connection);
  }

  leave(connection: object): void {
    this.connections.delete(connection);
    if (this.connections.size === 0) this.ended();
  }
}
