// Files of a mount under leasefs/client, for a test: each of its own, closed when the test is over.
import { openSync, writeFileSync } from 'node:fs';
import { LeaseFile } from '../../src/client/index.js';
import type { Mounted } from './mounted.js';

export class LeaseFiles {
  private readonly mount: () => Mounted;
  private readonly opened: LeaseFile[] = [];
  private made = 0;

  /** `mount` is asked when a file is made: tests mount in their `before`. */
  constructor(mount: () => Mounted) {
    this.mount = mount;
  }

  /** The path of a file that is not there yet. */
  unused(): string {
    return this.mount().file(`f${this.made++}`);
  }

  /** The path of a new file of so many bytes, four blocks if nothing else is said. */
  fresh(bytes = 4 * 4096, byte = 1): string {
    const path = this.unused();
    writeFileSync(path, Buffer.alloc(bytes, byte));
    return path;
  }

  open(path: string, flags?: number): LeaseFile {
    return this.keep(LeaseFile.open(path, flags));
  }

  /** Opened, with a breakable lease. */
  leased(path: string): LeaseFile {
    const file = this.open(path);
    file.setLeaseSync('exclusive,breakable');
    return file;
  }

  /** Opened as one who shares the lease of `description`, where a connection stands for it. */
  sharing(path: string, description: bigint): LeaseFile {
    return this.keep(new LeaseFile(openSync(path, 'r+'), true, description));
  }

  close(): void {
    for (const file of this.opened.splice(0)) file.close();
  }

  private keep(file: LeaseFile): LeaseFile {
    this.opened.push(file);
    return file;
  }
}
