// npm run bench:run [-- --quick]: what a call costs that `leasefs run` stops, beside the same call under a bare supervisor in C
// with the same filter, and without any. One mount, one CPU for all, rounds interleaved; ratios are taken within a round.
// Results go to bench/results/run.json.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT, thisMachine } from '../shared/machine.js';
import { jsonOf, median, short, table } from '../shared/numbers.js';
import { CPU } from '../shared/pinned-process.js';

/** A call of calls.c, as often in a round as it is not too long. */
const CALLS = [
  ['getppid', 'a call that is not stopped'],
  ['foreign-setlease', 'F_SETLEASE, a file elsewhere'],
  ['foreign-getlease', 'F_GETLEASE, a file elsewhere'],
  ['getlease', 'F_GETLEASE, a file of the mount'],
  ['lease-unlock', 'F_SETLEASE twice: lease and unlock'],
  ['register-foreign', 'register and unregister, memory elsewhere'],
] as const;
const SETTINGS = ['none', 'bare', 'run'] as const;
type Setting = (typeof SETTINGS)[number];
/** Ours as a multiple of the bare supervisor's. */
const GOAL = 3;

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 5 : 15;
const COUNT = quick ? 320 : 3200;

class Caller {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(words: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn('taskset', ['-c', String(CPU), ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.lines = createInterface(this.child.stdout!)[Symbol.asyncIterator]();
  }

  /** ns a call. */
  async measure(call: string): Promise<number> {
    this.child.stdin!.write(`${call} ${COUNT}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${call}: the caller has ended`);
    return Number(value);
  }

  close(): Promise<unknown> {
    const ended = new Promise(resolve => this.child.once('exit', resolve));
    this.child.stdin!.end();
    return ended;
  }
}

const build = join(ROOT, 'bench/build');
const program = join(build, 'run-calls');
mkdirSync(build, { recursive: true });
execFileSync(
  process.env.CC ?? 'cc',
  ['-O2', '-Wall', '-Wextra', '-Werror', '-I', join(ROOT, 'native/launch')].concat([
    '-o',
    program,
    join(ROOT, 'bench/native/run/calls.c'),
  ]),
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
const leasefs = join(ROOT, 'bin/leasefs');
const machine = thisMachine();
const mnt = mkdtempSync(join(tmpdir(), 'leasefs-bench-'));
execFileSync('taskset', ['-c', String(CPU), leasefs, 'mount', mnt]);
const times = new Map<string, number[]>();
const noted = (call: string, setting: Setting): number[] => {
  const key = `${call} ${setting}`;
  const known = times.get(key) ?? [];
  times.set(key, known);
  return known;
};
try {
  const caller = [program, 'caller', mnt];
  const callers: Record<Setting, Caller> = {
    none: new Caller(caller, {}),
    bare: new Caller([program, 'bare', ...caller], { LEASEFS_MNT: mnt }),
    run: new Caller([leasefs, 'run', '--at', mnt, '--output', '/dev/null', '--', ...caller], {}),
  };
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [call] of CALLS) {
      for (const setting of SETTINGS) {
        // Without a supervisor the kernel refuses our flags.
        if (call === 'lease-unlock' && setting === 'none') continue;
        const ns = await callers[setting].measure(call);
        if (round > 0) noted(call, setting).push(ns);
      }
    }
  }
  for (const one of Object.values(callers)) await one.close();
} finally {
  execFileSync(leasefs, ['umount', '--lazy', mnt]);
  rmdirSync(mnt);
}

const rows = CALLS.map(([call, what]) => {
  const [none, bare, run] = SETTINGS.map(setting => noted(call, setting));
  const ratio = median(run!.map((ns, round) => ns / bare![round]!));
  return { call, what, none: median(none!), bare: median(bare!), run: median(run!), ratio };
});
const file = join(ROOT, 'bench/results', quick ? 'run-quick.json' : 'run.json');
writeFileSync(file, jsonOf({ bench: 'run', quick, machine, goal: GOAL, rows }));
console.log(
  table([
    ['ns a call', 'without', 'bare C', 'leasefs run', `run : bare (goal ${GOAL})`],
    ...rows.map(({ what, none, bare, run, ratio }) => [
      what,
      Number.isNaN(none) ? '' : short(none),
      short(bare),
      short(run),
      `${short(ratio)}x`,
    ]),
  ]),
);
