// One reader of `.leasefs/events`: begins with the oldest event that is kept, and then waits for new ones. It never holds
// up the mount: events that are gone before it reads them become one line that says how many.
import { errno } from '../base/errno.js';
import type { EventRing } from '../fs/trace/event-ring.js';
import type { StreamPlace, VirtualFile } from '../fs/vfs/virtual.js';
import { eventLine, lostLine } from './event-lines.js';
import type { EventWakes } from './event-wakes.js';
import type { Viewer } from './viewer.js';

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

export class EventStream implements VirtualFile {
  readonly stream = true;
  private readonly ring: EventRing;
  private readonly viewer: Viewer;
  private readonly wakes: EventWakes;
  private readonly wake: () => void;
  private next: number;
  /** Of a line that did not fit into the last read. */
  private rest: Uint8Array = NOTHING;

  /** @param wake called when events were added since `listen`. */
  constructor(ring: EventRing, viewer: Viewer, wakes: EventWakes, wake: () => void) {
    this.ring = ring;
    this.viewer = viewer;
    this.next = ring.first;
    this.wakes = wakes;
    this.wake = wake;
  }

  listen(): void {
    this.wakes.add(this.wake);
  }

  ready(): boolean {
    return this.rest.length > 0 || this.next < this.ring.next;
  }

  read(_off: number, out: Uint8Array): number {
    let at = 0;
    while (at < out.length && this.ready()) {
      if (this.rest.length === 0) this.rest = encoder.encode(this.line());
      const piece = this.rest.subarray(0, out.length - at);
      out.set(piece, at);
      at += piece.length;
      this.rest = this.rest.subarray(piece.length);
    }
    return at;
  }

  get place(): StreamPlace {
    return { next: this.next, rest: this.rest };
  }

  /** Goes on where a reader of the last daemon's was. */
  goOn({ next, rest }: StreamPlace): void {
    this.next = next;
    this.rest = rest;
  }

  write(): number {
    return -errno.EACCES;
  }

  close(): void {
    this.wakes.delete(this.wake);
  }

  private line(): string {
    const { first } = this.ring;
    if (this.next < first) {
      const lost = first - this.next;
      this.next = first;
      return lostLine(lost, first - 1);
    }
    return eventLine(this.ring.at(this.next++)!, this.viewer);
  }
}
