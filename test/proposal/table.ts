// The proposal's scenarios on every file system that this machine has, as a table: `npm run proposal`.
//   node dist/test/proposal/table.js [--markdown] [--steps] [--static] [FILESYSTEM...]
import { parseArgs } from 'node:util';
import { grounds } from './grounds.js';
import { differing, type Outcome, Scenarios } from './scenarios.js';

const { values, positionals } = parseArgs({
  options: { markdown: { type: 'boolean' }, steps: { type: 'boolean' }, static: { type: 'boolean' } },
  allowPositionals: true,
});

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '';
  const { verdict, expectations } = outcome;
  if (verdict !== 'differs') return verdict;
  return `differs, ${differing(outcome).length} of ${expectations.length}`;
}

const wanted = positionals.length > 0 ? positionals : Object.keys(grounds);
const scenarios = new Scenarios(values.static ? 'static' : 'dynamic');
const columns: { name: string; outcomes: Map<string, Outcome> }[] = [];
const absent: string[] = [];
try {
  for (const name of wanted) {
    const start = grounds[name];
    if (start === undefined) {
      console.error(`table: no file system ${name}; there are: ${Object.keys(grounds).join(', ')}`);
      process.exitCode = 2;
      continue;
    }
    try {
      const ground = await start();
      const outcomes = new Map<string, Outcome>();
      for (const scenario of scenarios.names)
        outcomes.set(scenario, await scenarios.run(scenario, ground.directory, ground.prefix));
      await ground.stop();
      columns.push({ name, outcomes });
    } catch (error) {
      absent.push(`${name}: not here: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  const rows = [
    ['scenario', ...columns.map(column => column.name)],
    ...scenarios.names.map(name => [name, ...columns.map(({ outcomes }) => cell(outcomes.get(name)))]),
  ];
  if (values.markdown)
    rows.splice(
      1,
      0,
      rows[0]!.map(() => '---'),
    );
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map(row => row[at]!.length)));
  for (const row of rows) {
    if (values.markdown) console.log(`| ${row.join(' | ')} |`);
    else
      console.log(
        row
          .map((text, at) => text.padEnd(widths[at]!))
          .join('  ')
          .trimEnd(),
      );
  }
  for (const line of absent) console.log(line);
  if (values.steps) {
    for (const { name, outcomes } of columns) {
      for (const [scenario, outcome] of outcomes) {
        for (const { step, expected, got } of differing(outcome))
          console.log(`${name}: ${scenario}, ${step}, ${expected}, ${got}`);
        if (outcome.verdict === 'broken') console.log(`${name}: ${scenario}: ${outcome.complaint.trim()}`);
      }
    }
  }
} finally {
  scenarios.clear();
}
