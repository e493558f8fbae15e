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

export class Notices implements Disposable {
  /** The first notice: the present state. */
  readonly first: Notice;
  private readonly socket: Descriptor;
  private readonly room = new ArrayBuffer(64 * NOTICE_BYTES);
  private readonly notices = new StructView(this.room);
  private poller: Poller | undefined;

  /**
   * Does not keep the event loop alive unless `wait` has `keepAlive`.
   * @throws FsError EINVAL: of neither a regular file nor `.leasefs/events`. EMFILE: too many. ENETUNREACH: in a network
   * namespace that the daemon may not enter. ENOTTY: not on a leasefs mount.
   */
  constructor(calls: Calls) {
    const struct = abi.newStruct(abi.watch);
    const answer = calls.call(abi.LEASEFS_IOC_WATCH, struct.buffer);
    if (answer < 0) throw new FsError(answer, 'watching for breaks');
    const address = Buffer.from(struct.data(abi.watch.address)).toString('latin1');
    this.socket = native.connectStream(address.slice(0, address.indexOf('\0')));
    try {
      const token = struct.buffer.slice(abi.watch.token.at, abi.watch.token.at + TOKEN_BYTES);
      // A daemon that refuses us may have sent the reason first.
      native.sendMessage(this.socket.fd, token, TOKEN_BYTES);
      const length = native.receiveMessage(this.socket.fd, this.room);
      const refused = length < NOTICE_BYTES ? errno.ENOTCONN : this.notices.s32(abi.notice.error);
      if (refused !== 0) throw new FsError(refused, 'watching for breaks');
      this.first = this.notice(0);
    } catch (error) {
      this.socket.close();
      throw error;
    }
  }

  /**
   * Calls `ready` in the event loop while there are notices, or the end, to be taken: until `pause` or `close`.
   * @param keepAlive whether the wait keeps the event loop alive.
   */
  wait(keepAlive: boolean, ready: () => void): void {
    this.pause();
    this.poller = native.poll(this.socket.fd, POLLIN, ready);
    if (!keepAlive) this.poller.unref();
  }

  /**
   * Takes all notices that have come; the last of them. undefined: none; 'ended': the file was closed, or the mount is
   * gone.
   */
  take(): Notice | 'ended' | undefined {
    let last: Notice | undefined;
    while (native.pollWait(this.socket.fd, POLLIN, 0) > 0) {
      const length = native.receiveMessage(this.socket.fd, this.room);
      if (length < NOTICE_BYTES) return last ?? 'ended';
      last = this.notice(length - NOTICE_BYTES);
    }
    return last;
  }

  /** Ends the wait. */
  pause(): void {
    this.poller?.close();
    this.poller = undefined;
  }

  /** Idempotent. */
  close(): void {
    this.pause();
    this.socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
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
