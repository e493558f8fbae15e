// leasefs-keeper with a daemon that carries out scripts (fake-daemon.ts).
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { built } from '../../src/native/built.js';
import { eventually } from '../support/actors.js';
import { timeFactor } from '../support/time-factor.js';

/** What the daemon does, in turn; after the last one it stays. */
export type Step = readonly [
  (
    | 'keep' // NAME TEXT: a memory file with that text
    | 'drop' // NAME
    | 'raw' // a message as it is; 'fd': with a descriptor
    | 'mounted' // ID PATH
    | 'mount-tmpfs' // PATH
    | 'serve'
    | 'next' // ARGV...
    | 'watch'
    | 'signal-keeper' // SIGTERM, and waits until it is taken
    | 'stop-keeper' // SIGSTOP, and waits until it is stopped
    | 'close' // a descriptor
    | 'sleep' // ms
    | 'exit' // CODE
    | 'kill' // by SIGKILL
    | 'kill-by' // SIGNAL, as if nothing handled it
    | 'stay' // notes that it came here
  ),
  ...string[],
];
export type Script = readonly Step[];

export interface Start {
  readonly what: 'start';
  readonly pid: number;
  readonly deaths: number;
  readonly takesOver: boolean;
  readonly kept: Readonly<Record<string, string>>;
  readonly session: number;
  readonly keeperFds: number;
  readonly children: string;
}

export type Note =
  | Start
  | { readonly what: 'next'; readonly answer: number }
  | { readonly what: 'serve' | 'gone' | 'stay' | NodeJS.Signals };

/** The daemon's place for the socket. */
export const PLACE = '5';
const program = fileURLToPath(new URL('./fake-daemon.js', import.meta.url));
const COME_MS = 30_000 * timeFactor;

/** Its command. The scripts are too long for an argument. */
export function fakeDaemon(directory: string, scripts: readonly Script[]): string[] {
  writeFileSync(join(directory, 'scripts'), JSON.stringify(scripts));
  return [process.execPath, program, PLACE, directory];
}

export function notesIn(directory: string): Note[] {
  const file = join(directory, 'notes');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Note);
}

interface KeeperOptions {
  readonly deaths?: number;
  readonly seconds?: number;
  readonly env?: NodeJS.ProcessEnv;
}

export class Kept {
  readonly directory = mkdtempSync(join(tmpdir(), 'leasefs-keeper-'));
  readonly process: ChildProcess;
  /** Exit code, or the signal that ended the keeper. */
  readonly ended: Promise<number | string | null>;
  readonly stderr: Promise<string>;
  /** The other end of descriptor 3, which is closed where no process has it any more. */
  readonly inherited: Promise<string>;

  constructor(
    scripts: readonly Script[],
    { deaths = 5, seconds = 60, env = process.env }: KeeperOptions = {},
  ) {
    const daemon = fakeDaemon(this.directory, scripts);
    this.process = spawn(built('leasefs-keeper'), [PLACE, `${deaths}`, `${seconds}`, ...daemon], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env,
    });
    this.stderr = text(this.process.stderr!);
    this.inherited = text(this.process.stdio[3] as NodeJS.ReadableStream);
    this.ended = new Promise(resolve => this.process.once('exit', (code, signal) => resolve(code ?? signal)));
  }

  notes(): Note[] {
    return notesIn(this.directory);
  }

  starts(): Start[] {
    return this.notes().filter(note => note.what === 'start');
  }

  count(what: Note['what']): number {
    return this.notes().filter(note => note.what === what).length;
  }

  came(what: Note['what'], times = 1): Promise<void> {
    return eventually(`${times} notes '${what}'`, () => this.count(what) >= times, COME_MS);
  }

  /** Waits for the keeper's end; what it was. */
  async end(): Promise<{ code: number | string | null; stderr: string; starts: Start[] }> {
    const code = await this.ended;
    return { code, stderr: await this.stderr, starts: this.starts() };
  }

  /** Ends what is left, and its files. */
  clear(): void {
    this.process.kill('SIGKILL');
    for (const { pid } of this.starts()) {
      try {
        if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(this.directory))
          process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
