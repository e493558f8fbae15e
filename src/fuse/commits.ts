// Answers go out behind the commit of what they tell, so that a daemon that takes over knows it, and can give the same
// answer to a request that the kernel sends again. What wakes other requests is committed with their answers as one.
import { errno } from '../base/errno.js';
import type { Log } from '../base/guarded.js';
import { type Answer, PARKED } from '../fs/operations.js';
import { type Journal, putAnswer, type Source } from '../journal/journal.js';
import type { Log as JournalLog } from '../journal/log.js';
import { RECORD } from '../journal/records.js';
import type { Connection } from './connection.js';
import type { TakenOver } from './taken-over.js';
import type { Reply } from './wire/reply.js';
import { RESENT, type Request } from './wire/request.js';

/** enum fuse_opcode */
const RELEASE = 18;
const RELEASEDIR = 29;

/** Daemons that may die at one request. */
const MOST_DEATHS = 2;

/** Bits of the session's record. */
export const WRITES_DIRECTLY = 1;
export const CUTS_AFTER_OPEN = 2;
export const TELLS_CLOSES = 4;
export const PASSTHROUGH_ON = 8;

/** An answer that goes out when the present request is finished. */
interface Late {
  readonly record: Uint8Array;
  readonly send: () => void;
}

export class Commits implements Source {
  /** Of the mount, as /proc/self/mountinfo has it. */
  private device = '';
  private readonly journal: Journal;
  private readonly reply: Reply;
  private readonly log: Log;
  private readonly takenOver: TakenOver | undefined;
  private connection: Connection | undefined;
  private minor = 0;
  private isChanged = false;
  /** Whether a request is being carried out. */
  private isBusy = false;
  /** It does no harm if it is carried out again. */
  private mayRunTwice = false;
  private readonly late: Late[] = [];
  /** Answers that wait for a notification: those of the present request, and all. */
  private readonly heldNow: Uint8Array[] = [];
  private readonly held = new Set<Uint8Array>();

  constructor(journal: Journal, reply: Reply, takenOver: TakenOver | undefined, log: Log) {
    this.journal = journal;
    this.reply = reply;
    this.takenOver = takenOver;
    this.log = log;
    journal.sources.push(this);
  }

  /** The session has agreed with the kernel. */
  agreed(connection: Connection, minor: number): void {
    this.connection = connection;
    this.minor = minor;
    this.changed();
  }

  mountedAs(device: string): void {
    this.device = device;
    this.changed();
  }

  /** A request begins. The length of the answer that the last daemon has given it; 0: it is to be carried out. */
  begin(request: Request): number {
    const { uniqueLow, uniqueHigh, opcode } = request;
    const high = (uniqueHigh & ~RESENT) >>> 0;
    this.journal.running(uniqueLow, high);
    this.mayRunTwice = opcode === RELEASE || opcode === RELEASEDIR;
    if ((uniqueHigh & RESENT) === 0 || this.takenOver === undefined) return 0;
    const { answers, death } = this.takenOver;
    const answer = answers.get(answerKey(uniqueLow, high));
    if (answer !== undefined) return this.repeat(answer, request);
    if (death.deaths < MOST_DEATHS || death.uniqueLow !== uniqueLow || death.uniqueHigh !== high) return 0;
    this.log(`EIO to request ${request.opcode} of inode ${request.ino}: ${death.deaths} daemons died at it`);
    return this.reply.fail(request, -errno.EIO);
  }

  enter(): void {
    this.isBusy = true;
  }

  /** The request is finished, with `length` bytes of an answer. */
  leave(length: number): number {
    const { journal, reply, late, heldNow } = this;
    this.isBusy = false;
    journal.idle();
    if (late.length === 0 && heldNow.length === 0) {
      if (!journal.isClean) journal.commit(reply.record, this.mayRunTwice ? 0 : length);
      return length;
    }
    journal.commit(reply.record, length, [...late.map(({ record }) => record), ...heldNow]);
    heldNow.length = 0;
    if (late.length === 0) return length;
    const own = reply.bytes.slice(0, length);
    for (const { send } of late.splice(0)) send();
    reply.bytes.set(own);
    return length;
  }

  /** An answer to a request that has waited, which lies in the reply. */
  answer(length: number, send: () => void): void {
    const { journal, reply } = this;
    if (!this.isBusy) {
      journal.commit(reply.record, length);
      send();
      return;
    }
    const record = reply.bytes.slice(0, length);
    const sends = (): void => {
      reply.bytes.set(record);
      send();
    };
    this.late.push({ record, send: sends });
  }

  /** A request that waited has run again. Where it waits on, what it has begun counts from now on: holders were notified of it. */
  ranAgain(answer: Answer): Answer {
    if (answer === PARKED && !this.isBusy) this.journal.commit(this.reply.record, 0);
    return answer;
  }

  /** The answer to the present request is to go out later. */
  hold(record: Uint8Array): void {
    this.heldNow.push(record);
    this.held.add(record);
  }

  /** It goes out now. */
  sending(record: Uint8Array): void {
    if (this.heldNow.length > 0) this.journal.commit(this.reply.record, 0, this.heldNow.splice(0));
    this.held.delete(record);
  }

  poll(fh: number, kh: number): void {
    putPoll(this.journal.log, fh, kh);
  }

  pollGone(fh: number): void {
    this.journal.log.number(RECORD.pollGone, fh);
  }

  backing(ino: number, id: number): void {
    putBacking(this.journal.log, ino, id);
  }

  backingGone(ino: number): void {
    this.journal.log.number(RECORD.backingGone, ino);
  }

  flush(log: JournalLog): void {
    if (!this.isChanged) return;
    this.isChanged = false;
    this.putSession(log);
  }

  *sweep(log: JournalLog): Generator<void> {
    this.putSession(log);
    for (const record of this.held) putAnswer(log, record);
    for (const [ino, id] of this.connection?.passthrough.registered ?? []) {
      putBacking(log, ino, id);
      yield;
    }
    for (const [fh, kh] of this.connection?.polls?.all ?? []) {
      putPoll(log, fh, kh);
      yield;
    }
  }

  private changed(): void {
    this.isChanged = true;
    this.journal.isChanged = true;
  }

  private putSession(log: JournalLog): void {
    const { connection } = this;
    if (connection === undefined) return;
    const { writesDirectly, cutsAfterOpen, tellsCloses, passthrough } = connection;
    log.begin(RECORD.session);
    log.u32(this.minor);
    log.u32(
      (writesDirectly ? WRITES_DIRECTLY : 0) |
        (cutsAfterOpen ? CUTS_AFTER_OPEN : 0) |
        (tellsCloses ? TELLS_CLOSES : 0) |
        (passthrough.enabled ? PASSTHROUGH_ON : 0),
    );
    log.text(this.device);
    log.text(passthrough.reason ?? '');
    log.end();
  }

  private repeat(answer: Uint8Array, request: Request): number {
    this.reply.bytes.set(answer);
    return this.reply.again(request, answer.length);
  }
}

export const answerKey = (uniqueLow: number, uniqueHigh: number): string => `${uniqueHigh}:${uniqueLow}`;

function putPoll(log: JournalLog, fh: number, kh: number): void {
  log.begin(RECORD.poll);
  log.f64(fh);
  log.f64(kh);
  log.end();
}

function putBacking(log: JournalLog, ino: number, id: number): void {
  log.begin(RECORD.backing);
  log.f64(ino);
  log.u32(id);
  log.end();
}
