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
  ...['--expose-gc', '--min-semi-space-size=16', '--max-semi-space-size=16'],
  '--no-concurrent-recompilation',
];

export class PinnedProcess<Ask extends object, Answer> {
  private readonly child: ChildProcess;
  private readonly name: string;

  constructor(name: string, script: string) {
    this.name = name;
    this.child = spawn('taskset', ['-c', String(CPU), process.execPath, ...NODE_FLAGS, script], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  /** @throws Error when the process ends instead of answering. */
  ask(question: Ask): Promise<Answer> {
    const { child, name } = this;
    return new Promise((resolve, reject) => {
      const settle = (then: () => void) => {
        child.off('message', answered).off('exit', ended).off('error', failed);
        then();
      };
      const answered = (answer: unknown) => settle(() => resolve(answer as Answer));
      const ended = (code: number | null, signal: string | null) =>
        settle(() => reject(new Error(`${name} ended with ${code ?? signal} instead of answering`)));
      const failed = (error: Error) =>
        settle(() => reject(new Error(`${name}: ${error.message}; is taskset (util-linux) installed?`)));
      child.on('message', answered).on('exit', ended).on('error', failed);
      if (child.exitCode !== null) ended(child.exitCode, null);
      else child.send(question);
    });
  }

  close(): Promise<void> {
    const { child } = this;
    if (child.exitCode !== null) return Promise.resolve();
    return new Promise(resolve => {
      child.once('exit', () => resolve());
      child.disconnect();
    });
  }
}
