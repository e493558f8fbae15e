// Answers that go out when a notification to the kernel has been written, which another thread does.
import { attempt, type Log } from '../base/guarded.js';
import type { Commits } from './commits.js';
import type { Reply } from './wire/reply.js';

interface Held {
  record: Uint8Array | undefined;
}

export class HeldAnswers {
  /** The answer to the present request waits for one of them. */
  private present: Held | undefined;
  private readonly reply: Reply;
  private readonly commits: Commits | undefined;
  private readonly send: (length: number) => void;
  private readonly log: Log;

  constructor(reply: Reply, commits: Commits | undefined, send: (length: number) => void, log: Log) {
    this.reply = reply;
    this.commits = commits;
    this.send = send;
    this.log = log;
  }

  /** Delays the answer to the present request until the returned function is called. */
  hold(): () => void {
    const held: Held = { record: undefined };
    this.present = held;
    return () => {
      const send = (): void => this.sendHeld(held);
      if (!attempt(this.log, 'cache notice', send)) attempt(this.log, 'cache notice', send);
    };
  }

  /** The answer to the present request lies in the reply; its length, or 0 where it is delayed. */
  answered(length: number): number {
    const { present } = this;
    if (present === undefined) return length;
    present.record = this.reply.bytes.slice(0, length);
    this.present = undefined;
    this.commits?.hold(present.record);
    return 0;
  }

  /** The present request is answered otherwise. */
  giveUp(): void {
    this.present = undefined;
  }

  private sendHeld({ record }: Held): void {
    if (record === undefined) return;
    this.commits?.sending(record);
    this.reply.bytes.set(record);
    this.send(record.length);
  }
}
