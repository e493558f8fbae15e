// The calls of leasefs.h on one open file, by the route that its mount has: ioctl(2), or where that is ENOTTY the control
// socket (control-link.ts), from the first such call on.

import * as abi from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import { native } from '../native/binding.js';
import { ControlLink } from './control-link.js';

export class Calls implements Disposable {
  private readonly fd: number;
  private link: ControlLink | undefined;
  private isIoctl = false;
  private readonly shared: bigint;

  /**
   * @param fd open as long as this is.
   * @param shared for a descriptor that was inherited or passed on: getLease().description of the process that it comes
   * from. A connection then shares that lease (L1); an ioctl needs no such hint, since the kernel knows the description.
   */
  constructor(fd: number, shared = 0n) {
    this.fd = fd;
    this.shared = shared;
  }

  /** 0 or `-errno`. `data` is the struct, in and out. */
  call(request: number, data: ArrayBuffer): number {
    if (this.link !== undefined) return this.link.call(request, data);
    const result = native.ioctl(this.fd, request, data);
    this.isIoctl = result !== -errno.ENOTTY;
    if (this.isIoctl) return result;
    const link = ControlLink.open(this.fd, this.shared);
    if (typeof link !== 'object') return link ?? result;
    this.link = link;
    return link.call(request, data);
  }

  /** The same for a call that may wait. The file must stay open until it returns. */
  async callAsync(request: number, data: ArrayBuffer): Promise<number> {
    // A call that does not wait finds the route first.
    this.probe();
    return this.link?.callAsync(request, data) ?? native.ioctlAsync(this.fd, request, data);
  }

  /** Ends a description that only a connection holds. Idempotent. */
  close(): void {
    this.link?.close();
    this.link = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  private probe(): void {
    if (this.isIoctl || this.link !== undefined) return;
    this.call(abi.LEASEFS_IOC_GETLEASE, abi.newStruct(abi.lease).buffer);
  }
}
