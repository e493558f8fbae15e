// What the filesystem knows of the supervisors of `leasefs run`: which processes are one, and the pins that they made for
// others, which live as long as the registration of memory that they are for.
import type { FileHandle, InodeNumber, PinId, ProcessId, WaiterId } from '../../base/units.js';
import type { KernelPin } from '../../lease/types.js';
import { type Descriptor, native } from '../../native/binding.js';
import type { Registration } from '../../process/registration.js';

/** A pin that a supervisor made; `handle` is what owns it in place of a description. */
interface SupervisedPin {
  readonly ino: InodeNumber;
  readonly handle: FileHandle;
  readonly registration: Registration;
  /** Blocks, half open. */
  readonly start: number;
  readonly end: number;
}

export class Supervision {
  private secret: Descriptor | undefined;
  private readonly supervisors = new Map<FileHandle, ProcessId>();
  /** Lease calls that wait for a break, by the thread that they are for. */
  readonly waiting = new Map<number, WaiterId>();
  private readonly held = new Map<PinId, SupervisedPin>();

  /** The descriptor that a supervisor must show. */
  secretFd(): number {
    this.secret ??= native.memfdCreate('leasefs-supervisor');
    return this.secret.fd;
  }

  isSupervisor(process: ProcessId): boolean {
    for (const supervisor of this.supervisors.values()) if (supervisor === process) return true;
    return false;
  }

  add(fh: FileHandle, process: ProcessId): void {
    this.supervisors.set(fh, process);
  }

  /** The description through which a supervisor showed itself is closed. */
  closed(fh: FileHandle): void {
    this.supervisors.delete(fh);
  }

  hold(pin: PinId, held: SupervisedPin): void {
    this.held.set(pin, held);
  }

  forget(pin: PinId): void {
    this.held.delete(pin);
  }

  heldPin(pin: PinId): SupervisedPin | undefined {
    return this.held.get(pin);
  }

  /** Without those that a pin of a supervisor's stands for: the kernel's pins of the same memory, by whoever has the ring. */
  unknown(ino: InodeNumber, pins: readonly KernelPin[]): readonly KernelPin[] {
    if (this.held.size === 0 || pins.length === 0) return pins;
    const ours = [...this.held.values()].filter(held => held.ino === ino);
    return pins.filter(pin => !ours.some(({ start, end }) => start <= pin.start && pin.end <= end));
  }

  /** The handles of pins, of one file or of all, whose registration is gone. */
  gone(ino: InodeNumber | undefined): FileHandle[] {
    if (this.held.size === 0) return [];
    const found: FileHandle[] = [];
    for (const held of this.held.values()) {
      if ((ino === undefined || held.ino === ino) && !held.registration.isAlive()) found.push(held.handle);
    }
    return found;
  }
}
