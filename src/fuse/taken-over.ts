// What a session takes over from the last daemon's: the agreement with the kernel, the ids of passthrough, who is polled, and
// the answers that may not have reached the kernel.
import type { FileHandle, InodeNumber } from '../base/units.js';
import type { Journal } from '../journal/journal.js';
import { RECORD } from '../journal/records.js';
import type { Restorer } from '../journal/restorer.js';
import { answerKey, CUTS_AFTER_OPEN, PASSTHROUGH_ON, TELLS_CLOSES, WRITES_DIRECTLY } from './commits.js';

/** The last answers: more than can be on their way at the same time. */
const ANSWERS = 4096;

export class TakenOver implements Restorer {
  minor = 0;
  writesDirectly = false;
  cutsAfterOpen = false;
  tellsCloses = false;
  passthrough = false;
  reason = '';
  /** Of the mount, as /proc/self/mountinfo has it. */
  device = '';
  readonly backing = new Map<InodeNumber, number>();
  /** The kernel's names for open files that are polled. */
  readonly polls = new Map<FileHandle, number>();
  /** By `answerKey`. */
  readonly answers = new Map<string, Uint8Array>();
  /** The request that the last daemon was at, and how many have died at it. */
  readonly death: ReturnType<Journal['countDeath']>;

  readonly handlers: Restorer['handlers'] = {
    [RECORD.session]: record => {
      this.minor = record.u32();
      const bits = record.u32();
      this.writesDirectly = (bits & WRITES_DIRECTLY) !== 0;
      this.cutsAfterOpen = (bits & CUTS_AFTER_OPEN) !== 0;
      this.tellsCloses = (bits & TELLS_CLOSES) !== 0;
      this.passthrough = (bits & PASSTHROUGH_ON) !== 0;
      this.device = record.text();
      this.reason = record.text();
    },
    [RECORD.answer]: record => this.addAnswer(record.bytes()),
    [RECORD.backing]: record => {
      this.backing.set(record.f64() as InodeNumber, record.u32());
    },
    [RECORD.backingGone]: record => {
      this.backing.delete(record.f64() as InodeNumber);
    },
    [RECORD.poll]: record => {
      this.polls.set(record.f64() as FileHandle, record.f64());
    },
    [RECORD.pollGone]: record => {
      this.polls.delete(record.f64() as FileHandle);
    },
  };

  constructor(journal: Journal) {
    this.death = journal.countDeath();
  }

  finish(): void {}

  private addAnswer(answer: Uint8Array): void {
    const words = new Uint32Array(answer.buffer, 0, 4);
    this.answers.set(answerKey(words[2]!, (words[3]! & 0x7fff_ffff) >>> 0), answer);
    if (this.answers.size <= ANSWERS) return;
    for (const oldest of this.answers.keys()) {
      this.answers.delete(oldest);
      break;
    }
  }
}
