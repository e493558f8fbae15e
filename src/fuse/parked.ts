// Requests that wait for a lease break, each a copy of its own, under the waiter that will wake it.
import type { WaiterId } from '../base/units.js';
import type { Request } from './wire/request.js';

export class Parked {
  private readonly requests = new Map<WaiterId, Request>();

  get size(): number {
    return this.requests.size;
  }

  add(request: Request): void {
    this.requests.set(request.caller.waiter, request);
  }

  /** Takes out the request that waits under `waiter`. */
  take(waiter: WaiterId): Request | undefined {
    const request = this.requests.get(waiter);
    this.requests.delete(waiter);
    return request;
  }

  /** Takes out the request that the kernel numbered so. Looks at all: few wait, and signals are rare. */
  takeUnique(low: number, high: number): Request | undefined {
    for (const [waiter, request] of this.requests) {
      if (request.uniqueLow !== low || request.uniqueHigh !== high) continue;
      this.requests.delete(waiter);
      return request;
    }
    return undefined;
  }

  clear(): void {
    this.requests.clear();
  }
}
