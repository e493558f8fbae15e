// The end report for people and for CI: lines of text, and a JUnit test suite. Pure.
import type { RunReport } from './report.js';

/** What `--fail-on` may name. */
export const failures = ['zombie', 'unleased-pin', 'late-break', 'refusal'] as const;
export type Failure = (typeof failures)[number];

const MIB = 1 << 20;
/** Of each kind; the rest is counted. */
const LINES_MAX = 20;

/** A line for each thing that `failure` is about. */
export function findings(report: RunReport, failure: Failure): string[] {
  const { zombies, unleased, breaks, refusals } = report;
  switch (failure) {
    case 'zombie':
      return zombies.map(
        zombie => `${on(zombie)}: closed with pins left${zombie.ended ? '' : ', which are there still'}`,
      );
    case 'unleased-pin':
      return unleased.map(
        pin =>
          `${on(pin)}: ${pin.len > 0 ? `${range(pin)} by ` : ''}${pin.by}, ${pin.letThrough ? 'let through' : 'refused'}${asked(pin)}`,
      );
    case 'late-break':
      return breaks
        .filter(({ outcome }) => outcome === 'forced')
        .map(late => `${on(late)}: forced to ${late.must} after ${late.ms} ms`);
    case 'refusal':
      return refusals.map(({ call, errno, rule, why, holder, ends, ...who }) => {
        if (why !== undefined) return `${on(who)}: ${call}: ${errno}: ${why}`;
        const because = holder === undefined ? '' : `; held by ${holder.command} ${holder.pid}`;
        return `${on(who)}: ${call}: ${errno} [${rule}]${because}${ends === undefined ? '' : `, until ${ends}`}`;
      });
  }
}

export function textOf(report: RunReport): string[] {
  const { leases, pins, breaks, lost, goesOn, notice, code } = report;
  const answered = breaks.filter(({ outcome }) => outcome === 'answered');
  return [
    `leasefs run: exit ${code}; ${[
      count(leases.length, 'lease'),
      count(pins.length, 'pin'),
      count(breaks.length, 'break'),
      ...failures.map(failure => count(findings(report, failure).length, failure.replace('-', ' '))),
    ].join(', ')}`,
    ...section('mount', notice === '' ? [] : [notice]),
    ...section(
      'leases',
      leases.map(lease => `${on(lease)}: ${lease.kind}, ${ends[lease.end]}`),
    ),
    ...section(
      'pins',
      pins.map(pin => `${on(pin)}: ${range(pin)}${asked(pin)}${pin.ended ? '' : ', there still'}`),
    ),
    ...section(
      'breaks answered',
      answered.map(one => `${on(one)}: ${one.must} after ${one.ms} ms`),
    ),
    ...failures.flatMap(failure => section(titles[failure], findings(report, failure))),
    ...(lost > 0 ? [`  ${lost} events were missed: there were too many at once`] : []),
    ...(goesOn ? ['  processes of the command go on; their lease calls now answer ENOSYS'] : []),
  ];
}

const titles = {
  zombie: 'zombies',
  'unleased-pin': 'unleased pins',
  'late-break': 'breaks not answered in time',
  refusal: 'refusals',
} as const satisfies Record<Failure, string>;

const ends = {
  held: 'held at the end',
  released: 'released or closed',
  answered: 'released in a break',
  forced: 'taken by force',
  zombie: 'closed with pins left',
} as const;

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;

const on = ({ path, command, pid }: { path: string | null; command: string; pid: number }): string =>
  `${path ?? '(deleted)'} ${command} ${pid}`;

const asked = ({ asked }: { asked: boolean }): string =>
  asked ? ', asked for: what the kernel answered was not seen' : '';

function range({ off, len }: { off: number; len: number }): string {
  const size = (bytes: number): string => (bytes > 0 && bytes % MIB === 0 ? `${bytes / MIB}m` : `${bytes}`);
  return `[${size(off)},${size(off + len)})`;
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length - LINES_MAX;
  const shown = lines.slice(0, LINES_MAX).map(line => `    ${line}`);
  return [`  ${title}`, ...shown, ...(more > 0 ? [`    and ${more} more`] : [])];
}

/** A test case for the exit code and one for each thing that may fail a run; those in `failOn` fail. */
export function junitOf(report: RunReport, failOn: ReadonlySet<Failure>, seconds: number): string {
  const name = report.command.join(' ');
  const cases = [
    { name: 'exit code', lines: report.code === 0 ? [] : [`exit ${report.code}`], fails: true },
    ...failures.map(failure => ({
      name: titles[failure],
      lines: findings(report, failure),
      fails: failOn.has(failure),
    })),
  ];
  const failed = cases.filter(({ lines, fails }) => fails && lines.length > 0).length;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuite name="leasefs run: ${xml(name)}" tests="${cases.length}" failures="${failed}" errors="0" time="${seconds.toFixed(3)}">`,
    ...cases.map(one => {
      const element = one.fails ? 'failure' : 'system-out';
      const body =
        one.lines.length === 0
          ? ''
          : `<${element}${one.fails ? ` message="${xml(one.lines[0]!)}"` : ''}>${xml(one.lines.join('\n'))}</${element}>`;
      return `  <testcase classname="leasefs run" name="${xml(one.name)}">${body}</testcase>`;
    }),
    '</testsuite>',
    '',
  ].join('\n');
}

/** XML 1.0 has no control characters, escaped or not. */
const xml = (text: string): string =>
  text
    .replaceAll(/[^\t\n\u0020-\ud7ff\ue000-\ufffd]/g, '?')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;');
