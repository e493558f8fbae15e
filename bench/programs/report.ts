// A results file, the table and the drawing that are made of it.
import { barsSvg } from '../shared/bars.js';
import { type Machine, machineLine } from '../shared/machine.js';
import { DASH, short, table } from '../shared/numbers.js';
import { judge } from './goals.js';
import { REFERENCE, SERVERS, type ServerName } from './servers.js';

/** Medians over the rounds. */
export interface Figure {
  /** s. */
  readonly seconds: number;
  /** Of the times within a round, to the C memfs. */
  readonly ratio: number;
  /** CPU time of the server, and what of it was spinning; s. */
  readonly cpu?: number;
  readonly spun?: number;
}

export interface Row {
  readonly program: string;
  readonly figures: Partial<Record<ServerName, Figure>>;
  /** Of one run, by kind. */
  readonly requests: Partial<Record<ServerName, Readonly<Record<string, number>>>>;
}

export const ON_ALL = 'on all CPUs';

export interface Part {
  /** Where client and server run, and beside what. */
  readonly where: string;
  readonly rounds: number;
  readonly rows: readonly Row[];
}

export interface Results {
  readonly machine: Machine;
  readonly quick: boolean;
  readonly files: number;
  readonly parts: readonly Part[];
}

/** Spinning changes no requests. */
const ASKED = ['direct', 'pooled'] as const;

export const reportOf = ({ machine, files, parts }: Results): string =>
  [
    `${machineLine(machine)}; ${files} files, medians`,
    ...parts.flatMap(({ where, rounds, rows }) => [
      `${where}, ${rounds} rounds, s:`,
      cells(rows, ({ seconds }) => short(seconds)),
      `${where}, ratio to the ${REFERENCE}:`,
      cells(rows, ({ ratio }) => ratio.toFixed(2)),
      `${where}, CPU time of the server (of it spinning), s:`,
      cells(rows, ({ cpu, spun }) =>
        cpu === undefined ? undefined : `${cpu.toFixed(2)}${spun ? ` (${spun.toFixed(2)})` : ''}`,
      ),
    ]),
    ...goals(parts),
    'requests of a run:',
    (parts[0]?.rows ?? [])
      .flatMap(({ program, requests }) =>
        ASKED.map(server => `${program}, ${server}: ${kinds(requests[server] ?? {})}`),
      )
      .join('\n'),
  ].join('\n\n');

/** On all CPUs alone. */
function goals([first]: readonly Part[]): string[] {
  if (first?.where !== ON_ALL) return [];
  const verdicts = judge(first).map(({ program, ours, over, most, ratio }) => [
    `${program}: ${ours} / ${over}`,
    ratio.toFixed(2),
    `<= ${most}`,
    ratio <= most ? 'pass' : 'MISS',
  ]);
  return [table([['goal', 'ratio', 'at most', ''], ...verdicts])];
}

const kinds = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(' ') || 'none';

function cells(rows: readonly Row[], cell: (figure: Figure) => string | undefined): string {
  const servers = SERVERS.filter(server => rows.some(row => row.figures[server] !== undefined));
  return table([
    ['program', ...servers],
    ...rows.map(({ program, figures }) => [
      program,
      ...servers.map(server => {
        const figure = figures[server];
        return (figure === undefined ? undefined : cell(figure)) ?? DASH;
      }),
    ]),
  ]);
}

/** Of the first part. */
export function drawingOf({ machine, parts }: Results): string {
  const [{ where, rows } = { where: '', rows: [] }] = parts;
  return barsSvg({
    title: `Whole programs, ${where}`,
    subtitle: machineLine(machine),
    value: `time as a share of the ${REFERENCE}'s`,
    categories: rows.map(row => row.program),
    series: SERVERS.filter(server => rows.some(row => row.figures[server] !== undefined)).map(name => ({
      name,
      values: rows.map(row => row.figures[name]?.ratio ?? null),
    })),
  });
}
