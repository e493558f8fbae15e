// The rules as src/lease/README.md has them: `- **X1** text`, a list below it, then `Example: ...`.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CommandError } from './verb.js';

export interface Rule {
  readonly number: string;
  /** The first sentence. */
  readonly summary: string;
  /** All of it, as Markdown, without sources and example. */
  readonly text: string;
  /** 'R 02, T'; what follows D is our reason. */
  readonly sources: string;
  readonly example: string;
}

/** Beside the compiled file where a package puts it there, else in the tree that dist/ is part of. */
const places = ['../lease/README.md', '../../../src/lease/README.md'];

/** @throws CommandError when the package lacks the file. */
export function readRules(): Rule[] {
  const files = places.map(place => fileURLToPath(new URL(place, import.meta.url)));
  const file = files.find(path => existsSync(path));
  if (file === undefined) throw new CommandError(`the rules are not there: no ${files.join(', no ')}`);
  return parseRules(readFileSync(file, 'utf8'));
}

export function parseRules(text: string): Rule[] {
  const rules: Rule[] = [];
  const blocks = text.split(/^(?=- \*\*[WLNXBA]\d*\*\* |## )/m);
  for (const block of blocks) {
    const [, number, body] = /^- \*\*([WLNXBA]\d*)\*\* (.*)$/s.exec(block) ?? [];
    if (number === undefined || body === undefined) continue;
    const [rule = '', example = ''] = body.split(/^ {2}Example: /m);
    // The last: the text may name a source too.
    const source = [...rule.matchAll(/ ?\[([TRPCMD][^\]]*)\]/g)].at(-1);
    rules.push({
      number,
      summary: oneLine(rule)
        .split(/(?<=\.) /)[0]!
        .replace(/\.$/, ''),
      text: (source === undefined ? rule : rule.replace(source[0], '')).replace(/^ {2}/gm, '').trim(),
      sources: oneLine(source?.[1] ?? ''),
      example: oneLine(example),
    });
  }
  return rules;
}

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
