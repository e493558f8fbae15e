// A virtual file whose content is fixed by its first read, until its last byte was read. It is made in slices.
import { errno } from '../base/errno.js';
import { KeptText, type Source } from '../base/kept-text.js';
import type { Quota } from '../base/quota.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';

export class TextFile implements VirtualFile {
  readonly stream = false;
  private readonly source: () => Source;
  private readonly text: KeptText;
  private isMade = true;

  /** @param room of the texts that are read at the same time. */
  constructor(source: () => Source, room: Quota, uid: number) {
    this.source = source;
    this.text = new KeptText(room, uid);
  }

  ready(): boolean {
    return true;
  }

  prepare(off: number): boolean {
    if (this.isMade && !this.text.has(off)) this.text.begin(this.source());
    this.isMade = this.text.make();
    return this.isMade;
  }

  /** -EAGAIN: the user reads so much at the same time that no share is left. */
  read(off: number, out: Uint8Array): number {
    return this.text.read(off, out) ?? -errno.EAGAIN;
  }

  write(): number {
    return -errno.EACCES;
  }

  listen(): void {}

  close(): void {
    this.text.drop();
  }
}
