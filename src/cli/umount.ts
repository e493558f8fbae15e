// `leasefs umount` (A4): a mount with leases or pins is refused as busy, with who holds what; --lazy detaches it, and the
// store lives until they end.
import { statSync } from 'node:fs';
import { errno } from '../base/errno.js';
import { unmount } from '../fuse/mount.js';
import { FS_TYPE, type Mount, mountsNow } from '../fuse/mountinfo.js';
import { usersOf } from '../process/holders.js';
import { holderTexts, pathText, readMounted, withHolders } from './mounted-path.js';
import { absolute } from './mounts.js';
import { CommandError, onlyArgument, parseOptions, type Verb } from './verb.js';

/** How many reasons are named in the line. */
const NAMED = 4;

export const verb: Verb = {
  name: 'umount',
  summary: 'unmount; a busy mount is refused, and its holders are named',
  help: `usage: leasefs umount [--lazy] MNT

  --lazy    detach it now: its files cannot be opened any more, processes that have them
            open continue, and the memory is freed when the last lease, pin, descriptor and
            mapping is gone

The data are gone with the mount.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { lazy: { type: 'boolean', short: 'l' } });
    const path = onlyArgument(positionals, 'MNT');
    const target = absolute(path);
    const mount = mountsNow().findLast(candidate => candidate.target === target);
    if (mount === undefined) throw new CommandError(`${path} is not mounted`);
    if (mount.type !== FS_TYPE)
      throw new CommandError(`${path} is a mount of type ${mount.type}, not a leasefs`);
    const lazy = values.lazy ?? false;
    if (!lazy) refuseHeld(path, target);
    await end(path, mount, lazy);
    return 0;
  },
};

/** The kernel does not count a lease or a pin whose file is closed: we do. */
function refuseHeld(path: string, target: string): void {
  const reasons = heldBy(target);
  if (reasons.length > 0) throw new CommandError(busy(path, reasons));
}

async function end(path: string, mount: Mount, lazy: boolean): Promise<void> {
  const failed = await unmount(mount, lazy);
  if (failed === undefined) return;
  if (failed.errno === errno.ESTALE) {
    throw new CommandError(`${path} is another mount by now, nothing was unmounted: try again`);
  }
  throw new CommandError(failed.errno === errno.EBUSY ? busy(path, usedBy(mount.target)) : failed.message);
}

function busy(path: string, reasons: readonly string[]): string {
  const more = reasons.length - NAMED;
  const named = [...reasons.slice(0, NAMED), ...(more > 0 ? [`${more} more`] : [])];
  return `${path} is busy: ${named.join('; ')}. End these processes, or detach the mount with --lazy`;
}

/** Leases and pins, each with its process; none for a mount whose daemon is gone. */
function heldBy(target: string): string[] {
  try {
    const { report, dev } = readMounted(target, 'leases');
    const leases = withHolders(dev, report.leases).map(lease => {
      const { pid, command, alive } = lease.owner;
      const who = alive ? `${pid} ${command}` : holderTexts(lease.holders).join(', ');
      return `${lease.kind} lease ${lease.state} by ${who} on ${pathText('', lease)}`;
    });
    const pins = readMounted(target, 'pins').report.pins.map(
      pin => `pin ${pin.id} by ${pin.pid} ${pin.command}`,
    );
    return [...leases, ...pins];
  } catch {
    return [];
  }
}

function usedBy(target: string): string[] {
  const users = usersOf(statSync(target).dev);
  return users.length === 0
    ? ['in use by a process that is hidden']
    : users.map(({ pid, command }) => `in use by ${pid} ${command}`);
}
