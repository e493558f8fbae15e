// The scenarios of the proposal: C programs, run in any directory. A story of the 2019 thread each; see
// proposal.h for what they print. Linked with the proposal's own system calls, or with the ioctls of leasefs.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { late, timeFactor } from '../support/time-factor.js';
import { type Calls, type Device, type Linkage, programsOf, scenarioNames } from './programs.js';

/** After which a program ends itself, and after which all are killed. */
const LIMIT_SECONDS = 30 * timeFactor;
const LIMIT_MS = 40_000 * timeFactor;
const CUT_OFF = -1;
const SIGALRM = 14;

/** `untried`: what the story needs is not there. `broken`: the program itself failed, or hung. */
export type Verdict = 'as proposed' | 'differs' | 'untried' | 'broken';

export interface Expectation {
  readonly step: string;
  readonly expected: string;
  readonly got: string;
}

export interface Outcome {
  readonly verdict: Verdict;
  readonly expectations: readonly Expectation[];
  /** What it wrote to stderr. */
  readonly complaint: string;
}

/** For sh -c, with directory, where to write, programs: all at once, what each says in files of its own. */
const together = `said=$1; shift
for program; do
  to=$said/\${program##*/}
  { "$program" "$0" >"$to.out" 2>"$to.err"; echo $? >"$to.code"; } &
done
wait`;

const verdicts: Readonly<Record<number, Verdict>> = { 0: 'as proposed', 1: 'differs', 77: 'untried' };

/** Where a scenario is run. */
export interface Place {
  readonly directory: string;
  readonly calls: Calls;
  /** The command through which it is run, if there is one. */
  readonly prefix: readonly string[];
}

/** Those that are not as the proposal. */
export const differing = ({ expectations }: Outcome): readonly Expectation[] =>
  expectations.filter(({ expected, got }) => expected !== got);

export class Scenarios {
  readonly names = scenarioNames;
  private readonly linkage: Linkage;
  private readonly device: Device;
  private readonly directory = mkdtempSync(join(tmpdir(), 'leasefs-proposal-'));

  constructor(linkage: Linkage = 'dynamic', device: Device = 'uring') {
    this.linkage = linkage;
    this.device = device;
  }

  /** Runs all of them there at once, each on a file of its own; by name, in the order of the names. */
  async runAll({ calls, prefix, directory }: Place): Promise<ReadonlyMap<string, Outcome>> {
    const said = mkdtempSync(join(this.directory, 'said-'));
    const compiled = programsOf(calls, this.device, this.linkage);
    const programs = this.names.map(name => join(compiled, name));
    const [command, ...args] = [...prefix, 'sh', '-c', together, directory, said, ...programs];
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const child = spawn(command!, args, {
      stdio: [...stdio],
      env: { ...process.env, LIMIT_SECONDS: `${LIMIT_SECONDS}` },
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    let complaint = '';
    child.stderr!.on('data', data => {
      complaint += data;
    });
    await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
    if (!existsSync(`${join(said, this.names[0]!)}.out`)) throw new Error(`${command}: ${complaint}`);
    return new Map(this.names.map(name => [name, outcome(name, join(said, name))]));
  }

  clear(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** What the program left in `file` with endings .out, .err and .code; the last is not there if it was cut off. */
function outcome(name: string, file: string): Outcome {
  const expectations = readFileSync(`${file}.out`, 'utf8')
    .split('\n')
    .filter(line => line.startsWith(`${name}, `))
    .map(line => {
      const [, step = '', expected = '', got = ''] = line.split(', ');
      return { step, expected, got };
    });
  const code = existsSync(`${file}.code`) ? Number(readFileSync(`${file}.code`, 'utf8')) : CUT_OFF;
  const isLate = code === CUT_OFF || code === 128 + SIGALRM;
  const complaint =
    readFileSync(`${file}.err`, 'utf8') + (isLate ? late(name, 1000 * LIMIT_SECONDS).message : '');
  return { verdict: verdicts[code] ?? 'broken', expectations, complaint };
}
