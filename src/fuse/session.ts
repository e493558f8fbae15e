// The session with the kernel over one channel: INIT first, then each request to its adapter and its answer back. A request
// that waits for a lease break is parked and runs again from its beginning when the filesystem names it; other requests are
// served while it waits. Kernel counterpart: fs/fuse/dev.c.
//
// It promises: every request that wants an answer gets exactly one; a request that is malformed or whose operation
// throws is answered EIO with one line in the log, and the mount lives.
import { errno, errnoName, errnoText } from '../base/errno.js';
import { attempt, faults, guarded, oneLine, strike } from '../base/guarded.js';
import { type FileHandle, type InodeNumber, NO_WAITER, type WaiterId } from '../base/units.js';
import { type Answer, type Host, type Operations, PARKED } from '../fs/operations.js';
import { Parked } from '../fs/parked.js';
import type { Channel } from '../native/binding.js';
import { adaptive } from './adaptive.js';
import { Commits } from './commits.js';
import { Connection, MALFORMED, NO_REPLY } from './connection.js';
import { ATOMIC_O_TRUNC, DIRECT_IO_ALLOW_MMAP, NOTIFY_RESEND } from './flags.js';
import { HeldAnswers } from './held-answers.js';
import {
  agree,
  MAJOR,
  NEWEST_MINOR,
  OLDEST_MINOR,
  putAgreement,
  putMajor,
  readOffer,
  type Wishes,
} from './init.js';
import { Notifications } from './notifications.js';
import { Passthrough } from './passthrough.js';
import { Polls } from './polls.js';
import { DESTROY, INIT, INTERRUPT, isUnanswered, OPCODES, requestType } from './requests.js';
import type { Session, SessionOptions } from './session-types.js';
import type { TakenOver } from './taken-over.js';
import { isWellFormed } from './wire/records.js';
import { Reply } from './wire/reply.js';
import { IN_HEADER, Request } from './wire/request.js';

/** Serves the channel until the mount is gone. */
export function startSession(options: SessionOptions): Session {
  return new ChannelSession(options);
}

/** Linux 6.18. Older kernels may take the inode's lock at FLUSH: a close waits behind a waiting truncate (F19). */
const QUICK_FLUSH_MINOR = 45;

class ChannelSession implements Session, Host {
  readonly ready: Promise<void>;
  readonly ended: Promise<void>;
  readonly requests = new Float64Array(OPCODES);
  readonly kernel = { major: 0, minor: 0 };

  private readonly channel: Channel;
  private readonly operations: Operations;
  private readonly wishes: Omit<Wishes, 'passthrough'>;
  private readonly cachesWrites: boolean;
  private readonly log: (line: string) => void;
  private readonly reply: Reply;
  /** The request that lies in the channel's buffer. */
  private readonly live: Request;
  private readonly connection: Connection;
  private readonly parked: Parked<Request>;
  /** Undefined: no daemon can take over. */
  private readonly commits: Commits | undefined;
  private initialized = false;
  private tried = false;
  private over = false;
  private readonly notifications: Notifications;
  private readonly held: HeldAnswers;
  private setReady!: () => void;
  private setFailed!: (why: Error) => void;
  private setEnded!: () => void;

  constructor(options: SessionOptions) {
    const { channel, operations, acls = true, handles, everyReadlink = false, poll = false, log } = options;
    const { cachesWrites = false, xattrs = true, spinning } = options;
    this.channel = channel;
    this.operations = operations;
    this.wishes = { acls, handles, everyReadlink };
    this.cachesWrites = cachesWrites;
    this.log = log;
    this.ready = new Promise((resolve, reject) => {
      this.setReady = resolve;
      this.setFailed = reject;
    });
    // A caller that does not wait for `ready` is notified of the end by `ended`.
    this.ready.catch(() => {});
    this.ended = new Promise(resolve => {
      this.setEnded = resolve;
    });
    this.live = new Request(channel.request);
    this.reply = new Reply(channel.reply);
    this.notifications = new Notifications(channel, this.reply, () => {
      if (this.over) this.finish();
    });
    const served = new Passthrough(options);
    if (options.noPassthrough !== undefined) served.off(options.noPassthrough);
    const { journal, takenOver } = options;
    this.commits = journal && new Commits(journal, this.reply, takenOver, log);
    const polls = poll ? new Polls(channel, this.reply, this.commits) : undefined;
    this.connection = new Connection(channel, operations, this.reply, served, polls, xattrs);
    served.recorded = this.commits;
    this.held = new HeldAnswers(this.reply, this.commits, length => this.send(length), log);
    this.parked = new Parked(
      operations,
      request => (this.commits === undefined ? this.run(request) : this.commits.ranAgain(this.run(request))),
      (request, answer) => this.answerLate(request, answer),
      log,
    );
    operations.attach(this);
    if (takenOver !== undefined) this.takeOver(takenOver);
    channel.start(
      adaptive(channel, spinning, length => this.receive(length)),
      error => {
        if (!attempt(log, 'connection end', () => this.end(error))) this.finish();
      },
    );
  }

  /** Continues where the last daemon's session ended: what the kernel has sent it and no answer came to, it sends again. */
  private takeOver(last: TakenOver): void {
    const { connection } = this;
    connection.takeOver(last);
    this.kernel.major = MAJOR;
    this.kernel.minor = last.minor;
    this.initialized = true;
    this.tried = true;
    this.commits?.agreed(connection, last.minor);
    this.commits?.mountedAs(last.device);
    this.send(this.reply.notify(NOTIFY_RESEND, 0));
    this.setReady();
  }

  mountedAs(device: string): void {
    this.commits?.mountedAs(device);
  }

  get passthrough(): boolean {
    return this.connection.passthrough.enabled;
  }

  get reason(): string | undefined {
    return this.connection.passthrough.reason;
  }

  get waiting(): number {
    return this.parked.size;
  }

  requestCounts(): Record<string, number> {
    const counts: Record<string, number> = {};
    this.requests.forEach((count, opcode) => {
      if (count > 0) counts[opcode === 0 ? 'UNKNOWN' : requestType(opcode).name] = count;
    });
    return counts;
  }

  // What the filesystem asks of us.

  retry(waiter: WaiterId): void {
    this.parked.retry(waiter);
  }

  answer(waiter: WaiterId, error: number): void {
    this.parked.answer(waiter, error);
  }

  notifyPoll(fh: FileHandle): void {
    this.connection.polls?.notify(fh);
  }

  invalidateAttrs(ino: InodeNumber): void {
    // Refused where the kernel has no such inode: then it caches nothing of it.
    this.send(this.notifications.putInvalidation(ino));
  }

  invalidateAttrsAsync(ino: InodeNumber): void {
    this.notifications.invalidateAside(ino, this.held.hold());
  }

  afterInodeLock(ino: InodeNumber, uid: number, passed: () => void): void {
    if (this.connection.passthrough.serves(ino)) {
      passed();
      return;
    }
    const answer = this.held.hold();
    this.notifications.passLock(ino, uid, () => {
      passed();
      answer();
    });
  }

  get writesDirectly(): boolean {
    return this.connection.writesDirectly;
  }

  get cutsAfterOpen(): boolean {
    return this.connection.cutsAfterOpen;
  }

  backingGone(ino: InodeNumber): void {
    this.connection.passthrough.forget(ino);
  }

  // What the kernel asks.

  /** A record of `length` bytes has come; the length of the reply, 0 when there is none now. */
  private receive(length: number): number {
    if (this.commits === undefined) return this.receiveNow(length);
    this.commits.enter();
    return this.commits.leave(this.receiveNow(length));
  }

  private receiveNow(length: number): number {
    try {
      if (faults.size > 0) strike('request');
      return this.serve(length);
    } catch (error) {
      this.log(`a request of ${length} bytes failed, EIO: ${oneLine(error)}`);
      return this.giveUpLive(length);
    }
  }

  /** The request in the channel's buffer failed outside its operation: it is answered EIO and no longer parked. */
  private giveUpLive(length: number): number {
    const request = this.live;
    const { waiter } = request.caller;
    this.held.giveUp();
    if (waiter !== NO_WAITER) this.operations.interrupt(waiter);
    this.closeOpened(request);
    request.receive(length);
    return length < IN_HEADER || isUnanswered(request.opcode) ? 0 : this.reply.fail(request, -errno.EIO);
  }

  private serve(length: number): number {
    const request = this.live;
    if (!request.receive(length)) return this.refuseHeader(request, length);
    const { opcode } = request;
    this.requests[opcode < OPCODES ? opcode : 0]!++;
    const given = this.commits?.begin(request) ?? 0;
    if (given > 0) return given;
    const answer = this.run(request);
    if (answer !== PARKED) return this.encoded(request, answer);
    return this.parked.park(request, same => same.copy()) ? 0 : this.encoded(request, -errno.EAGAIN);
  }

  /** As `encode`; 0 where the answer waits for a notification. */
  private encoded(request: Request, answer: Answer): number {
    return this.held.answered(this.encode(request, answer));
  }

  private refuseHeader(request: Request, length: number): number {
    if (length >= IN_HEADER) return this.encode(request, MALFORMED);
    this.log(`malformed request of ${length} bytes from the kernel, ignored`);
    return 0;
  }

  /** The adapter's answer; EIO when it throws. */
  private run(request: Request): Answer {
    const { name, fixed, tail, adapter } = requestType(request.opcode);
    try {
      if (fixed < 0) return -errno.ENOSYS;
      const wellFormed = isWellFormed(request, fixed, tail);
      if (adapter === undefined) return wellFormed ? this.converse(request) : MALFORMED;
      if (!this.initialized || !wellFormed) return MALFORMED;
      if (!this.tried) this.tryPassthrough();
      return adapter(this.connection, request);
    } catch (error) {
      this.log(`${name} of inode ${request.ino} failed, EIO: ${oneLine(error)}`);
      this.closeOpened(request);
      return -errno.EIO;
    }
  }

  /** The request has opened a description and cannot be answered: no process will close it. */
  private closeOpened({ opened }: Request): void {
    const { fh } = opened;
    if (fh === 0) return;
    opened.fh = 0 as FileHandle;
    this.operations.release(fh);
    this.connection.forget(fh);
  }

  /** The record of an answer that is not PARKED; its length, 0 for none. */
  private encode(request: Request, answer: Answer): number {
    const { opcode } = request;
    if (answer === NO_REPLY) return 0;
    if (answer === MALFORMED) {
      this.log(`malformed ${requestType(opcode).name} of ${request.length} bytes from the kernel, EIO`);
      return isUnanswered(opcode) ? 0 : this.reply.fail(request, -errno.EIO);
    }
    if (answer >= 0) return this.reply.succeed(request, answer);
    return isUnanswered(opcode) ? 0 : this.reply.fail(request, answer);
  }

  /** Sends the answer of a parked request. If the kernel refuses it, the caller no longer waits. */
  private answerLate(request: Request, answer: Answer): void {
    const answers = () => {
      const length = this.encoded(request, answer);
      const send = () => {
        if (!this.send(length)) this.closeOpened(request);
      };
      if (this.commits === undefined || length === 0) send();
      else this.commits.answer(length, send);
    };
    if (!attempt(this.log, 'request', answers)) this.send(this.reply.fail(request, -errno.EIO));
  }

  /** Whether the kernel took the record. */
  private send(length: number): boolean {
    return length === 0 || (!this.over && this.channel.send(length) >= 0);
  }

  /** The requests about the session itself. */
  private converse(request: Request): Answer {
    switch (request.opcode) {
      case INIT:
        return this.init(request);
      case INTERRUPT:
        return this.interrupt(request);
      case DESTROY:
        return 0;
      default:
        return -errno.ENOSYS;
    }
  }

  private init(request: Request): Answer {
    const offer = readOffer(request);
    // A later kernel then asks again with our version.
    if (offer.major > MAJOR) return putMajor(this.reply);
    this.kernel.major = offer.major;
    this.kernel.minor = offer.minor;
    if (offer.major < MAJOR || offer.minor < OLDEST_MINOR) {
      const why = `the kernel speaks FUSE ${offer.major}.${offer.minor}, leasefs ${MAJOR}.${OLDEST_MINOR} to ${MAJOR}.${NEWEST_MINOR}`;
      this.log(why);
      this.setFailed(new Error(why));
      return -errno.EPROTO;
    }
    const { passthrough } = this.connection;
    const agreement = agree(offer, { ...this.wishes, passthrough: passthrough.enabled });
    this.connection.writesDirectly = !this.cachesWrites && (agreement.flags2 & DIRECT_IO_ALLOW_MMAP) !== 0;
    this.connection.cutsAfterOpen = (agreement.flags & ATOMIC_O_TRUNC) === 0;
    if (!agreement.passthrough) passthrough.off('this kernel has none, it came with Linux 6.9');
    this.initialized = true;
    this.connection.tellsCloses = offer.minor >= QUICK_FLUSH_MINOR;
    // The kernel takes the answer when this returns.
    setImmediate(guarded(this.log, 'start', () => this.tryPassthrough()));
    return putAgreement(this.reply, agreement);
  }

  /** Whether this user may use passthrough: known before the first operation, since the choice of a store depends on it. */
  private tryPassthrough(): void {
    if (this.over || this.tried) return;
    this.tried = true;
    try {
      this.connection.passthrough.probe();
      this.commits?.agreed(this.connection, this.kernel.minor);
      this.setReady();
    } catch (error) {
      this.setFailed(error as Error);
    }
  }

  /**
   * fuse_interrupt_in: 0 unique. A request that does not wait was answered before this one was read: one thread reads.
   */
  private interrupt(request: Request): Answer {
    const low = request.u32(0);
    const high = request.u32(4);
    this.parked.interrupt(({ uniqueLow, uniqueHigh }) => uniqueLow === low && uniqueHigh === high);
    return NO_REPLY;
  }

  /** @param error ENODEV: unmounted. */
  end(error: number): void {
    if (this.over) return;
    this.over = true;
    if (error !== errno.ENODEV) {
      this.log(`the connection to the kernel ended: ${errnoName(error)} (${errnoText(error)})`);
    }
    this.parked.clear();
    // The descriptor stays ours while another thread may write to it.
    if (this.notifications.pending === 0) this.finish();
  }

  private finish(): void {
    this.channel.close();
    try {
      this.operations.destroy();
    } catch (thrown) {
      this.log(`the filesystem did not end well: ${oneLine(thrown)}`);
    }
    this.setFailed(new Error('the mount ended before it was ready'));
    this.setEnded();
  }
}
