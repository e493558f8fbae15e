// What the adapters share: the operations they call, the buffer they answer in, and what is kept between requests.
// An adapter decodes a well-formed request, calls one operation and encodes what it answered; what an operation means is
// not its business.
import type { FileHandle } from '../base/units.js';
import type { Answer, Operations } from '../fs/operations.js';
import type { Passthrough } from './passthrough.js';
import type { Polls } from './poll.js';
import { Dirents } from './wire/dirents.js';
import type { Reply } from './wire/reply.js';
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
  readonly polls: Polls;
  readonly dirents: Dirents;
  /** The text that a description reads by REPORT, piece by piece. */
  readonly reports = new Map<FileHandle, Uint8Array>();

  constructor(operations: Operations, reply: Reply, passthrough: Passthrough, polls: Polls) {
    this.operations = operations;
    this.reply = reply;
    this.passthrough = passthrough;
    this.polls = polls;
    this.dirents = new Dirents(reply);
  }

  /** The description is gone. */
  forget(fh: FileHandle): void {
    this.polls.delete(fh);
    this.reports.delete(fh);
  }
}
