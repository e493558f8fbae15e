// The proposal's scenarios on every file system that this machine has, as a table: `npm run proposal`.
//   node dist/test/proposal/table.js [--markdown] [--steps] [--static] [--rdma] [FILESYSTEM...]
// --steps adds each expectation that was not met; --rdma registers with an RDMA device instead of a ring.
import { parseArgs } from 'node:util';
import { grounds } from '../support/mounts.js';
import { differing, type Outcome, Scenarios } from './scenarios.js';

interface Column {
  readonly name: string;
  readonly outcomes: ReadonlyMap<string, Outcome>;
}

const { values, positionals } = parseArgs({
  options: {
    markdown: { type: 'boolean' },
    steps: { type: 'boolean' },
    static: { type: 'boolean' },
    rdma: { type: 'boolean' },
  },
  allowPositionals: true,
});
const wanted = positionals.length > 0 ? positionals : Object.keys(grounds);
for (const name of wanted) {
  if (grounds[name] !== undefined) continue;
  console.error(`table: no file system '${name}'; there are: ${Object.keys(grounds).join('; ')}`);
  process.exit(2);
}

const scenarios = new Scenarios(values.static ? 'static' : 'dynamic', values.rdma ? 'rdma' : 'uring');
try {
  const columns: Column[] = [];
  const absent: string[] = [];
  for (const name of wanted) {
    try {
      const ground = await grounds[name]!();
      columns.push({ name, outcomes: await scenarios.runAll(ground).finally(() => ground.stop()) });
    } catch (error) {
      absent.push(`${name}: cannot be had here: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  const header = ['scenario', ...columns.map(column => column.name)];
  const rows = scenarios.names.map(name => [
    name,
    ...columns.map(({ outcomes }) => cell(outcomes.get(name)!)),
  ]);
  const lines = values.markdown ? markdown(header, rows) : aligned([header, ...rows]);
  console.log([...lines, ...absent, ...(values.steps ? columns.flatMap(unmet) : [])].join('\n'));
} finally {
  scenarios.clear();
}

function cell(outcome: Outcome): string {
  const { verdict, expectations } = outcome;
  return verdict === 'differs' ? `differs, ${differing(outcome).length} of ${expectations.length}` : verdict;
}

function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [header, header.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`);
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map(row => row[at]!.length)));
  return rows.map(row =>
    row
      .map((text, at) => text.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  );
}

function unmet({ name, outcomes }: Column): string[] {
  return [...outcomes].flatMap(([scenario, outcome]) => [
    ...differing(outcome).map(
      ({ step, expected, got }) => `${name}: ${scenario}, ${step}, ${expected}, ${got}`,
    ),
    ...(outcome.verdict === 'broken' ? [`${name}: ${scenario}: ${outcome.complaint.trim()}`] : []),
  ]);
}
