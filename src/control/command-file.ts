// A file of `.leasefs` that takes commands: each write is one, which is done when the write returns. Else the write answers an
// errno, and a read through the same description says why in one line.
import { oneLine } from '../base/guarded.js';
import type { Answer, Caller } from '../fs/operations.js';
import type { VirtualFile } from '../fs/vfs/virtual.js';

/** Characters; what was written may be long. */
const REASON_MAX = 1000;

export abstract class CommandFile implements VirtualFile {
  readonly stream = false;
  /** Why the last write was refused; empty: it was not. */
  protected reason = '';

  ready(): boolean {
    return true;
  }

  read(off: number, out: Uint8Array): number {
    const text = this.reason === '' ? '' : `${this.reason}\n`;
    const piece = new TextEncoder().encode(text).subarray(off, off + out.length);
    out.set(piece);
    return piece.length;
  }

  write(caller: Caller, data: Uint8Array): Answer {
    this.reason = '';
    const answer = this.carryOut(caller, data);
    return answer < 0 ? answer : data.length;
  }

  /** 0, or what `refuse` answers. */
  protected abstract carryOut(caller: Caller, data: Uint8Array): Answer;

  protected refuse(answer: Answer, why: string): Answer {
    this.reason = oneLine(why).slice(0, REASON_MAX);
    return answer;
  }

  listen(): void {}

  close(): void {}
}

/** @throws Error: it is no UTF-8. */
export const textOf = (data: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(data);
