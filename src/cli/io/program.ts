// The text of a verb chain as commands. Verbs end at ';' or a newline; words may be quoted; `fork { ... }` holds a chain
// of its own and nests.
//
//   program = [command] { (';' | newline) [command] }
//   command = word { word } [ '{' program '}' ]
import { UsageError } from '../verb.js';

export interface Command {
  readonly verb: string;
  readonly words: readonly string[];
  /** What stands in braces. */
  readonly body: readonly Command[] | undefined;
}

/** Words, and the marks that are no words: separator and braces. */
type Token = { readonly word: string } | ';' | '{' | '}';

/** @throws UsageError */
export function parseProgram(text: string): Command[] {
  const tokens = tokensOf(text);
  const { commands, next } = chain(tokens, 0);
  if (next < tokens.length) throw new UsageError("a '}' without its '{'");
  return commands;
}

function chain(tokens: readonly Token[], from: number): { commands: Command[]; next: number } {
  const commands: Command[] = [];
  let at = from;
  while (at < tokens.length && tokens[at] !== '}') {
    if (tokens[at] === ';') {
      at++;
      continue;
    }
    const words: string[] = [];
    for (let token = tokens[at]; typeof token === 'object'; token = tokens[++at]) words.push(token.word);
    const [verb, ...rest] = words;
    if (verb === undefined) throw new UsageError("a '{' without a verb before it");
    let body: Command[] | undefined;
    if (tokens[at] === '{') {
      const inner = chain(tokens, at + 1);
      if (tokens[inner.next] !== '}') throw new UsageError(`the '{' of ${verb} is not closed`);
      body = inner.commands;
      at = inner.next + 1;
    }
    commands.push({ verb, words: rest, body });
  }
  return { commands, next: at };
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (char === ';' || char === '\n') tokens.push(';');
    if (char === '{' || char === '}') tokens.push(char);
    if (/[\s;{}]/.test(char)) {
      at++;
      continue;
    }
    const { word, next } = wordAt(text, at);
    tokens.push({ word });
    at = next;
  }
  return tokens;
}

/** A word may be made of quoted and bare parts: a'b c'd. */
function wordAt(text: string, from: number): { word: string; next: number } {
  let word = '';
  let at = from;
  while (at < text.length && !/[\s;{}]/.test(text[at]!)) {
    const quote = text[at]!;
    if (quote !== "'" && quote !== '"') {
      word += quote;
      at++;
      continue;
    }
    const end = text.indexOf(quote, at + 1);
    if (end < 0) throw new UsageError(`a ${quote} is not closed`);
    word += text.slice(at + 1, end);
    at = end + 1;
  }
  return { word, next: at };
}

/** Whether more text may follow: a '{' is still open. A quote does not go on over a line. */
export function isOpen(text: string): boolean {
  let depth = 0;
  for (const token of tokensOf(text)) depth += token === '{' ? 1 : token === '}' ? -1 : 0;
  return depth > 0;
}

/** The program as text that parses to the same commands. */
export function programText(commands: readonly Command[]): string {
  return commands
    .map(({ verb, words, body }) => {
      const line = [verb, ...words].map(quoted).join(' ');
      return body === undefined ? line : `${line} { ${programText(body)} }`;
    })
    .join('; ');
}

function quoted(word: string): string {
  if (/^[^\s;{}'"]+$/.test(word)) return word;
  // A quote of one kind inside the other: parts side by side.
  return word === ''
    ? "''"
    : word.replace(/[^']+|'+/g, part => (part.startsWith("'") ? `"${part}"` : `'${part}'`));
}
