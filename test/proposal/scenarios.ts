// The scenarios of the proposal: C programs, compiled here, run in any directory. A story of the 2019 thread each; see
// proposal.h for what they print. Linked with the proposal's own system calls, or with the ioctls of leasefs.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { timeFactor } from '../time-factor.js';

/** test/proposal of the sources: this file runs from dist/. */
const sources = fileURLToPath(new URL('../../../test/proposal/', import.meta.url));
const headers = join(sources, '../../native/include');
const LIMIT_MS = 40_000 * timeFactor;

/** With which device memory is registered: a ring, or a queue pair of RDMA. */
export type Device = 'uring' | 'rdma';

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

/** What they are linked with: the proposal's fcntl and what registers memory, or the ioctls of leasefs.h. */
export type Calls = 'fcntl' | 'ioctl';

const parts = (kind: Calls, device: Device): readonly string[] =>
  kind === 'fcntl' ? ['lease-fcntl.c', `memory-${device}.c`] : ['lease-ioctl.c', 'memory-ioctl.c'];

/** For sh -c, with directory, where to write, programs: all at once, what each says in files of its own. */
const together = `said=$1; shift
for program; do
  to=$said/\${program##*/}
  { "$program" "$0" >"$to.out" 2>"$to.err"; echo $? >"$to.code"; } &
done
wait`;

const verdicts: Readonly<Record<number, Verdict>> = { 0: 'as proposed', 1: 'differs', 77: 'untried' };

/** Where a scenario is told. */
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
  readonly names: readonly string[];
  private readonly directory: string;

  /** Compiles them all for a device; `static` links them with everything, so that nothing can be preloaded into them. */
  constructor(linkage: 'dynamic' | 'static' = 'dynamic', device: Device = 'uring') {
    this.directory = mkdtempSync(join(tmpdir(), 'leasefs-proposal-'));
    const compile = (output: string, ...args: readonly string[]): void => {
      const flags = [
        `-DLIMIT_SECONDS=${30 * timeFactor}`,
        '-Wall',
        '-Wextra',
        '-Werror',
        '-O1',
        ...(linkage === 'static' ? ['-static'] : []),
      ];
      const built = spawnSync('gcc', [...flags, '-I', headers, ...args, '-o', output], { encoding: 'utf8' });
      if (built.status !== 0) throw new Error(`${args.join(' ')}: ${built.stderr ?? built.error}`);
    };
    this.names = readdirSync(join(sources, 'scenarios'))
      .map(file => basename(file, '.c'))
      .sort();
    const libraries = device === 'rdma' ? ['-libverbs'] : [];
    const objects = (kind: Calls) => parts(kind, device).map(file => join(this.directory, `${file}.o`));
    for (const kind of ['fcntl', 'ioctl'] as const) {
      mkdirSync(join(this.directory, kind));
      for (const [at, object] of objects(kind).entries())
        compile(object, '-c', join(sources, parts(kind, device)[at]!));
    }
    for (const name of this.names) {
      const object = join(this.directory, `${name}.o`);
      compile(object, '-c', join(sources, `scenarios/${name}.c`));
      for (const kind of ['fcntl', 'ioctl'] as const)
        compile(this.program(kind, name), object, ...objects(kind), ...libraries);
    }
  }

  /** Runs all of them there at once, each on a file of its own; by name, in the order of the names. */
  async runAll({ calls, prefix, directory }: Place): Promise<ReadonlyMap<string, Outcome>> {
    const said = mkdtempSync(join(this.directory, 'said-'));
    const programs = this.names.map(name => this.program(calls, name));
    const [command, ...args] = [...prefix, 'sh', '-c', together, directory, said, ...programs];
    const stdio = ['ignore', 'ignore', 'pipe'] as const;
    const child = spawn(command!, args, { stdio: [...stdio], timeout: LIMIT_MS, killSignal: 'SIGKILL' });
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

  private program(kind: Calls, name: string): string {
    return join(this.directory, kind, name);
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
  const code = existsSync(`${file}.code`) ? Number(readFileSync(`${file}.code`, 'utf8')) : -1;
  const complaint = readFileSync(`${file}.err`, 'utf8');
  return { verdict: verdicts[code] ?? 'broken', expectations, complaint };
}
