// A process of the demo: `leasefs io -k FILE`, driven by its standard input, so that a user can type each line of the demo.
// Each verb answers with one line; lines of forks and of breaks come between them.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { NO_DEBUGGER } from '../../base/no-debugger.js';
import { mainFile } from '../temporary-mount.js';
import { LIMIT_MS, late } from './patience.js';

/** What came back: 'ok', a text, or the name of an errno. */
export interface Reply {
  readonly text: string;
  /** The errno name of a refusal. */
  readonly refused: string | undefined;
}

interface Line {
  readonly text: string;
  readonly refused: boolean;
}

const ASIDE = /^(break|signal|\[)/;

export class Actor {
  /** A letter. */
  readonly name: string;
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly lines: Line[] = [];
  private readonly exited: Promise<void>;
  private wake: (() => void) | undefined;
  private gone = false;

  constructor(name: string, path: string) {
    this.name = name;
    const args = [NO_DEBUGGER, mainFile, 'io', '-f', '-k', '--', path];
    this.child = spawn(process.execPath, args, { stdio: 'pipe' });
    this.pid = this.child.pid ?? 0;
    // It may die before it has read everything.
    this.child.stdin!.on('error', () => {});
    createInterface({ input: this.child.stdout! }).on('line', text => this.heard({ text, refused: false }));
    createInterface({ input: this.child.stderr! }).on('line', text => this.heard({ text, refused: true }));
    this.exited = new Promise(resolve => {
      const over = (): void => {
        this.gone = true;
        this.wake?.();
        resolve();
      };
      this.child.on('close', over);
      this.child.on('error', over);
    });
  }

  /** Runs one verb and waits for its line. */
  async run(verb: string): Promise<Reply> {
    this.child.stdin!.write(`${verb}\n`);
    const line = await this.line(verb, text => !ASIDE.test(text));
    return answerOf(line);
  }

  /** The answer of the first fork's verb, whose line begins with `verb`. */
  async fork(verb: string): Promise<Reply> {
    return answerOf(await this.line(`fork { ${verb} }`, text => text.startsWith(`[1] ${verb}`)));
  }

  /** The line that a break or a signal makes, without its name. */
  async aside(name: 'break' | 'signal'): Promise<string> {
    return (await this.line(name, text => text.startsWith(`${name}: `))).text.slice(name.length + 2);
  }

  /** SIGKILL; also when it is gone already. */
  kill(): Promise<void> {
    this.child.kill('SIGKILL');
    return this.exited;
  }

  private heard(line: Line): void {
    this.lines.push(line);
    this.wake?.();
  }

  private async line(what: string, fits: (text: string) => boolean): Promise<Line> {
    const until = performance.now() + LIMIT_MS;
    for (;;) {
      const at = this.lines.findIndex(({ text }) => fits(text));
      if (at >= 0) return this.lines.splice(at, 1)[0]!;
      if (this.gone) throw new Error(`process ${this.name} ended before it answered '${what}'`);
      if (performance.now() > until) throw late(`an answer of process ${this.name} to '${what}'`);
      await new Promise<void>(resolve => {
        const late = setTimeout(resolve, until - performance.now());
        this.wake = () => {
          clearTimeout(late);
          resolve();
        };
      });
    }
  }
}

/** 'VERB ARGUMENTS: what came back'; arguments hold no ': '. */
function answerOf({ text, refused }: Line): Reply {
  const said = text.slice(text.indexOf(': ') + 2);
  return { text: said, refused: refused ? said.slice(0, said.indexOf(':')) : undefined };
}
