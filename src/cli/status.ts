// `leasefs status`: one mount at a glance.
import { printable } from '../base/words.js';
import type { ReportedStatus } from '../client/index.js';
import { type Mapper, mappersOf } from '../process/holders.js';
import { jsonText } from './json.js';
import { readMounted } from './mounted-path.js';
import { readableAge, readableSize } from './sizes.js';
import { pairs } from './table.js';
import { holderText, type Unleased, unleasedPins } from './unleased.js';
import { onlyArgument, parseOptions, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'status',
  summary: 'what a mount is, holds and has served',
  help: `usage: leasefs status [--json] MNT

  keeper       what outlives the daemon (mount --keeper), and how often it had to
  journal      memory for what the next daemon needs to know
  data path    'passthrough': read, write and mmap go to the file's memory in the kernel;
               'daemon': through leasefs, with the reason. The rules are the same
  layouts      blocks of the pooled store that processes have by layouts
  mapped       the store's memory that processes have mapped, as far as you may look into
               them: by a layout, or still though its lease has ended
  kept         freed blocks that no file gets before those end
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
      console.log(
        jsonText('status', {
          mount: mountPoint,
          status: report,
          unleased: unleased.pins,
          unseen: unleased.unseen,
          keepers,
        }),
      );
    else for (const line of statusLines(mountPoint, report, unleased, keepers)) console.log(line);
    return 0;
  },
};

export function statusLines(
  mountPoint: string,
  status: ReportedStatus,
  unleased: Unleased = { pins: [], unseen: null },
  keepers: readonly Mapper[] = [],
): string[] {
  const requests = Object.entries(status.requests).sort(([, a], [, b]) => b - a);
  return pairs([
    ['mount', `${mountPoint}, daemon ${status.pid}, leasefs ${status.version}`],
    ...keeperText(status),
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

/** The processes that have the memory that was lent to clients open or mapped. */
function keepersOf({ kept, pid: daemon }: ReportedStatus): Mapper[] {
  if (kept === null) return [];
  return mappersOf(kept.dev, new Set(kept.inos)).filter(({ pid }) => pid !== daemon);
}

const named = ({ pid, command, uid }: { pid: number; command: string; uid: number }): string =>
  `${pid} ${printable(command)} (user ${uid})`;

/** The processes that have blocks by layouts or mappings, and what ends that. */
function keptText({ kept, layouts }: ReportedStatus, keepers: readonly Mapper[]): [string, string][] {
  const lines: [string, string][] = [];
  const granted = layouts.map(process => `${readableSize(process.bytes)} to ${named(process)}`);
  if (granted.length > 0) lines.push(['layouts', `${granted.join('; ')}, until their leases end`]);
  const mapped = keepers.map(process => `${readableSize(process.bytes)} by ${named(process)}`);
  if (mapped.length > 0) lines.push(['mapped', `${mapped.join('; ')}, until it is unmapped`]);
  if (kept === null || kept.bytes === 0) return lines;
  const ends = [
    ...(granted.length > 0 ? ['the leases with layouts end'] : []),
    ...(mapped.length > 0 ? [`the mappings of ${keepers.map(({ pid }) => pid).join(', ')} end`] : []),
  ];
  const until = ends.join(' and ') || 'the mappings of processes that this user may not look into end';
  lines.push(['kept', `${readableSize(kept.bytes)} of freed blocks, until ${until}`]);
  return lines;
}

function keeperText({ keeper }: ReportedStatus): [string, string][] {
  // A daemon of an older build has none.
  if (!keeper) return [];
  const { by, pid, deaths, journal } = keeper;
  const full = journal.full ? ': it was full, so this daemon is the last' : '';
  return [
    [
      'keeper',
      `${by} ${pid}, which starts the next daemon when this one dies; a daemon of this mount has died ${deaths} times`,
    ],
    ['journal', `${readableSize(journal.bytes)} of at most ${readableSize(journal.most)}${full}`],
  ];
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
function unleasedText({ pins, unseen }: Unleased): string {
  const partial = unseen === null ? '' : `; there may be more of the kernel's: ${printable(unseen)}`;
  if (pins.length === 0) return partial;
  const holders = new Set(
    pins.map(pin => `${pin.pid} ${pin.command} (${holderText(pin)}${pin.possible ? ', possible' : ''})`),
  );
  return `, and ${pins.length} of the kernel's without a lease: ${[...holders].join(', ')}${partial}`;
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
