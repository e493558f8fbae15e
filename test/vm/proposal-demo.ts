// `npm run demo:proposal`, inside the machine: the stories of the 2019 thread over real RDMA, on each file system, as
// tables of what decides each story, and whether a truncate waits for a pin that is not for long.
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { type Column, table } from '../../src/cli/table.js';
import { type Outcome, Scenarios } from '../proposal/scenarios.js';
import { type Ground, grounds } from '../support/mounts.js';
import { bringUpRdma } from './rdma-device.js';
import { ShortPins, SLOW_SECONDS, type Truncation } from './short-pins.js';

const { values } = parseArgs({ options: { markdown: { type: 'boolean' } } });
const columns: readonly (keyof typeof grounds)[] = ['tmpfs', 'ext4 dax', 'xfs dax', 'leasefs', 'leasefs run'];

interface Seen {
  readonly name: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly truncation: Truncation;
}

async function look(name: string, scenarios: Scenarios, pins: ShortPins): Promise<Seen> {
  const ground: Ground = await grounds[name]!();
  try {
    const outcomes = await scenarios.runAll(ground);
    const broken = [...outcomes].find(([, { verdict }]) => verdict === 'broken');
    if (broken !== undefined) throw new Error(`${name}: ${broken[0]}: ${broken[1].complaint}`);
    return { name, outcomes, truncation: pins.truncate(ground) };
  } finally {
    await ground.stop();
  }
}

const isErrno = (answer: string): boolean => /^E[A-Z0-9]+$/.test(answer);

/** The first step of a story that is to be refused and that file systems without the proposal let through. */
function decisive(
  story: string,
  seen: readonly Seen[],
): { readonly step: string; readonly expected: string } {
  const steps = seen[0]!.outcomes.get(story)!.expectations;
  const differing = steps.filter(({ expected, got }) => expected !== got);
  const letThrough = differing.find(({ expected, got }) => isErrno(expected) && !isErrno(got));
  return letThrough ?? differing.find(({ expected }) => isErrno(expected)) ?? differing[0] ?? steps[0]!;
}

interface Row {
  readonly story: string;
  readonly step: string;
  readonly proposed: string;
  /** By file system: what it answered there, and how many steps of the story are as proposed. */
  readonly answers: readonly string[];
}

function rowOf(story: string, seen: readonly Seen[]): Row {
  const { step, expected } = decisive(story, seen);
  const length = Math.max(...seen.map(({ outcomes }) => outcomes.get(story)!.expectations.length));
  const answers = seen.map(({ outcomes }) => {
    const { expectations } = outcomes.get(story)!;
    const met = expectations.filter(one => one.expected === one.got).length;
    // A story ends where memory cannot be registered.
    const reached = expectations.find(one => one.step === step) ?? expectations.at(-1);
    return `${reached?.got.replace(' (cannot be tried here)', ' (ends)') ?? '-'} ${met}/${length}`;
  });
  return { story, step, proposed: expected, answers };
}

function print<Line>(shape: readonly Column<Line>[], rows: readonly Line[]): void {
  if (values.markdown !== true) {
    console.log(table(shape, rows).join('\n'));
    return;
  }
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  console.log(line(shape.map(({ title }) => title)));
  console.log(line(shape.map(() => '---')));
  for (const row of rows) console.log(line(shape.map(({ cell }) => String(cell(row)))));
}

bringUpRdma();
const scenarios = new Scenarios('dynamic', 'rdma');
const pins = new ShortPins();
try {
  const seen: Seen[] = [];
  for (const name of columns) seen.push(await look(name, scenarios, pins));
  const date = new Date().toISOString().slice(0, 10);
  console.log(
    `Linux ${release()}, soft-RoCE, ${date}. Of each story the step that decides it, what was proposed,`,
  );
  console.log('what was answered, and how many of all its steps were as proposed.\n');
  print<Row>(
    [
      { title: 'story', cell: row => row.story },
      { title: 'step', cell: row => row.step },
      { title: 'proposed', cell: row => row.proposed },
      ...columns.map((title, n) => ({ title, cell: (row: Row) => row.answers[n]! })),
    ],
    scenarios.names.map(name => rowOf(name, seen)),
  );
  console.log(
    `\nA truncate by another process while a direct read into the file's memory is under way, for ${SLOW_SECONDS} s:\n`,
  );
  print<Seen>(
    [
      { title: 'file system', cell: ({ name }) => name },
      { title: 'truncate', cell: ({ truncation }) => truncation.answer },
      { title: 'returned', cell: ({ truncation }) => truncation.returned },
    ],
    seen,
  );
} finally {
  scenarios.clear();
  pins.clear();
}
