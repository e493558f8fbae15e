// Kernel pins without a lease (N10), and possible ones (N12): what `leasefs pins` and `status` find in /proc, as far as /proc
// shows it to the user.
import type { ReportedPin } from '../client/index.js';
import { type FoundPin, kernelPinsOf } from '../process/kernel-pins.js';
import { commandOf } from '../process/proc.js';
import { deviceNameOf } from '../process/proc-text.js';

export interface UnleasedPin {
  readonly pid: number;
  readonly command: string;
  /** What has it, as 'io_uring', and the process's descriptor of that, -1 where it is mapped alone. */
  readonly by: string;
  readonly ring: number;
  /** The process maps it, and the kernel does not show what of it is pinned (N12). */
  readonly possible: boolean;
  readonly ino: number;
  /** As that process sees it. */
  readonly path: string;
  /** Bytes. */
  readonly off: number;
  readonly len: number;
  /** The ring was in use whenever it was looked at: all that the process maps of the file is taken as pinned. */
  readonly busy: boolean;
}

export interface Unleased {
  readonly pins: readonly UnleasedPin[];
  /** Why there may be more of them; null: the search was complete. */
  readonly unseen: string | null;
}

/**
 * @param dev st_dev of the mount.
 * @param ino the file; undefined: all.
 * @param pins of leasefs: a kernel pin whose range one of them covers is left out.
 */
export function unleasedPins(dev: number, ino: number | undefined, pins: readonly ReportedPin[]): Unleased {
  const inos = ino === undefined ? undefined : new Set([ino]);
  const found = kernelPinsOf(deviceNameOf(dev), inos);
  const unleased = found.pins
    .filter(one => !pins.some(pin => covers(pin, one)))
    .map(({ pid, by, ring, possible, ino, path, begin, end, busy }) => {
      const command = commandOf(pid);
      return { pid, command, by, ring, possible, ino, path, off: begin, len: end - begin, busy };
    });
  return { pins: unleased, unseen: found.unseen ?? null };
}

/** 'io_uring 5'. */
export const holderText = ({ by, ring }: UnleasedPin): string => (ring < 0 ? by : `${by} ${ring}`);

const covers = (pin: ReportedPin, { ino, begin, end }: FoundPin): boolean =>
  pin.ino === ino && pin.off <= begin && pin.off + pin.len >= end;
