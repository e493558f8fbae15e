// Who calls, and what it may: by the process, or by what the kernel said of a message.
import type { ProcessId } from '../../base/units.js';
import type { Caller } from '../operations.js';
import type { LeasePlane } from './plane.js';

/** The caller's process; UNIDENTIFIED owns nothing (Words). */
export const identify = (plane: LeasePlane, { tid, isStopped, isSender }: Caller): ProcessId =>
  plane.processes.identify(tid, !isStopped && !isSender);

/** Whether the caller has the capability in our own user namespace. Of a sender root alone does. */
export function isCapable(
  plane: LeasePlane,
  process: ProcessId,
  { uid, tid, isStopped, isSender }: Caller,
  capability: number,
): boolean {
  return isSender ? uid === 0 : plane.processes.isCapable(process, tid, capability, !isStopped);
}
