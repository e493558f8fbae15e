// `.leasefs/stats`, its JSON twin, and `.leasefs/metrics` in the text format of Prometheus: the status report and how
// often each event has happened.
import type { ReportedStatus } from '../abi/reports.js';
import { jsonOf } from './listings.js';

export interface Stats extends ReportedStatus {
  /** Bytes of all pins, overlaps counted each. */
  readonly pinnedBytes: number;
  readonly zombies: number;
  readonly breaking: number;
  /** How often each event has happened. */
  readonly events: Readonly<Record<string, number>>;
}

/** `name value` a line, a name within another after a dot. */
export const statsText = (stats: Stats): string =>
  flat(stats, '')
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');

export const statsJson = (stats: Stats): string => jsonOf('stats', { stats });

function flat(stats: object, prefix: string): [string, unknown][] {
  return Object.entries(stats).flatMap(([name, value]): [string, unknown][] =>
    typeof value === 'object' && value !== null
      ? flat(value, `${prefix}${name}.`)
      : [[prefix + name, value ?? '-']],
  );
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export function metricsText(m: Stats): string {
  const gauge = (name: string, help: string, value: number) => metric(name, 'gauge', help, [[{}, value]]);
  const counter = (name: string, help: string, label: string, counts: Readonly<Record<string, number>>) =>
    metric(
      name,
      'counter',
      help,
      Object.entries(counts).map(([key, value]): Sample => [{ [label]: key }, value]),
    );
  return [
    metric('leasefs_store_bytes', 'gauge', 'Size of the store, and what of it is used.', [
      [{ store: m.store, state: 'size' }, m.size],
      [{ store: m.store, state: 'used' }, m.used],
    ]),
    gauge('leasefs_files', 'Regular files.', m.files),
    gauge('leasefs_inodes', 'Inodes in use, as --inodes counts them.', m.inodes),
    gauge('leasefs_leases', 'Layout leases, zombies included.', m.leases),
    gauge('leasefs_zombies', 'Leases whose description is closed and whose pins remain.', m.zombies),
    gauge('leasefs_breaking', 'Leases that are being broken.', m.breaking),
    gauge('leasefs_pins', 'Pins.', m.pins),
    gauge('leasefs_pinned_bytes', 'Bytes of all pins, overlaps counted each.', m.pinnedBytes),
    gauge('leasefs_waiters', 'Calls that wait for the end of a lease break.', m.waiters),
    gauge('leasefs_lease_break_time_seconds', 'Time to answer a break.', m.leaseBreakMs / 1000),
    counter('leasefs_events_total', 'Events of leases and pins.', 'event', m.events),
    counter('leasefs_requests_total', 'Requests of the kernel.', 'opcode', m.requests),
    ...(m.spin === null
      ? []
      : [
          counter(
            'leasefs_spins_total',
            'Times that the daemon looked for a request before it slept.',
            'result',
            {
              found: m.spin.found,
              vain: m.spin.vain,
            },
          ),
          metric('leasefs_spin_seconds_total', 'counter', 'What that took.', [[{}, m.spin.us / 1e6]]),
        ]),
  ].join('');
}

function metric(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].map(line => `${line}\n`).join('');
}

const escaped = (text: string): string => text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n');
