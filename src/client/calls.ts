// The calls of leasefs.h on one open file, by whatever route its mount has: ioctl(2), or where that is ENOTTY the control
// socket (control-link.ts), from the first such call on.
import { errno } from '../base/errno.js';
import { native, POLLPRI, type Poller } from '../native/binding.js';
import * as abi from './abi.js';
import { ControlLink } from './control-link.js';

export class Calls implements Disposable {
  private readonly fd: number;
  private link: ControlLink | undefined;

  /** @param fd open as long as this is. */
  constructor(fd: number) {
    this.fd = fd;
  }

  /** 0 or `-errno`. `data` is the struct, in and out. */
  call(request: number, data: ArrayBuffer): number {
    if (this.link !== undefined) return this.link.call(request, data);
    const result = native.ioctl(this.fd, request, data);
    if (result !== -errno.ENOTTY) return result;
    const link = ControlLink.open(this.fd);
    if (typeof link !== 'object') return link ?? result;
    this.link = link;
    return link.call(request, data);
  }

  /** The same for what may wait. The file must stay open until then. */
  async callAsync(request: number, data: ArrayBuffer): Promise<number> {
    // What does not wait finds out which route it is.
    this.probe();
    return this.link?.callAsync(request, data) ?? native.ioctlAsync(this.fd, request, data);
  }

  /** Calls `tell` when a break is to be answered (B1). */
  watch(tell: () => void): Poller {
    this.probe();
    return this.link?.watch(tell) ?? native.poll(this.fd, POLLPRI, tell);
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
    if (this.link !== undefined) return;
    const view = new DataView(new ArrayBuffer(abi.lease.bytes));
    view.setUint32(abi.lease.version, abi.LEASEFS_ABI, true);
    this.call(abi.LEASEFS_IOC_GETLEASE, view.buffer);
  }
}
