// The texts that descriptions read piece by piece by REPORT.
import { KeptText, type Source, textRoom } from '../base/kept-text.js';
import type { FileHandle } from '../base/units.js';

export class ReportTexts {
  private readonly texts = new Map<FileHandle, KeptText>();
  private readonly room = textRoom();

  get(fh: FileHandle): KeptText | undefined {
    return this.texts.get(fh);
  }

  /** In place of the one before. */
  renew(fh: FileHandle, uid: number, source: Source): KeptText {
    this.delete(fh);
    const text = new KeptText(this.room, uid);
    text.begin(source);
    this.texts.set(fh, text);
    return text;
  }

  /** The description is gone. */
  delete(fh: FileHandle): void {
    this.texts.get(fh)?.drop();
    this.texts.delete(fh);
  }
}
