// npm run bench:extent [-- --quick --rounds=N --counts=10,1000 --shapes=large,sparse --only=leasefs,sorted-btree
// --draw=FILE --against=DIR]: the extent map against its rivals. --only names rows of contestant.ts. --against adds a row
// `against`, the map of another checkout, which is built; such a run writes no results.
// --quick takes about a minute, else every size and shape, some thirty minutes. Results go to bench/results/:
// extent.json (extent-quick.json; each round stays in extent-rounds.json, which git ignores), and drawn from it extent-lookup.svg, extent-tail.svg. --draw makes tables and
// drawings again from a results file.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT, thisMachine, versionOf } from '../shared/machine.js';
import { jsonOf, option } from '../shared/numbers.js';
import { AGAINST, isRowName, NATIVE, ROWS, type RowName } from './contestant.js';
import { lookupSvg, tailSvg } from './drawings.js';
import { buildNative } from './native-row.js';
import { markdown, report } from './report.js';
import type { Results } from './results.js';
import { pinRowsOf, scenariosOf } from './rounds.js';
import { type Effort, type Plan, runPins, runScenario } from './run.js';

const PACKAGES = [
  'sorted-btree',
  'bintrees',
  'functional-red-black-tree',
  '@flatten-js/interval-tree',
  'lru-cache',
  'tinybench',
];

const FEW: readonly RowName[] = [
  'leasefs',
  'against',
  'leasefs-huge-pages',
  'flat-table',
  'two-level-table',
  'sorted-btree',
  'packed-int32',
  NATIVE,
];

const QUICK: readonly Plan[] = [
  { shape: 'fragmented', count: 1000 },
  { shape: 'fragmented', count: 100_000 },
  { shape: 'fragmented', count: 1_000_000, only: FEW },
];
const FULL: readonly Plan[] = [
  { shape: 'fragmented', count: 10 },
  { shape: 'fragmented', count: 1000 },
  { shape: 'fragmented', count: 100_000 },
  { shape: 'fragmented', count: 1_000_000 },
  { shape: 'large', count: 100_000 },
  { shape: 'sparse', count: 100_000 },
];
const QUICK_EFFORT: Effort = { rounds: 3, insertRounds: 3, ms: 8, tail: 50_000 };
const FULL_EFFORT: Effort = { rounds: 9, insertRounds: 3, ms: 100, tail: 1_000_000 };

const FOLDER = join(ROOT, 'bench/results');

function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what}`);
}

/** What the options ask for cannot be done: one line, and the end. */
function refuse(why: string): never {
  console.error(`bench:extent: ${why}`);
  process.exit(2);
}

/** The figures, and the rounds that they were made of. */
async function measure(quick: boolean): Promise<{ results: Results; rounds: object }> {
  const machine = thisMachine();
  const from = performance.now();
  const noNative = buildNative();
  if (noNative !== undefined) console.error(`The rival in C is left out: ${noNative}`);
  const counts = option('counts')?.split(',').map(Number);
  const shapes = option('shapes')?.split(',');
  const chosen = counts !== undefined || shapes !== undefined;
  const plans = (quick && !chosen ? QUICK : FULL).filter(
    ({ count, shape }) => (counts?.includes(count) ?? true) && (shapes?.includes(shape) ?? true),
  );
  if (plans.length === 0) {
    const known = FULL.map(plan => `${plan.shape} ${plan.count}`).join(', ');
    refuse(`no file has these --counts and --shapes; there are ${known}`);
  }
  if (against !== undefined) process.env[AGAINST] = resolve(against);
  const only = option('only')?.split(',');
  const unknown = only?.find(name => !isRowName(name));
  if (unknown !== undefined)
    refuse(`--only=${unknown}: no contender has that name; there are ${ROWS.join(', ')}`);
  const rounds = Number(option('rounds') ?? 0);
  const effort = quick ? QUICK_EFFORT : FULL_EFFORT;
  const scenarios = [];
  for (const plan of plans) {
    console.error(`${quick ? 'quick' : 'full'}: ${plan.shape}, ${plan.count} extents`);
    const rows = (only?.filter(isRowName) ?? plan.only ?? ROWS).filter(
      row => row !== 'against' || against !== undefined,
    );
    const chosenRows = { ...plan, only: rows };
    scenarios.push(
      await runScenario(chosenRows, rounds > 0 ? { ...effort, rounds } : effort, noNative, progress),
    );
    progress('');
  }
  const pins = [];
  for (const count of quick ? [100_000] : [100_000, 1_000_000])
    pins.push(...(await runPins(count, effort, progress)));
  progress('');
  const results: Results = {
    bench: 'extent',
    quick,
    machine,
    versions: Object.fromEntries(PACKAGES.map(name => [name, versionOf(name)])),
    scenarios: scenariosOf(scenarios),
    pins: pinRowsOf(pins),
    seconds: Math.round((performance.now() - from) / 1000),
  };
  return { results, rounds: { machine, scenarios, pins } };
}

const drawn = option('draw');
const against = option('against');
const quick = process.argv.includes('--quick');
const measured = drawn === undefined ? await measure(quick) : undefined;
const results = measured?.results ?? (JSON.parse(readFileSync(drawn!, 'utf8')) as Results);
const name = results.quick ? 'extent-quick' : 'extent';
console.log(report(results));
if (against === undefined) {
  mkdirSync(FOLDER, { recursive: true });
  if (measured !== undefined) {
    writeFileSync(join(FOLDER, `${name}.json`), jsonOf(measured.results));
    writeFileSync(join(FOLDER, `${name}-rounds.json`), jsonOf(measured.rounds));
  }
  writeFileSync(join(FOLDER, `${name}-lookup.svg`), lookupSvg(results));
  writeFileSync(join(FOLDER, `${name}-tail.svg`), tailSvg(results));
  writeFileSync(join(FOLDER, `${name}.md`), `${markdown(results)}\n`);
  console.log(`\n${results.seconds} s; written: bench/results/${name}.json, -lookup.svg, -tail.svg, .md`);
}
