// A virtual file whose content is fixed by its first read, until its last byte was read.
import { errno } from '../base/errno.js';
import { KeptText } from '../base/kept-text.js';
import type { Quota } from '../base/quota.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';

export class TextFile implements VirtualFile {
  readonly stream = false;
  private readonly make: () => string;
  private readonly text: KeptText;

  /** @param room of the texts that are read at the same time. */
  constructor(make: () => string, room: Quota, uid: number) {
    this.make = make;
    this.text = new KeptText(room, uid);
  }

  ready(): boolean {
    return true;
  }

  /** -EAGAIN: the user reads so much at the same time that no share is left. */
  read(off: number, out: Uint8Array): number {
    const piece = this.text.read(off, out.length, this.make);
    if (piece === undefined) return -errno.EAGAIN;
    out.set(piece);
    return piece.length;
  }

  write(): number {
    return -errno.EACCES;
  }

  listen(): void {}

  close(): void {
    this.text.drop();
  }
}
