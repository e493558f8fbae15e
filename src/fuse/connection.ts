// What the adapters share: the operations they call, the reply buffer, and the state between requests. An adapter decodes a
// well-formed request, calls one operation and encodes its answer; it does not know what the operation means.
import { Gather } from '../base/gather.js';
import type { FileHandle } from '../base/units.js';
import type { Answer, Operations } from '../fs/operations.js';
import { ReportTexts } from '../ioctl/report-texts.js';
import type { Channel } from '../native/binding.js';
import type { Passthrough } from './passthrough.js';
import type { Polls } from './polls.js';
import type { TakenOver } from './taken-over.js';
import { Dirents } from './wire/dirents.js';
import { OUT_HEADER, type Reply } from './wire/reply.js';
import type { Request } from './wire/request.js';

/** The length of the payload put into the reply, `-errno`, PARKED, or one of the two below. */
export type Adapter = (connection: Connection, request: Request) => Answer;

/** The kernel waits for no reply. */
export const NO_REPLY: Answer = 0x7fff_fffe;
/** Data of another length than the request says: EIO and a log line. No errno is that small. */
export const MALFORMED: Answer = -0x8000_0000;

export class Connection {
  readonly operations: Operations;
  readonly reply: Reply;
  readonly passthrough: Passthrough;
  /** undefined: the kernel answers poll(2) itself, always ready. */
  readonly polls: Polls | undefined;
  /** false: the kernel answers EOPNOTSUPP itself. */
  readonly xattrs: boolean;
  readonly dirents: Dirents;
  /** Pieces of the answer to a READ. */
  readonly gather = new Gather();
  /** The text that a description reads piece by piece by REPORT. */
  readonly reports = new ReportTexts();
  /** write(2) of a file that is served through the daemon bypasses the page cache (files.ts). */
  writesDirectly = false;
  /** The kernel cuts the file of an open with O_TRUNC by a SETATTR after the OPEN (init.ts). */
  cutsAfterOpen = false;
  /** Whether the kernel may be asked to say when a descriptor is closed. */
  tellsCloses = false;
  private readonly channel: Channel;

  constructor(
    channel: Channel,
    operations: Operations,
    reply: Reply,
    passthrough: Passthrough,
    polls: Polls | undefined,
    xattrs: boolean,
  ) {
    this.channel = channel;
    this.operations = operations;
    this.reply = reply;
    this.passthrough = passthrough;
    this.polls = polls;
    this.xattrs = xattrs;
    this.dirents = new Dirents(reply);
  }

  /** What the last daemon had agreed with the kernel. */
  takeOver(last: TakenOver): void {
    this.writesDirectly = last.writesDirectly;
    this.cutsAfterOpen = last.cutsAfterOpen;
    this.tellsCloses = last.tellsCloses;
    this.passthrough.takeOver(last.passthrough, last.reason, last.backing);
    this.polls?.takeOver(last.polls);
  }

  /** Answers with the `bytes` that were gathered, from where they lie. */
  sendGathered(request: Request, bytes: number): void {
    const { gather, reply } = this;
    reply.succeed(request, bytes);
    this.channel.sendv(OUT_HEADER, gather.memories, gather.places, gather.count);
  }

  /** The description is gone. */
  forget(fh: FileHandle): void {
    this.polls?.delete(fh);
    this.reports.delete(fh);
  }
}
