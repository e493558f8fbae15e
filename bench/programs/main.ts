// npm run bench:programs [-- --quick] [--programs=NAME,NAME] [--servers=NAME,NAME] [--where=all,one,busy] [--rounds=N]
// [--draw=FILE.json]: whole programs on leasefs and its rivals (bench/README.md). A run of some programs or servers writes
// no results. Needs
// root, /dev/fuse, a C compiler and libfuse3-dev.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { buildPrograms } from '../fs/contenders.js';
import { ROOT, thisMachine } from '../shared/machine.js';
import { jsonOf, median, option } from '../shared/numbers.js';
import { isInstalled, type Material, material, PROGRAMS, type Program, timed } from './programs.js';
import { drawingOf, type Figure, ON_ALL, type Part, type Results, type Row, reportOf } from './report.js';
import { isHere, REFERENCE, SERVERS, Server, type ServerName } from './servers.js';

const LAST_CPU = availableParallelism() - 1;
const ALL_CPUS = `0-${LAST_CPU}`;
const PLACES = {
  all: { where: ON_ALL, cpus: ALL_CPUS, busy: false },
  one: { where: 'on one CPU', cpus: `${LAST_CPU}`, busy: false },
  busy: { where: 'on all CPUs beside a busy loop on each', cpus: ALL_CPUS, busy: true },
} as const;
type Place = keyof typeof PLACES;

interface Sample {
  readonly seconds: number;
  readonly cpu: number | undefined;
  readonly spun: number | undefined;
}

interface Measured {
  readonly program: string;
  readonly samples: Partial<Record<ServerName, Sample[]>>;
  readonly requests: Row['requests'];
}

/** `after` less `before`, without what did not change. */
function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const grown = Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)] as const);
  // The look itself.
  return Object.fromEntries(grown.filter(([kind, count]) => count > 0 && kind !== 'IOCTL'));
}

const less = (after: number | undefined, before: number | undefined): number | undefined =>
  after === undefined || before === undefined ? undefined : after - before;

async function measurePart(
  place: Place,
  programs: readonly Program[],
  servers: readonly ServerName[],
  rounds: number,
  env: Material,
): Promise<Part> {
  const { where, cpus, busy } = PLACES[place];
  const loops: ChildProcess[] = [];
  const mounts: Server[] = [];
  const rows: Measured[] = programs.map(({ name }) => ({ program: name, samples: {}, requests: {} }));
  try {
    for (const name of servers) mounts.push(await Server.start(name, cpus));
    if (busy) {
      for (let cpu = 0; cpu <= LAST_CPU; cpu++)
        loops.push(spawn('taskset', ['-c', `${cpu}`, 'sh', '-c', 'while :; do :; done']));
    }
    // The first round is for compilers and caches.
    for (let round = 0; round <= rounds; round++) {
      console.error(`  ${where}, round ${round} of ${rounds}`);
      programs.forEach((program, i) => {
        for (const mount of mounts) measureOne(mount, program, rows[i]!, cpus, env, round > 0);
      });
    }
  } finally {
    for (const loop of loops) loop.kill();
    for (const mount of mounts) await mount.stop();
  }
  return { where, rounds, rows: rows.map(rowOf) };
}

function measureOne(
  mount: Server,
  { before, run, after, secondsOf }: Program,
  row: Measured,
  cpus: string,
  env: Material,
  counts: boolean,
): void {
  if (before !== undefined) timed(before, mount.path, cpus, env);
  const [requests, cpu, spun] = [mount.requests(), mount.cpu(), mount.spun()];
  const seconds = timed(run, mount.path, cpus, env, secondsOf);
  const sample = { seconds, cpu: less(mount.cpu(), cpu), spun: less(mount.spun(), spun) };
  const now = mount.requests();
  if (after !== undefined) timed(after, mount.path, cpus, env);
  if (!counts) return;
  row.samples[mount.name] ??= [];
  row.samples[mount.name]!.push(sample);
  if (requests !== undefined && now !== undefined) row.requests[mount.name] = difference(now, requests);
}

function rowOf({ program, samples, requests }: Measured): Row {
  const reference = samples[REFERENCE];
  const figures: Partial<Record<ServerName, Figure>> = {};
  for (const [name, mine] of Object.entries(samples) as [ServerName, Sample[]][]) {
    const [first] = mine;
    const over = reference ?? mine;
    figures[name] = {
      seconds: median(mine.map(sample => sample.seconds)),
      ratio: median(mine.map((sample, round) => sample.seconds / over[round]!.seconds)),
      ...(first?.cpu === undefined ? {} : { cpu: median(mine.map(sample => sample.cpu ?? 0)) }),
      ...(first?.spun === undefined ? {} : { spun: median(mine.map(sample => sample.spun ?? 0)) }),
    };
  }
  return { program, figures, requests };
}

/** The values of `--name=`, all by default. */
function chosen<Name extends string>(name: string, all: readonly Name[]): readonly Name[] {
  const words = option(name)?.split(',');
  const unknown = words?.find(word => !all.some(known => known === word));
  if (unknown !== undefined) {
    console.error(`bench:programs: --${name}=${unknown}: there is none; there are ${all.join(', ')}`);
    process.exit(2);
  }
  return words === undefined ? all : all.filter(known => words.includes(known));
}

/** @param done called after each place with what there is so far */
async function measure(quick: boolean, done: (results: Results) => void): Promise<Results> {
  const names = chosen(
    'programs',
    PROGRAMS.map(({ name }) => name),
  );
  const programs = PROGRAMS.filter(program => names.includes(program.name) && isInstalled(program));
  const servers = chosen('servers', SERVERS).filter(isHere);
  const places = chosen('where', Object.keys(PLACES) as Place[]);
  const rounds = Number(option('rounds') ?? (quick ? 3 : 7));
  const folders = quick ? 20 : 100;
  const machine = thisMachine();
  buildPrograms();
  const env = material(folders, quick ? 1 : 4);
  const parts: Part[] = [];
  try {
    for (const place of places) {
      parts.push(await measurePart(place, programs, servers, rounds, env));
      done({ machine, quick, files: folders * 50, parts });
    }
  } finally {
    rmSync(dirname(env.TAR), { recursive: true });
  }
  return { machine, quick, files: folders * 50, parts };
}

const fileOf = ({ quick }: Results): string =>
  join(ROOT, 'bench/results', quick ? 'programs-quick' : 'programs');

/** A run of some places leaves those of the others in the file. */
function write(results: Results): void {
  const name = fileOf(results);
  mkdirSync(dirname(name), { recursive: true });
  const before = existsSync(`${name}.json`) ? read(`${name}.json`).parts : [];
  const parts = Object.values(PLACES).flatMap(
    ({ where }) => [...results.parts, ...before].find(part => part.where === where) ?? [],
  );
  writeFileSync(`${name}.json`, jsonOf({ ...results, parts }));
  draw({ ...results, parts });
}

const read = (name: string): Results => JSON.parse(readFileSync(name, 'utf8')) as Results;
const draw = (results: Results): void => writeFileSync(`${fileOf(results)}.svg`, drawingOf(results));

const drawn = option('draw');
const isPart = ['programs', 'servers'].some(name => option(name) !== undefined);
if (drawn === undefined) {
  const quick = process.argv.includes('--quick');
  console.log(reportOf(await measure(quick, results => isPart || write(results))));
} else {
  const results = read(drawn);
  draw(results);
  console.log(reportOf(results));
}
