// A break descriptor (LEASEFS_IOC_WATCH): a connection to the daemon that watches one open file description. Of a file it
// reports that the lease is being broken (B1), of `.leasefs/events` that there is something to read.

import { type LeaseKind, readKindName } from '../abi/kinds.js';
import * as abi from '../abi/leasefs.js';
import { StructView } from '../abi/struct.js';
import { errno, FsError } from '../base/errno.js';
import { POLLIN } from '../base/linux.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';
import type { Calls } from './calls.js';

export interface Notice {
  /** During a break what the lease must become, else what it is. */
  readonly kind: LeaseKind;
  /** ms until that is forced (B2); 0: no break is pending. */
  readonly breakMs: number;
  /** Of `.leasefs/events`: there is something to read. */
  readonly readable: boolean;
}

const TOKEN_BYTES = 8;
const NOTICE_BYTES = abi.notice.bytes;
/** Daemons that may end one after the other while the watch is made anew. */
const TRIES = 3;
const GONE = new Set<string | undefined>(['ECONNREFUSED', 'ECONNRESET', 'ENOTCONN']);

export class Notices implements Disposable {
  /** The first notice: the present state. */
  readonly first: Notice;
  private readonly calls: Calls;
  private socket!: Descriptor;
  private readonly room = new ArrayBuffer(64 * NOTICE_BYTES);
  private readonly notices = new StructView(this.room);
  private poller: Poller | undefined;
  /** What `wait` was asked. */
  private waits: { readonly keepAlive: boolean; readonly ready: () => void } | undefined;
  /** As the last notice said. */
  private isBreaking: boolean;

  /**
   * Does not keep the event loop alive unless `wait` has `keepAlive`.
   * @throws FsError EINVAL: of neither a regular file nor `.leasefs/events`. EMFILE: too many. ENETUNREACH: in a network
   * namespace that the daemon may not enter. ENOTTY: not on a leasefs mount.
   */
  constructor(calls: Calls) {
    this.calls = calls;
    this.first = this.connect();
    this.isBreaking = this.first.breakMs > 0;
  }

  /**
   * Calls `ready` in the event loop while there are notices, or the end, to be taken: until `pause` or `close`.
   * @param keepAlive whether the wait keeps the event loop alive.
   */
  wait(keepAlive: boolean, ready: () => void): void {
    this.pause();
    this.waits = { keepAlive, ready };
    this.poller = native.poll(this.socket.fd, POLLIN, ready);
    if (!keepAlive) this.poller.unref();
  }

  /**
   * Takes all notices that have come; the last of them. undefined: none; 'ended': the file was closed, or the mount is
   * gone. If another daemon serves the mount now, the watch goes on with it: this waits until it does.
   */
  take(): Notice | 'ended' | undefined {
    let last: Notice | undefined;
    while (native.pollWait(this.socket.fd, POLLIN, 0) > 0) {
      const length = native.receiveMessage(this.socket.fd, this.room);
      if (length < NOTICE_BYTES) return last ?? this.again();
      last = this.notice(length - NOTICE_BYTES);
      this.isBreaking = last.breakMs > 0;
    }
    return last;
  }

  /** Ends the wait. */
  pause(): void {
    this.poller?.close();
    this.poller = undefined;
    this.waits = undefined;
  }

  /** Idempotent. */
  close(): void {
    this.pause();
    this.socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Asks the mount for the way to a watch, and takes it. Waits until a daemon serves the mount. @returns the present state */
  private connect(): Notice {
    for (let left = TRIES - 1; ; left--) {
      const struct = abi.newStruct(abi.watch);
      const answer = this.calls.call(abi.LEASEFS_IOC_WATCH, struct.buffer);
      if (answer < 0) throw new FsError(answer, 'watching for breaks');
      try {
        this.socket = native.connectStream(addressIn(struct));
        return this.show(struct);
      } catch (error) {
        // The daemon may have died since it answered, and another one serves the mount.
        if (left === 0 || !GONE.has((error as NodeJS.ErrnoException).code)) throw error;
      }
    }
  }

  /** Shows the token. @returns the present state; closes the socket if it throws. */
  private show(struct: StructView): Notice {
    try {
      const token = struct.buffer.slice(abi.watch.token.at, abi.watch.token.at + TOKEN_BYTES);
      // A daemon that refuses us may have sent the reason first.
      native.sendMessage(this.socket.fd, token, TOKEN_BYTES);
      const length = native.receiveMessage(this.socket.fd, this.room);
      const refused = length < NOTICE_BYTES ? errno.ENOTCONN : this.notices.s32(abi.notice.error);
      if (refused !== 0) throw new FsError(refused, 'watching for breaks');
      return this.notice(0);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  /** The connection has ended. Makes another one; what it says, if that is news. */
  private again(): Notice | 'ended' | undefined {
    const { waits, isBreaking } = this;
    this.close();
    try {
      const now = this.connect();
      this.isBreaking = now.breakMs > 0;
      if (waits !== undefined) this.wait(waits.keepAlive, waits.ready);
      return this.isBreaking || isBreaking || now.readable ? now : undefined;
    } catch {
      return 'ended';
    }
  }

  /** @param at of `room`. */
  private notice(at: number): Notice {
    const { notices } = this;
    return {
      kind: readKindName(notices.u32(abi.notice.kind, at)),
      breakMs: notices.u32(abi.notice.break_ms, at),
      readable: notices.u32(abi.notice.readable, at) !== 0,
    };
  }
}

function addressIn(struct: StructView): string {
  const address = Buffer.from(struct.data(abi.watch.address)).toString('latin1');
  return address.slice(0, address.indexOf('\0'));
}
