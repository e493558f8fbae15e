// The scenarios of the proposal: C programs against plain system calls, compiled here, run in any directory. A story of
// the 2019 thread each; see proposal.h for what they print.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** test/proposal of the sources: this file runs from dist/. */
const sources = fileURLToPath(new URL('../../../test/proposal/', import.meta.url));
const LIMIT_MS = 40_000;

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

const verdicts: Readonly<Record<number, Verdict>> = { 0: 'as proposed', 1: 'differs', 77: 'untried' };

/** Those that are not as the proposal. */
export const differing = ({ expectations }: Outcome): readonly Expectation[] =>
  expectations.filter(({ expected, got }) => expected !== got);

export class Scenarios {
  readonly names: readonly string[];
  private readonly directory: string;

  /** Compiles them all; `static` links them with everything, so that nothing can be preloaded into them. */
  constructor(linkage: 'dynamic' | 'static' = 'dynamic') {
    this.directory = mkdtempSync(join(tmpdir(), 'leasefs-proposal-'));
    this.names = readdirSync(join(sources, 'scenarios'))
      .map(file => basename(file, '.c'))
      .sort();
    for (const name of this.names) {
      const flags = ['-Wall', '-Wextra', '-Werror', '-O1', ...(linkage === 'static' ? ['-static'] : [])];
      const files = [join(sources, `scenarios/${name}.c`), join(sources, 'memory-uring.c')];
      const built = spawnSync('gcc', [...flags, ...files, '-o', this.program(name)], { encoding: 'utf8' });
      if (built.status !== 0) throw new Error(`${name}.c: ${built.stderr ?? built.error}`);
    }
  }

  /** Runs one in `directory`, through the command `prefix` if there is one. */
  async run(name: string, directory: string, prefix: readonly string[] = []): Promise<Outcome> {
    const [command, ...args] = [...prefix, this.program(name), directory];
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

  private program(name: string): string {
    return join(this.directory, name);
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = '';
  for await (const piece of stream) all += piece;
  return all;
}
