// Real processes that do what a test says: see actor.c. Each runs its commands in threads of their own, so that one
// may wait for a lease break while the next is sent.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoName } from '../../src/base/errno.js';
import { type At, Verbs, View, type Word } from './actor-verbs.js';
import type { Mounted } from './mounted.js';
import { O_RDWR } from './numbers.js';
import { late, timeFactor } from './time-factor.js';

/** test/e2e of the sources: this file runs from dist/. */
const here = fileURLToPath(new URL('../../../test/support/', import.meta.url));
const LIMIT_MS = 20_000 * timeFactor;

export interface Result {
  /** 0 or more, or `-errno`. */
  readonly value: number;
  /** 'ok' or an errno name. */
  readonly verdict: string;
  readonly text: string;
}

/** A command under way. */
export interface Command {
  readonly id: number;
  readonly result: Promise<Result>;
}

export interface ActorOptions {
  readonly uid?: number;
  /** RLIMIT_MEMLOCK, bytes. */
  readonly memlock?: number;
  /** Capabilities that are kept with another uid, as a mask. */
  readonly caps?: bigint;
  /** A command that runs the actor: `nsenter ...`. */
  readonly through?: readonly string[];
}

/**
 * `await a.truncate(path, 0)` does it and answers the call's value; a refusal is an error of the test.
 * `await a.try.truncate(path, 0)` answers 'ok' or the errno name. `a.begin.truncate(path, 0)` does not wait.
 */
export class Actor extends Verbs<Promise<number>> {
  readonly try = new View(async (verb, ...args) => (await this.issue(verb, args).result).verdict);
  readonly begin = new View((verb, ...args) => this.issue(verb, args));
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly gone: Promise<void>;
  private readonly socket: Socket;
  private readonly pending = new Map<number, (result: Result) => void>();
  private readonly stage: Stage;
  private nextId = 1;

  constructor(stage: Stage, name: string, pid: number, socket: Socket) {
    super();
    this.stage = stage;
    this.name = name;
    this.pid = pid;
    this.socket = socket;
    this.gone = new Promise(resolve => socket.once('close', () => resolve()));
    socket.on('error', () => {});
    socket.on('close', () => {
      for (const resolve of this.pending.values())
        resolve({ value: -3, verdict: 'ESRCH', text: 'the process is gone' });
      this.pending.clear();
    });
  }

  /** Lines from the process, after its hello. */
  heard(line: string): void {
    const [id, value, ...text] = line.split(' ');
    const number = Number(value);
    this.pending.get(Number(id))?.({
      value: number,
      verdict: number < 0 ? errnoName(number) : 'ok',
      text: text.join(' ').trim(),
    });
    this.pending.delete(Number(id));
  }

  private issue(verb: string, args: readonly Word[]): Command {
    const id = this.nextId++;
    const result = new Promise<Result>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(late(`${this.name}: an answer to ${verb} ${args.join(' ')}`, LIMIT_MS)),
        LIMIT_MS,
      );
      timer.unref();
      this.pending.set(id, answer => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
    this.socket.write(`${[id, verb, ...args].join(' ')}\n`);
    return { id, result };
  }

  /** Does it; a refusal is an error of the test. */
  private async must(verb: string, args: readonly Word[]): Promise<Result> {
    const result = await this.issue(verb, args).result;
    if (result.verdict !== 'ok')
      throw new Error(`${this.name}: ${verb} ${args.join(' ')}: ${result.verdict}`);
    return result;
  }

  async call(verb: string, ...args: readonly Word[]): Promise<number> {
    return (await this.must(verb, args)).value;
  }

  private async words(verb: string, ...args: readonly Word[]): Promise<string[]> {
    return (await this.must(verb, args)).text.split(' ');
  }

  /** What GETLEASE answers: the kind, what is left of the time of a break, the token of the description (N4). */
  async lease({ slot = 0 }: At = {}): Promise<{ kind: number; breakMs: number; token: bigint }> {
    const [kind, breakMs, token] = await this.words('getlease', slot);
    return { kind: Number(kind), breakMs: Number(breakMs), token: BigInt(token!) };
  }

  /** What GETPINS answers after the pin of this id: how many it lists, of how many, and the first one's id. */
  async pinsAfter(
    id: number,
    { slot = 0 }: At = {},
  ): Promise<{ count: number; total: number; first: number }> {
    const { value, text } = await this.must('getpins', [slot, id]);
    const [total, first] = text.split(' ').map(Number);
    return { count: value, total: total!, first: first! };
  }

  /** st_blocks, units of 512 bytes. */
  async blocks({ slot = 0 }: At = {}): Promise<number> {
    return Number((await this.words('stat', slot))[1]);
  }

  /** The signals that came, as `NUMBER:VALUE NUMBER:VALUE`. */
  async signals(): Promise<string> {
    return (await this.words('signals')).join(' ');
  }

  /** fork(2): the child has all descriptors and mappings. */
  async fork(name: string): Promise<Actor> {
    const child = this.stage.expect(name);
    await this.call('fork', name);
    return child;
  }

  async kill(): Promise<void> {
    process.kill(this.pid, 'SIGKILL');
    await this.gone;
  }

  /** Ends it, even in the middle of a call. Its pid may be another namespace's: without a socket it ends by itself. */
  async end(): Promise<void> {
    this.socket.destroy();
    await this.gone;
  }

  async exit(): Promise<void> {
    this.socket.write('0 exit\n');
    await this.gone;
  }
}

interface Meeting {
  readonly directory: string;
  readonly program: string;
  readonly server: Server;
}

/** Where the actors of one test file meet. Nothing is made before the first comes. */
export class Stage {
  private meeting: Meeting | undefined;
  private readonly awaited = new Map<string, (actor: Actor) => void>();
  private readonly actors = new Set<Actor>();
  private pairs = 0;

  private open(): Meeting {
    const directory = mkdtempSync(join(tmpdir(), 'leasefs-stage-'));
    // Actors of other users come here too.
    chmodSync(directory, 0o755);
    const program = join(directory, 'actor');
    buildActor(program);
    const server = createServer(socket => this.welcome(socket));
    server.listen({ path: join(directory, 'socket'), readableAll: true, writableAll: true });
    return { directory, program, server };
  }

  async actor(name: string, options: ActorOptions = {}): Promise<Actor> {
    this.meeting ??= this.open();
    const { directory, program } = this.meeting;
    const arriving = this.expect(name);
    const { uid = 0, memlock = '', caps = 0n, through = [] } = options;
    const [command, ...args] = [
      ...through,
      program,
      join(directory, 'socket'),
      name,
      String(uid),
      String(memlock),
      String(caps),
    ];
    spawn(command!, args, { stdio: 'inherit' });
    return arriving;
  }

  /** Two actors, each with the file open for reading and writing in slot 0. */
  async pair(path: string): Promise<[Actor, Actor]> {
    const n = ++this.pairs;
    const pair: [Actor, Actor] = [await this.actor(`a${n}`), await this.actor(`b${n}`)];
    for (const actor of pair) await actor.open(path, O_RDWR);
    return pair;
  }

  expect(name: string): Promise<Actor> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(late(`actor ${name}`, LIMIT_MS)), LIMIT_MS);
      this.awaited.set(name, actor => {
        clearTimeout(timer);
        resolve(actor);
      });
    });
  }

  /** Ends every actor. */
  async clear(): Promise<void> {
    await Promise.all([...this.actors].map(actor => actor.end()));
    this.actors.clear();
  }

  async close(): Promise<void> {
    await this.clear();
    if (this.meeting === undefined) return;
    this.meeting.server.close();
    rmSync(this.meeting.directory, { recursive: true, force: true });
    this.meeting = undefined;
  }

  private welcome(socket: Socket): void {
    let text = '';
    let actor: Actor | undefined;
    socket.on('data', data => {
      text += data;
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        if (actor !== undefined) {
          actor.heard(line);
          continue;
        }
        const [, name = '', pid] = line.split(' ');
        actor = new Actor(this, name, Number(pid), socket);
        this.actors.add(actor);
        this.awaited.get(name)?.(actor);
        this.awaited.delete(name);
      }
    });
  }
}

/** Compiles it, or copies what another test file compiled since the sources and the compiler's flags changed. */
function buildActor(program: string): void {
  const sources = ['actor.c', 'actor-meeting.c', 'actor-rings.c', 'actor-watch.c'].map(source =>
    join(here, source),
  );
  const include = join(here, '../../native/include');
  const headers = readdirSync(include).map(name => join(include, name));
  const hash = createHash('sha256');
  for (const file of [...sources, join(here, 'actor.h'), ...headers]) hash.update(readFileSync(file));
  // A virtual machine of another processor has the same tree.
  const kept = fileURLToPath(
    new URL(`actor-${process.arch}-${hash.digest('hex').slice(0, 16)}`, import.meta.url),
  );
  if (existsSync(kept)) {
    copyFileSync(kept, program);
    return;
  }
  const flags = ['-Wall', '-Wextra', '-Werror', '-O1', '-pthread', '-I', include];
  const built = spawnSync('gcc', [...flags, ...sources, '-o', program], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`actor.c: ${built.stderr ?? built.error}`);
  try {
    // By rename, so that no other run copies half of it.
    const whole = `${kept}.${process.pid}`;
    copyFileSync(program, whole);
    renameSync(whole, kept);
  } catch {
    // The tree belongs to another user: it is compiled each time.
  }
}

/** Waits until `seen` answers true; polls, since there is no event for it; gives up with an error after `ms`. */
export async function eventually(
  what: string,
  seen: () => boolean | Promise<boolean>,
  ms = 20_000 * timeFactor,
): Promise<void> {
  const until = performance.now() + ms;
  while (!(await seen())) {
    if (performance.now() > until) throw late(what, ms);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}

/** Whether the daemon keeps the command waiting: it counts `all` waiters, and has not answered this one. */
export async function isParked(mount: Mounted, command: Command, all = 1): Promise<boolean> {
  let answered = false;
  const note = () => {
    answered = true;
  };
  command.result.then(note, note);
  await eventually('a waiter', () => answered || mount.report('status').waiters >= all);
  return !answered;
}

/** Whether a command that breaks a lease of the file still waits once the daemon has begun the break. */
export async function waitsForBreak(mount: Mounted, path: string, command: Command): Promise<boolean> {
  const isBreaking = () =>
    mount
      .report('leases')
      .leases.some(lease => lease.path === `/${basename(path)}` && lease.state === 'breaking');
  await eventually(`a break on ${path}`, isBreaking);
  return isParked(mount, command);
}

/** Numbers of poll(2), or ppoll(2) where there is no other, and pwrite64(2). */
const CALLS = process.arch === 'arm64' ? { poll: 73, pwrite: 68 } : { poll: 7, pwrite: 18 };

/**
 * Whether the actor sleeps in the system call of the command, which is not answered: for waits that the daemon knows
 * nothing of, else see isParked.
 */
export async function sleepsIn(actor: Actor, call: keyof typeof CALLS, command: Command): Promise<boolean> {
  let answered = false;
  const note = () => {
    answered = true;
  };
  command.result.then(note, note);
  const tasks = `/proc/${actor.pid}/task`;
  const sleeps = () => readdirSync(tasks).some(tid => callOf(`${tasks}/${tid}`) === CALLS[call]);
  await eventually(`${actor.name} in ${call}(2)`, () => answered || sleeps());
  // What is sent before this answer and does not wait is answered before it.
  await actor.signals();
  return !answered;
}

/** The number of the system call in which the thread sleeps; NaN of one that runs or has ended. */
function callOf(task: string): number {
  try {
    return Number.parseInt(readFileSync(`${task}/syscall`, 'utf8'), 10);
  } catch {
    return Number.NaN;
  }
}
