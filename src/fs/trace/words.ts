// How the log, the events and the listings name processes, files, and the holders of leases and pins.
import { type Kind, kindName, NONE } from '../../abi/kinds.js';
import { BLOCK, type InodeNumber, type ProcessId } from '../../base/units.js';
import { readable } from '../../base/words.js';
import type { Holder, KernelPinHolder } from '../../lease/types.js';
import type { ProcessInfo } from '../../process/processes.js';

/** Bytes of a path in events and in the log. */
export const KEPT_BYTES = 1024;

/** What a mount says of the ids that it gave out. */
export interface Names {
  process(id: ProcessId): ProcessInfo;
  /** A char a byte, from the root of the mount, cut in the middle beyond `limit` bytes; undefined when no name is left. */
  pathOf(ino: InodeNumber, limit?: number): string | undefined;
}

export function processName(names: Names, process: ProcessId): string {
  const { pid, command, alive } = names.process(process);
  if (pid === 0)
    return 'an unidentified process (another pid namespace, or a transport that does not report the caller)';
  return `${pid} (${readable(command)})${alive ? '' : ', dead'}`;
}

export function fileName(names: Names, ino: InodeNumber): string {
  const path = names.pathOf(ino, KEPT_BYTES);
  return path === undefined ? `inode ${ino} (deleted)` : readable(path);
}

/** The end of a refusal's line: the lease or pin that refuses, its owner, and what ends it. */
export function heldBy(names: Names, holder: Holder): string {
  const by = processName(names, holder.process);
  switch (holder.by) {
    case 'lease': {
      const zombie = holder.zombie ? 'zombie of ' : '';
      return `${zombie}${kindName(holder.leaseKind)} lease ${holder.lease} of ${by}; ends with ${endOf(holder)}`;
    }
    case 'pin':
      return `pin ${holder.pin} ${bytesOf(holder)} of ${by}; ends when ${endOf(holder)}`;
    case 'kernel pin':
      return `${kernelPin(holder, by)}; ends when ${endOf(holder)}`;
  }
}

function kernelPin(holder: KernelPinHolder, by: string): string {
  const where = holder.ring === -1 ? '' : ` ${holder.ring}`;
  const what = `${holder.with ?? 'io_uring'}${where}`;
  return holder.possible
    ? `possible pin ${bytesOf(holder)} of ${by}, which maps it, by ${what}: the kernel does not show what that pins [N12]`
    : `kernel pin ${bytesOf(holder)} of ${by} by ${what}, made without a lease [N10]`;
}

const bytesOf = ({ start, end }: { readonly start: number; readonly end: number }): string =>
  `[${start * BLOCK}, ${end * BLOCK})`;

/** N1: the end of the line of a pin refused for want of an unbreakable lease. @param own the kind that the caller has. */
export function wantedFor(own: Kind): string {
  const has = own === NONE ? 'no lease' : `a lease '${kindName(own)}'`;
  return `the caller has ${has} on the file: a pin needs 'exclusive' or 'shared'`;
}

/** What ends the lease or pin that refuses. */
export function endOf(holder: Holder): string {
  switch (holder.by) {
    case 'lease':
      return holder.zombie ? 'the last pin under it' : 'its unlock or last close';
    case 'pin':
      return 'it is unpinned or its owner dies';
    case 'kernel pin':
      if (holder.possible) return `the ${holder.with} is closed or that process ends`;
      return 'the buffer is unregistered or that process ends';
  }
}
