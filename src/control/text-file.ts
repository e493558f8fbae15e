// A virtual file whose content is fixed when it is opened.
import { errno } from '../base/errno.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';

export class TextFile implements VirtualFile {
  readonly stream = false;
  private readonly bytes: Uint8Array;

  constructor(text: string) {
    this.bytes = new TextEncoder().encode(text);
  }

  ready(): boolean {
    return true;
  }

  read(off: number, out: Uint8Array): number {
    const piece = this.bytes.subarray(off, off + out.length);
    out.set(piece);
    return piece.length;
  }

  write(): number {
    return -errno.EACCES;
  }

  listen(): void {}

  close(): void {}
}
