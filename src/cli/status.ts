// `leasefs status`: one mount at a glance.
import type { ReportedStatus } from '../client/index.js';
import { holdersOf } from '../process/holders.js';
import { jsonText } from './json.js';
import { readMounted } from './mounted-path.js';
import { readableAge, readableSize } from './sizes.js';
import { pairs } from './table.js';
import { holderText, type UnleasedPin, unleasedPins } from './unleased.js';
import { onlyArgument, parseOptions, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'status',
  summary: 'what a mount is, holds and has served',
  help: `usage: leasefs status [--json] MNT

  data path    'passthrough': read, write and mmap go to the file's memory in the kernel;
               'daemon': through leasefs, with the reason. The rules are the same
  spin         how the daemon waits (mount --spin): requests that came before it slept, and
               their share of all spins; what all spins took
  requests     what the kernel asked of the daemon, most frequent first. READ and WRITE are
               0 where the data path is the kernel's`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' } });
    const path = onlyArgument(positionals, 'MNT');
    const { mountPoint, report, dev } = readMounted(path, 'status');
    const unleased = unleasedPins(dev, undefined, readMounted(path, 'pins').report.pins);
    const keepers = keepersOf(report);
    if (values.json)
      console.log(jsonText('status', { mount: mountPoint, status: report, unleased, keepers }));
    else for (const line of statusLines(mountPoint, report, unleased, keepers)) console.log(line);
    return 0;
  },
};

export function statusLines(
  mountPoint: string,
  status: ReportedStatus,
  unleased: readonly UnleasedPin[] = [],
  keepers: readonly string[] = [],
): string[] {
  const requests = Object.entries(status.requests).sort(([, a], [, b]) => b - a);
  return pairs([
    ['mount', `${mountPoint}, daemon ${status.pid}, leasefs ${status.version}`],
    ['data path', status.passthrough ? 'passthrough' : `daemon: ${status.reason ?? 'no passthrough'}`],
    [
      'store',
      `${status.store} (${status.storeReason}), ${readableSize(status.used)} of ${readableSize(status.size)} used`,
    ],
    ...(status.huge === null ? [] : [['huge pages', status.huge] as const]),
    ...(status.kernelCache ? [KERNEL_CACHE] : []),
    ...detail(status),
    ...keptText(status, keepers),
    ['files', `${status.files} regular; ${status.inodes} of ${status.maxInodes} inodes in use`],
    [
      'leases',
      `${status.leases}, broken within ${readableAge(status.leaseBreakMs)}, semantics ${status.semantics}`,
    ],
    ['pins', `${status.pins}${unleasedText(unleased)}`],
    ['waiting', `${status.waiters} for the end of a lease break`],
    ['protocol', `FUSE ${status.kernel}`],
    ...spinning(status),
    ['requests', requests.map(([name, count]) => `${name} ${count}`).join(', ') || 'none'],
  ]);
}

/** The processes that have the memory that was lent to clients, as 'PID COMMAND'. */
function keepersOf({ kept, pid: daemon }: ReportedStatus): string[] {
  if (kept === null || kept.bytes === 0) return [];
  const holders = [...holdersOf(kept.dev, new Set(kept.inos)).values()].flat();
  return [
    ...new Set(holders.filter(({ pid }) => pid !== daemon).map(({ pid, command }) => `${pid} ${command}`)),
  ];
}

function keptText({ kept }: ReportedStatus, keepers: readonly string[]): [string, string][] {
  if (kept === null || kept.bytes === 0) return [];
  const until =
    keepers.length > 0 ? `${keepers.join(', ')} unmap the layouts or end` : 'the leases with layouts end';
  return [['kept', `${readableSize(kept.bytes)} of freed blocks, until ${until}`]];
}

const KERNEL_CACHE: [string, string] = [
  'kernel cache',
  'writes use it (-o kernel_cache): a refused write to a pooled file may cost other processes their stores',
];

function spinning({ spin }: ReportedStatus): [string, string][] {
  if (spin === null) return [];
  const { mode, found, vain, us } = spin;
  const share = found + vain === 0 ? 0 : Math.round((100 * found) / (found + vain));
  return [
    [
      'spin',
      `${mode}: ${found} requests found before a sleep (${share}%), ${(us / 1e6).toFixed(2)} s of CPU time`,
    ],
  ];
}

/** The holders of kernel pins without a lease, by process and ring. */
function unleasedText(pins: readonly UnleasedPin[]): string {
  if (pins.length === 0) return '';
  const holders = new Set(
    pins.map(pin => `${pin.pid} ${pin.command} (${holderText(pin)}${pin.possible ? ', possible' : ''})`),
  );
  return `, and ${pins.length} of the kernel's without a lease: ${[...holders].join(', ')}`;
}

function detail({ residency, fragmentation }: ReportedStatus): [string, string][] {
  const lines: [string, string][] = [];
  if (fragmentation !== null) {
    const { files, extents, free, freeInLongRuns } = fragmentation;
    const share = free === 0 ? 100 : Math.floor((100 * freeInLongRuns) / free);
    lines.push([
      'fragmentation',
      `${extents} extents in ${files} files, ${share}% of the free space in runs of 2 MiB and more`,
    ]);
  }
  if (residency !== null) {
    const { descriptors, budget, closed, reopened } = residency;
    lines.push([
      'descriptors',
      `${descriptors} of ${budget} in use by files; closed ${closed} times, reopened ${reopened} times`,
    ]);
  }
  return lines;
}
