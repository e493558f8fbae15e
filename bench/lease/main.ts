// npm run bench:lease [-- --quick]: what a layout change costs the lease machine, with 10, 1,000 and 100,000 pins on
// the file: allowed by the owner of the exclusive lease beside its pins, refused on one of them, refused to another
// process, refused by a page that the kernel holds, and on a file without a lease. In a process of its own on one
// CPU, rounds interleaved. Results go to bench/results/lease.json.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, thisMachine } from '../shared/machine.js';
import { short, table } from '../shared/numbers.js';
import { PinnedProcess } from '../shared/pinned-process.js';
import { CASES, type LeaseAnswer, type LeaseAsk } from './cases.js';

const PINS = [10, 1000, 100_000];
const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 3 : 9;
const MS = quick ? 20 : 200;

const child = new PinnedProcess<LeaseAsk, LeaseAnswer>(
  'bench:lease',
  join(import.meta.dirname, 'process.js'),
);
const best = new Map<string, number>();
// The first round warms up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const name of CASES) {
    for (const pins of PINS) {
      const { ns } = await child.ask({ case: name, pins, ms: MS });
      if (round === 0) continue;
      const key = `${name} ${pins}`;
      best.set(key, Math.min(best.get(key) ?? Number.POSITIVE_INFINITY, ns));
    }
  }
}
await child.close();

const figure = (name: string, pins: number): number => best.get(`${name} ${pins}`)!;
const rows = CASES.map(name => [
  name,
  ...PINS.map(pins => short(figure(name, pins))),
  `${short(figure(name, 100_000) / figure(name, 10))}x`,
]);
const folder = join(ROOT, 'bench/results');
mkdirSync(folder, { recursive: true });
const figures = CASES.flatMap(name => PINS.map(pins => ({ case: name, pins, ns: figure(name, pins) })));
const results = { bench: 'lease', quick, machine: thisMachine(), figures };
writeFileSync(
  join(folder, quick ? 'lease-quick.json' : 'lease.json'),
  `${JSON.stringify(results, null, 1)}\n`,
);
console.log(
  table([['a layout change, ns, best round', ...PINS.map(n => `${short(n)} pins`), '100k : 10'], ...rows]),
);
