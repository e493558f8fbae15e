// What the demo prints and checks: each line is a call of one process, its result, and the rule.
import { type ErrnoName, errno, errnoText } from '../../base/errno.js';
import { paint } from '../colour.js';
import { Actor, type Reply } from './actor.js';
import { callText } from './call-text.js';
import { LIMIT_MS, late } from './patience.js';

/** A call had a result other than the rules say. */
export class Unexpected extends Error {}

const CALL_WIDTH = 38;
const ANSWER_WIDTH = 39;

export class Scene {
  private readonly actors: Actor[] = [];

  /** A new process that has the file open. @param name a letter. */
  actor(name: string, path: string): Actor {
    const actor = new Actor(name, path);
    this.actors.push(actor);
    return actor;
  }

  title(number: number, text: string): void {
    console.log(`\n${paint('bold', `${number}  ${text}`)}`);
  }

  note(text: string): void {
    console.log(paint('dim', `   ${text}`));
  }

  /** The verb must succeed, with a text that contains `says` if given. */
  async ok(actor: Actor, verb: string, rule = '', says = ''): Promise<void> {
    this.show(actor.name, actor.pid, verb, await actor.run(verb), undefined, rule, says);
  }

  /** The verb must be refused so. */
  async refused(actor: Actor, verb: string, code: ErrnoName, rule: string): Promise<void> {
    this.show(actor.name, actor.pid, verb, await actor.run(verb), code, rule, '');
  }

  /** A child with its own verbs, which inherits the descriptor; its pid. */
  async fork(actor: Actor, body: string): Promise<number> {
    const { text } = await actor.run(`fork { ${body} }`);
    const pid = Number(text.split(' ').at(-1));
    this.line(actor.name, actor.pid, 'fork()', paint('green', `${pid}`.padEnd(ANSWER_WIDTH)), '');
    return pid;
  }

  /** A verb of that child, which must be refused with `code`, or come through without. */
  async forked(
    actor: Actor,
    pid: number,
    verb: string,
    code: ErrnoName | undefined,
    rule: string,
    says = '',
  ): Promise<void> {
    const [name] = verb.split(' ');
    this.show(`${actor.name}'`, pid, verb, await actor.fork(name!), code, rule, says);
  }

  /** A call that was begun before, answered now. */
  later(actor: Actor, verb: string, answer: Reply, rule: string): void {
    this.show(actor.name, actor.pid, verb, answer, undefined, rule, '');
  }

  /** Something that was seen happening and is no call. */
  seen(actor: Actor | undefined, what: string, answer: string, rule: string): void {
    this.line(actor?.name ?? '', actor?.pid, what, paint('cyan', answer.padEnd(ANSWER_WIDTH)), rule);
  }

  /** Insists; `what` says what should have been. */
  must(condition: boolean, what: string): void {
    if (!condition) throw new Unexpected(what);
  }

  /** Waits for what comes soon. */
  async eventually(what: string, holds: () => Promise<boolean>, limitMs = LIMIT_MS): Promise<void> {
    const until = performance.now() + limitMs;
    while (!(await holds())) {
      if (performance.now() > until) throw new Unexpected(late(what, limitMs).message);
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }

  /** Ends every process; none outlives the demo. */
  async close(): Promise<void> {
    await Promise.all(this.actors.map(actor => actor.kill()));
  }

  private show(
    name: string,
    pid: number,
    verb: string,
    answer: Reply,
    code: ErrnoName | undefined,
    rule: string,
    says: string,
  ): void {
    const { refused, text } = answer;
    const right = refused === code && text.includes(says);
    const said = refused === undefined ? brief(text) : `${refused} ${errnoText(errno[refused as ErrnoName])}`;
    const style = !right || text.includes('DISAGREES') ? 'red' : refused === undefined ? 'green' : 'yellow';
    this.line(name, pid, callText(verb), paint(style, said.padEnd(ANSWER_WIDTH)), rule);
    const wanted = code ?? (says === '' ? 'success' : `'${says}'`);
    this.must(right, `process ${name}: ${verb} should have come back with ${wanted}, not '${text}'`);
  }

  private line(name: string, pid: number | undefined, call: string, answer: string, rule: string): void {
    const who = `${name.padEnd(2)} ${String(pid ?? '').padEnd(7)}`;
    console.log(
      `   ${paint('magenta', who)} ${call.padEnd(CALL_WIDTH)} ${answer} ${paint('dim', rule)}`.trimEnd(),
    );
  }
}

/** What `uring-read` says is too long for a column. */
const brief = (text: string): string => text.replace(/^.* from the device, /, '').replace(/: it reads.*/, '');
