// The scenarios of the proposal: C programs, compiled here, run in any directory. A story of the 2019 thread each; see
// proposal.h for what they print. Linked with the proposal's own system calls, or with the ioctls of leasefs.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** test/proposal of the sources: this file runs from dist/. */
const sources = fileURLToPath(new URL('../../../test/proposal/', import.meta.url));
const headers = join(sources, '../../native/include');
const LIMIT_MS = 40_000;

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
      const flags = ['-Wall', '-Wextra', '-Werror', '-O1', ...(linkage === 'static' ? ['-static'] : [])];
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
  async runAll(place: Place): Promise<ReadonlyMap<string, Outcome>> {
    const outcomes = await Promise.all(this.names.map(name => this.run(name, place)));
    return new Map(this.names.map((name, at) => [name, outcomes[at]!]));
  }

  /** Runs one there. */
  async run(name: string, { calls, prefix, directory }: Place): Promise<Outcome> {
    const [command, ...args] = [...prefix, this.program(calls, name), directory];
    const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const late = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    const [said, complaint] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const code = await new Promise<number | null>(resolve => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
      else child.once('exit', resolve);
    });
    clearTimeout(late);
    const expectations = said
      .split('\n')
      .filter(line => line.startsWith(`${name}, `))
      .map(line => {
        const [, step = '', expected = '', got = ''] = line.split(', ');
        return { step, expected, got };
      });
    return { verdict: verdicts[code ?? -1] ?? 'broken', expectations, complaint };
  }

  clear(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private program(kind: Calls, name: string): string {
    return join(this.directory, kind, name);
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = '';
  for await (const piece of stream) all += piece;
  return all;
}
