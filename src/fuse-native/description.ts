// An open file description that the control socket holds: open while one of its connections is (L1, L2).
import type { FileHandle, InodeNumber } from '../base/units.js';
import type { ControlConnection } from './control-connection.js';

export class Description {
  readonly ino: InodeNumber;
  readonly fh: FileHandle;
  private readonly connections = new Set<ControlConnection>();
  private readonly ended: () => void;

  /** @param ended when the last connection has left. */
  constructor(ino: InodeNumber, fh: FileHandle, ended: () => void) {
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
}
