// The daemon's end of one break descriptor. The peer shows a token first, then only reads. It never delays the daemon,
// which closes the connection of a peer that does not read its notices.
import * as abi from '../abi/leasefs.js';
import { StructView, u64 } from '../abi/struct.js';
import { errno } from '../base/errno.js';
import { guarded } from '../base/guarded.js';
import { POLLIN } from '../base/linux.js';
import type { FileHandle } from '../base/units.js';
import type { LeasePlane } from '../fs/layout/plane.js';
import { type News, newsOf } from '../fs/layout/watches.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';

const TOKEN_BYTES = 8;

const room = new ArrayBuffer(2 * TOKEN_BYTES);
const shown = new StructView(room);
const token = u64(0);
const notice = new StructView(new ArrayBuffer(abi.notice.bytes));

function put(kind: number, breakMs: number, error: number, readable: boolean): void {
  notice.setU32(abi.notice.kind, kind);
  notice.setU32(abi.notice.break_ms, Math.min(breakMs, 0xffff_ffff));
  notice.setS32(abi.notice.error, error);
  notice.setU32(abi.notice.readable, readable ? 1 : 0);
}

/** What a connection reports to the socket. */
interface Fate {
  /** 0, or the errno for which it cannot watch the description. */
  readonly named: (fh: FileHandle) => number;
  /** Called once; `fh` is what it watched. */
  readonly ended: (fh: FileHandle | undefined) => void;
}

export class NoticeConnection {
  private readonly plane: LeasePlane;
  private readonly socket: Descriptor;
  private readonly fate: Fate;
  private poller: Poller | undefined;
  private watched: FileHandle | undefined;
  /** The last notice that was sent. */
  private breaking = false;
  private readable = false;

  /** The first notice, and the last. */
  static refuse(socket: Descriptor, error: number): void {
    put(0, 0, error, false);
    native.sendMessage(socket.fd, notice.buffer, abi.notice.bytes);
    socket.close();
  }

  constructor(plane: LeasePlane, socket: Descriptor, fate: Fate) {
    this.plane = plane;
    this.socket = socket;
    this.fate = fate;
  }

  start(): void {
    this.poller = native.poll(
      this.socket.fd,
      POLLIN,
      guarded(this.plane.log, 'message', () => this.receive()),
    );
    this.poller.unref();
  }

  /** Of a peer that has shown its token to the last daemon. What that one has sent may come again. */
  goOn(fh: FileHandle): void {
    this.watched = fh;
    this.start();
    const now = newsOf(this.plane, fh);
    if (now === undefined) this.close();
    else this.know(now, now.breakMs > 0 || now.readable);
  }

  /** Idempotent. */
  close(): void {
    if (this.socket.fd < 0) return;
    this.poller?.close();
    this.socket.close();
    this.fate.ended(this.watched);
  }

  /** @param news send the notice even if it repeats the last one. */
  tell(news: boolean): void {
    const now = this.watched === undefined ? undefined : newsOf(this.plane, this.watched);
    if (now === undefined) return;
    const isTold = now.breakMs > 0 === this.breaking && (now.readable === this.readable || !now.readable);
    this.know(now, news || !isTold);
  }

  private receive(): void {
    const length = native.receiveMessage(this.socket.fd, room);
    if (length === -errno.EAGAIN) return;
    // After its token the peer sends nothing.
    if (this.watched !== undefined || length !== TOKEN_BYTES) this.close();
    else this.show(shown.big(token));
  }

  private show(named: bigint): void {
    const fh = this.plane.byToken.get(named);
    const now = fh === undefined ? undefined : newsOf(this.plane, fh);
    const error = now === undefined ? errno.EBADF : this.fate.named(fh!);
    if (now === undefined || error !== 0) {
      put(0, 0, error, false);
      native.sendMessage(this.socket.fd, notice.buffer, abi.notice.bytes);
      this.close();
      return;
    }
    this.watched = fh;
    this.know(now, true);
  }

  private know(now: News, isNews: boolean): void {
    this.breaking = now.breakMs > 0;
    this.readable = now.readable;
    if (isNews) this.send(now);
  }

  private send({ kind, breakMs, readable }: News): void {
    put(kind, breakMs, 0, readable);
    const sent = native.sendMessage(this.socket.fd, notice.buffer, abi.notice.bytes);
    if (sent !== abi.notice.bytes) this.close();
  }
}
