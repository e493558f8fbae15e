// The programs, each a script of bash in the mount's root, in the order of a round. $TAR is an archive of a tree of
// small files, $N what a longer run does more of.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../shared/machine.js';

export interface Program {
  readonly name: string;
  /** Commands that must be there. */
  readonly needs?: string;
  /** Not timed. */
  readonly before?: string;
  readonly run: string;
  readonly after?: string;
  /** The time that the run itself reports on stdout, s, where a program is long about its own start. */
  readonly secondsOf?: (stdout: string) => number;
}

/** fio takes a third of a second to begin. */
function fioSeconds(stdout: string): number {
  const { jobs } = JSON.parse(stdout) as {
    readonly jobs: readonly {
      readonly read: { readonly runtime: number };
      readonly write: { readonly runtime: number };
    }[];
  };
  return jobs.reduce((sum, { read, write }) => sum + read.runtime + write.runtime, 0) / 1000;
}

const fio = (engine: string, depth: number, rw: string, more = ''): Program => ({
  name: `${engine}${more === '' ? '' : ' fixed'} d${depth} ${rw.replace('rand', '')}`,
  needs: 'fio',
  before: '[ -e fio ] || dd if=/dev/zero of=fio bs=1M count=16 status=none',
  run: `fio --name=j --filename=fio --size=16m --bs=4k --rw=${rw} --ioengine=${engine} --iodepth=${depth} ${more} --number_ios=$((N*4000)) --io_size=1g --output-format=json`,
  secondsOf: fioSeconds,
});

/** The tree is there, or it is not, in a run of some programs too. */
const THERE = '[ -e w ] || { mkdir w; tar xf "$TAR" -C w; }';
const GONE = 'rm -rf w';

export const PROGRAMS: readonly Program[] = [
  { name: 'tar x', before: GONE, run: 'mkdir w; tar xf "$TAR" -C w' },
  { name: 'ls -lR', before: THERE, run: 'ls -lR w >/dev/null' },
  { name: 'grep -r', before: THERE, run: 'grep -r no-such-words-here w || true' },
  { name: 'cp -r', before: `rm -rf w2; ${THERE}`, run: 'cp -r w w2' },
  {
    name: 'git status',
    needs: 'git',
    before: `${THERE}; [ -e w/.git ] || (cd w; git init -q; git add .; git -c user.name=a -c user.email=a@b commit -qm a)`,
    run: 'cd w; git status --porcelain',
  },
  { name: 'rm -rf', before: THERE, run: 'rm -rf w w2' },
  {
    name: 'tar x by 4',
    before: 'mkdir 1 2 3 4',
    run: 'for i in 1 2 3 4; do tar xf "$PART" -C $i & done; wait',
    after: 'rm -rf 1 2 3 4',
  },
  {
    name: 'SQLite commits',
    needs: 'python3',
    run: `python3 -c "
import sqlite3
db = sqlite3.connect('db')
db.execute('create table t(a, b)')
for i in range($((N*250))):
    db.execute('insert into t values(?, ?)', (i, 'x' * 50))
    db.commit()"`,
    after: 'rm -f db*',
  },
  {
    name: 'make -j2',
    needs: 'make',
    before:
      'mkdir m; for i in $(seq $((N*8))); do echo "int f$i(void) { return $i; }" >m/f$i.c; done; printf \'%%.o: %%.c\\n\\tcc -c -o $@ $<\\nall: $(patsubst %%.c,%%.o,$(wildcard *.c))\\n\' >m/Makefile',
    run: 'make -s -j2 -C m all',
    after: 'rm -rf m',
  },
  {
    name: 'npm ci',
    needs: 'npm',
    before: 'cp -r "$NPM" n',
    run: 'cd n/app; npm ci --offline --ignore-scripts --no-audit --no-fund --no-bin-links --silent',
    after: 'rm -rf n',
  },
  {
    name: 'tsc',
    needs: 'node',
    before: 'mkdir t; cp -r "$PROJECT"/{src,package.json,tsconfig.json} t',
    // Without the packages some types are missing; it writes all files nevertheless.
    run: `cd t; node "$PROJECT/node_modules/typescript/bin/tsc" -p . --typeRoots "$PROJECT/node_modules/@types" >/dev/null; [ -e dist/src/index.js ]`,
    after: 'rm -rf t',
  },
  fio('psync', 1, 'randread'),
  fio('psync', 1, 'randwrite'),
  fio('mmap', 1, 'randread'),
  fio('mmap', 1, 'randwrite'),
  fio('io_uring', 1, 'randread'),
  fio('io_uring', 1, 'randwrite'),
  fio('io_uring', 16, 'randread'),
  fio('io_uring', 16, 'randwrite'),
  fio('io_uring', 16, 'randread', '--fixedbufs=1'),
  fio('io_uring', 16, 'randwrite', '--fixedbufs=1'),
];

export const isInstalled = ({ needs }: Program): boolean =>
  needs === undefined ||
  spawnSync('sh', ['-c', `for it in ${needs}; do command -v $it || exit 1; done`], { stdio: 'ignore' })
    .status === 0;

/** In each folder. */
const FILES = 50;
const SIZES = [200, 1000, 3000, 9000];

export interface Material {
  readonly TAR: string;
  /** A quarter of it: passthrough_hp has a descriptor open for each file that the kernel knows. */
  readonly PART: string;
  /** A package that needs others, and these packed, for npm. */
  readonly NPM: string;
  /** This project, with its node_modules. */
  readonly PROJECT: string;
  readonly N: string;
}

/** The archive of `folders` folders, in memory, in a folder of its own. */
export function material(folders: number, n: number): Material {
  const dir = mkdtempSync('/dev/shm/leasefs-programs-');
  const tree = join(dir, 'tree');
  for (let d = 0; d < folders; d++) {
    mkdirSync(join(tree, `d${d}`), { recursive: true });
    for (let f = 0; f < FILES; f++) {
      const size = SIZES[(d + f) % SIZES.length]!;
      writeFileSync(join(tree, `d${d}/f${f}`), Buffer.alloc(size, 0x61 + (f % 26)));
    }
  }
  const tar = join(dir, 'tree.tar');
  execFileSync('tar', ['cf', tar, '-C', tree, '.']);
  const part = join(dir, 'part.tar');
  const quarter = Array.from({ length: Math.ceil(folders / 4) }, (_, d) => `d${d}`);
  execFileSync('tar', ['cf', part, '-C', tree, ...quarter]);
  return { TAR: tar, PART: part, NPM: packages(dir), PROJECT: ROOT, N: `${n}` };
}

const PACKED = [
  'uvu',
  'dequal',
  'diff',
  'kleur',
  'sade',
  'mri',
  'lru-cache',
  'tinybench',
  'fast-check',
  'pure-rand',
];

/** Nothing of them is fetched when they are installed. */
function packages(dir: string): string {
  const npm = join(dir, 'npm');
  if (spawnSync('sh', ['-c', 'command -v npm'], { stdio: 'ignore' }).status !== 0) return npm;
  mkdirSync(join(npm, 'packed'), { recursive: true });
  mkdirSync(join(npm, 'app'));
  const run = (folder: string, ...words: string[]): unknown =>
    execFileSync('npm', [...words, '--ignore-scripts', '--silent'], {
      cwd: join(npm, folder),
      stdio: 'ignore',
    });
  run('packed', 'pack', ...PACKED.map(name => join(ROOT, 'node_modules', name)));
  const tarballs = readdirSync(join(npm, 'packed')).map(name => `../packed/${name}`);
  run('app', 'init', '-y');
  run('app', 'install', '--offline', '--no-audit', '--no-fund', '--no-bin-links', ...tarballs);
  rmSync(join(npm, 'app/node_modules'), { recursive: true });
  return npm;
}

/** Runs a script on `cpus`; s. @throws Error when it fails. */
export function timed(
  script: string,
  cwd: string,
  cpus: string,
  env: Material,
  secondsOf?: Program['secondsOf'],
): number {
  const from = performance.now();
  const { status, stdout, stderr } = spawnSync('taskset', ['-c', cpus, 'bash', '-c', script], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', secondsOf === undefined ? 'ignore' : 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 600_000,
  });
  const seconds = (performance.now() - from) / 1000;
  if (status !== 0) throw new Error(`${script}: ${status ?? 'no end in 10 minutes'}: ${stderr}`);
  return secondsOf === undefined ? seconds : secondsOf(stdout);
}
