// `leasefs leases`: the leases and their holders (A1), in the manner of lslocks(8).
import type { ReportedLease } from '../client/index.js';
import { jsonText } from './json.js';
import { holderTexts, pathText, readMounted, type WithHolders, withHolders } from './mounted-path.js';
import { exactSize, readableAge } from './sizes.js';
import { table } from './table.js';
import { onlyArgument, parseOptions, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'leases',
  summary: 'list the leases of a mount or file, and their holders',
  help: `usage: leasefs leases [--json] MNT|FILE

  COMMAND PID  the owner: the process that took the lease
  KIND         exclusive and shared refuse a truncate by another process; it breaks
               exclusive,breakable and shared,breakable
  STATE        held; breaking, with the time left and what it must become; zombie: its
               descriptors are closed, pins under it remain
  PINS         pins under the lease: 'leasefs pins' lists them
  LAYOUT       bytes of blocks that its holder has by layouts: no other file gets them
               before the lease ends
  AGE          since it was taken
  HOLDERS      every process that is seen to hold the file open, 'mem' by a mapping alone;
               'in flight or hidden' when there is none (a descriptor in a socket's queue or
               in a ring)

To free a file, end the named processes: a lease cannot be removed by force.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' } });
    const { mountPoint, report, dev } = readMounted(onlyArgument(positionals, 'MNT|FILE'), 'leases');
    const leases = withHolders(dev, report.leases);
    if (values.json) console.log(jsonText('leases', { mount: mountPoint, leases }));
    else for (const line of leaseTable(mountPoint, leases)) console.log(line);
    return 0;
  },
};

export function leaseTable(mountPoint: string, leases: readonly WithHolders<ReportedLease>[]): string[] {
  if (leases.length === 0) return ['no leases'];
  return table<WithHolders<ReportedLease>>(
    [
      { title: 'COMMAND', cell: ({ owner }) => owner.command },
      { title: 'PID', right: true, cell: ({ owner }) => `${owner.pid}` },
      { title: 'KIND', cell: lease => lease.kind },
      { title: 'STATE', cell: stateText },
      { title: 'PINS', right: true, cell: lease => `${lease.pins}` },
      { title: 'LAYOUT', right: true, cell: ({ layout }) => (layout === 0 ? '-' : exactSize(layout)) },
      { title: 'AGE', right: true, cell: lease => readableAge(lease.ageMs) },
      { title: 'PATH', cell: lease => pathText(mountPoint, lease) },
      { title: 'HOLDERS', cell: lease => holderTexts(lease.holders) },
    ],
    leases,
  );
}

function stateText(lease: ReportedLease): string {
  if (lease.state === 'breaking') return `breaking to ${lease.must} in ${readableAge(lease.breakMs ?? 0)}`;
  return lease.state === 'held' && !lease.owner.alive ? 'held, owner dead' : lease.state;
}
