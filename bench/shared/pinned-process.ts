// A process of the bench on one CPU, asked one thing at a time over Node's channel.
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** Everything that is measured runs on this CPU, one at a time. */
export const CPU = availableParallelism() - 1;

/**
 * Young generations of 16 MiB, so that the garbage of a few thousand operations stays where it is counted. Compiling at
 * once: on one CPU the compiler's thread waits for what is measured, which is then interpreted, and eight times as slow.
 */
const NODE_FLAGS = [
  '--expose-gc',
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--no-concurrent-recompilation',
];

/** The slowest answer, of a rival's million changes, takes a minute or two. */
const PATIENCE_MS = 600_000;

export class PinnedProcess<Ask extends object, Answer> {
  private readonly child: ChildProcess;
  private readonly name: string;

  constructor(name: string, script: string) {
    this.name = name;
    this.child = spawn('taskset', ['-c', String(CPU), process.execPath, ...NODE_FLAGS, script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** @throws Error when the process ends instead of answering, or takes longer than ten minutes: then it is killed. */
  ask(question: Ask): Promise<Answer> {
    const { child, name } = this;
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        child.kill('SIGKILL');
        settle(() => reject(new Error(`${name} did not answer within ${PATIENCE_MS / 60_000} minutes`)));
      }, PATIENCE_MS);
      const settle = (then: () => void) => {
        clearTimeout(late);
        child.off('message', answered).off('exit', ended).off('error', failed);
        then();
      };
      const answered = (answer: unknown) => settle(() => resolve(answer as Answer));
      const ended = (code: number | null, signal: string | null) =>
        settle(() => reject(new Error(`${name} ended with ${code ?? signal} instead of answering`)));
      const failed = (error: Error) =>
        settle(() => reject(new Error(`${name}: ${error.message}; is taskset (util-linux) installed?`)));
      child.on('message', answered).on('exit', ended).on('error', failed);
      if (this.hasEnded) ended(child.exitCode, child.signalCode);
      else child.send(question);
    });
  }

  close(): Promise<void> {
    const { child } = this;
    if (this.hasEnded) return Promise.resolve();
    return new Promise(resolve => {
      child.once('exit', () => resolve());
      child.disconnect();
    });
  }

  private get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}
