// The way to the daemon where the mount carries no ioctl (the fuse-native transport): a connection to its control socket
// stands for the open file description, and takes the same structs. See struct leasefs_message in leasefs-private.h.

import * as abi from '../abi/leasefs.js';
import { StructView } from '../abi/struct.js';
import { errno } from '../base/errno.js';
import { POLLIN } from '../base/linux.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';

const HEAD = abi.message.bytes;
const ROOM = HEAD + abi.report.bytes;

interface Pending {
  readonly data: ArrayBuffer;
  /** Of a call that the event loop waits for. */
  readonly settle: ((result: number) => void) | undefined;
  result: number | undefined;
}

export class ControlLink {
  private readonly socket: Descriptor;
  private readonly room = new ArrayBuffer(ROOM);
  private readonly message = new StructView(this.room);
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private poller: Poller | undefined;
  private gone = false;

  /**
   * The connection for `fd`; undefined where the mount has no such socket. @param shared a description to share, 0n: none.
   * @returns a negative number, `-errno`, when it has one and it cannot be used.
   */
  static open(fd: number, shared: bigint): ControlLink | number | undefined {
    const value = new ArrayBuffer(abi.LEASEFS_XATTR_MAX);
    const length = native.getxattr(fd, abi.xattr, value);
    if (length <= 0) return undefined;
    const [name, key] = Buffer.from(value, 0, length).toString('latin1').split(' ');
    if (name === undefined || key === undefined) return undefined;
    let link: ControlLink;
    try {
      link = new ControlLink(native.connectMessages(name));
    } catch (error) {
      return -errno[(error as NodeJS.ErrnoException).code as keyof typeof errno];
    }
    const struct = abi.newStruct(abi.open);
    struct.setS32(abi.open.fd, fd);
    struct.setBig(abi.open.description, shared);
    struct.data(abi.open.key).set(Buffer.from(key, 'latin1').subarray(0, abi.LEASEFS_XATTR_MAX - 1));
    const answer = link.call(abi.LEASEFS_MESSAGE_OPEN, struct.buffer);
    if (answer === 0) return link;
    link.close();
    return answer;
  }

  private constructor(socket: Descriptor) {
    this.socket = socket;
  }

  /** As ioctl(2): 0 or `-errno`; ENOTCONN when the daemon is gone. */
  call(request: number, data: ArrayBuffer): number {
    const pending = this.send(request, data, undefined);
    while (pending.result === undefined) this.receive();
    return pending.result;
  }

  /** The same, without blocking the event loop. */
  callAsync(request: number, data: ArrayBuffer): Promise<number> {
    return new Promise(resolve => {
      this.send(request, data, resolve);
      this.listen();
    });
  }

  /** Ends the description, unless others share it: its lease and the pins it owns, as close(2) would. */
  close(): void {
    this.end(-errno.EBADF);
    this.socket.close();
  }

  private send(request: number, data: ArrayBuffer, settle: Pending['settle']): Pending {
    const pending: Pending = { data, settle, result: undefined };
    const id = this.nextId;
    this.nextId = (id % 0xffff_ffff) + 1;
    this.pending.set(id, pending);
    this.message.setU32(abi.message.id, id);
    this.message.setU32(abi.message.code, request);
    new Uint8Array(this.room).set(new Uint8Array(data), HEAD);
    const sent = this.gone ? 0 : native.sendMessage(this.socket.fd, this.room, HEAD + data.byteLength);
    // A peer that refused us may have sent the reason before it closed.
    if (this.gone || (sent < 0 && sent !== -errno.EPIPE)) this.settle(id, this.gone ? -errno.ENOTCONN : sent);
    return pending;
  }

  /** Waits for one message and takes it. */
  private receive(): void {
    const length = native.receiveMessage(this.socket.fd, this.room);
    if (length < HEAD) {
      this.end(-errno.ENOTCONN);
      return;
    }
    this.settle(this.message.u32(abi.message.id), this.message.u32(abi.message.code) | 0, length - HEAD);
  }

  private settle(id: number, result: number, bytes = 0): void {
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    this.pending.delete(id);
    const { data } = pending;
    new Uint8Array(data).set(new Uint8Array(this.room, HEAD, Math.min(bytes, data.byteLength)));
    pending.result = result;
    pending.settle?.(result);
    if (this.pending.size === 0) this.listen();
  }

  private end(result: number): void {
    this.gone = true;
    for (const id of [...this.pending.keys()]) this.settle(id, result);
    this.listen();
  }

  /** Polls, and keeps the event loop alive, while a call waits for its answer. */
  private listen(): void {
    this.poller?.close();
    this.poller = undefined;
    if (this.gone || this.pending.size === 0) return;
    this.poller = native.poll(this.socket.fd, POLLIN, () => {
      // A synchronous call may have taken the answer since.
      if (native.pollWait(this.socket.fd, POLLIN, 0) > 0) this.receive();
    });
  }
}
