// The words after a verb of `leasefs io`: flags first, then what the usage line names, each checked before anything runs.
import { parseSize } from '../sizes.js';
import { UsageError } from '../verb.js';

export class Arguments {
  private readonly usage: string;
  private readonly rest: string[];

  /** @param usage the verb's line of the help, for the error. */
  constructor(usage: string, words: readonly string[]) {
    this.usage = usage;
    this.rest = [...words];
  }

  /** Takes `-x` if it is there. */
  flag(name: string): boolean {
    const at = this.rest.indexOf(name);
    if (at >= 0) this.rest.splice(at, 1);
    return at >= 0;
  }

  /** Takes `-x WORD` if it is there. */
  option(name: string): string | undefined {
    const at = this.rest.indexOf(name);
    if (at < 0) return undefined;
    const [, value] = this.rest.splice(at, 2);
    return value ?? this.wrong(`${name} needs a value`);
  }

  word(name: string): string {
    return this.rest.shift() ?? this.wrong(`${name} is missing`);
  }

  /** Bytes: 4096, 4k, 0x1000. */
  size(name: string): number {
    const text = this.word(name);
    return parseSize(text) ?? this.wrong(`${name} '${text}' is no size`);
  }

  /** Whether words are left. */
  get more(): boolean {
    return this.rest.length > 0;
  }

  end(): void {
    if (this.more) this.wrong(`'${this.rest[0]}' is too much`);
  }

  wrong(what: string): never {
    throw new UsageError(`${what} in '${this.usage}'`);
  }
}
