// npm run bench:huge [-- --quick] [--rounds=N]: a large file with and without huge pages, on the direct store and on tmpfs, each
// way that tmpfs knows (bench/README.md). Needs root, /dev/fuse, a C compiler and 3 GiB of memory.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BUILD, SOURCES } from '../fs/contenders.js';
import { ROOT, thisMachine } from '../shared/machine.js';
import { DASH, jsonOf, median, option, short, table } from '../shared/numbers.js';
import { CPU } from '../shared/pinned-process.js';

/** As --huge and huge= have them; 'advised': the client asks by MADV_HUGEPAGE. */
const WAYS = ['never', 'within_size', 'advise', 'advised', 'always'] as const;
type Way = (typeof WAYS)[number];
const PLACES = ['tmpfs', 'leasefs'] as const;
type Place = (typeof PLACES)[number];

/** Operations of huge.c, and what their figure is. */
const OPERATIONS = {
  touch: 'ns a page: first stores over the file',
  loads: 'ns a load: random ones over the file',
  write: 'ns a page: write(2) by 1 MiB',
  punch: 'ns: one page amid a huge page',
  truncate: 'ns: a cut amid a huge page, 2 MiB freed',
  register: 'ns: 64 MiB by io_uring',
  pin: 'ns: 64 MiB by a pin of leasefs and its end',
  sparse: 'bytes that a store into a hole takes',
} as const;
type Operation = keyof typeof OPERATIONS;

interface Ground {
  readonly place: Place;
  readonly way: Way;
  readonly path: string;
}

interface Row {
  readonly operation: Operation;
  /** By place and way; undefined where it is not known there. */
  readonly figures: Readonly<Record<string, number | undefined>>;
}

const hugeOf = (way: Way): string => (way === 'advised' ? 'advise' : way);
const nameOf = ({ place, way }: Pick<Ground, 'place' | 'way'>): string => `${place} ${way}`;

function mount(place: Place, way: Way): Ground {
  const path = mkdtempSync(join(tmpdir(), 'leasefs-bench-'));
  if (place === 'tmpfs')
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=2g,huge=${hugeOf(way)}`, 'tmpfs', path]);
  else {
    const words = ['mount', '--store=direct', '--size=2g', `--huge=${hugeOf(way)}`, path];
    execFileSync(process.execPath, [join(ROOT, 'dist/src/cli/main.js'), ...words]);
  }
  return { place, way, path };
}

function unmount({ path }: Ground): void {
  execFileSync('umount', [path]);
  rmdirSync(path);
}

function measure({ path, way }: Ground, operation: Operation, mib: number): number | undefined {
  const args = [
    '-c',
    `${CPU}`,
    join(BUILD, 'fs-huge'),
    operation,
    path,
    `${mib}`,
    way === 'advised' ? '1' : '0',
  ];
  const said = execFileSync('taskset', args, { encoding: 'utf8', timeout: 120_000 }).trim();
  if (!said.startsWith('unsupported')) return Number(said);
  if (said === 'unsupported ENOTTY') return undefined;
  throw new Error(`${operation} on ${path}: ${said}`);
}

function build(): void {
  mkdirSync(BUILD, { recursive: true });
  const words = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', join(BUILD, 'fs-huge'), join(SOURCES, 'huge.c')];
  execFileSync(process.env.CC ?? 'cc', words, { stdio: 'inherit' });
}

const quick = process.argv.includes('--quick');
const rounds = Number(option('rounds') ?? (quick ? 2 : 7));
const mib = quick ? 256 : 1024;
build();
const grounds: Ground[] = [];
const rows: Row[] = [];
try {
  for (const way of WAYS) for (const place of PLACES) grounds.push(mount(place, way));
  for (const operation of Object.keys(OPERATIONS) as Operation[]) {
    console.error(`  ${operation}`);
    const seen = new Map<string, number[]>();
    // Each ground once, then each again. The first round is for compilers and caches.
    for (let round = 0; round <= rounds; round++) {
      for (const ground of grounds) {
        const figure = measure(ground, operation, mib);
        if (figure === undefined || round === 0) continue;
        const name = nameOf(ground);
        seen.set(name, [...(seen.get(name) ?? []), figure]);
      }
    }
    rows.push({
      operation,
      figures: Object.fromEntries([...seen].map(([name, figures]) => [name, median(figures)])),
    });
  }
} finally {
  for (const ground of grounds) unmount(ground);
}
if (!quick) {
  const folder = join(ROOT, 'bench/results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'huge.json'), jsonOf({ machine: thisMachine(), mib, rounds, rows }));
}
for (const place of PLACES) {
  const lines = rows.map(({ operation, figures }) => [
    `${operation}, ${OPERATIONS[operation]}`,
    ...WAYS.map(way => {
      const figure = figures[nameOf({ place, way })];
      return figure === undefined ? DASH : short(figure);
    }),
  ]);
  console.log(table([[`${place}, ${mib} MiB`, ...WAYS], ...lines]));
  console.log('');
}
