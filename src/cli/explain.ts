// `leasefs explain`: the rules by their numbers, from src/lease/README.md.
import { jsonText } from './json.js';
import { type Rule, readRules } from './rules.js';
import { pairs } from './table.js';
import { CommandError, parseOptions, UsageError, type Verb } from './verb.js';

const WIDTH = 92;

export const verb: Verb = {
  name: 'explain',
  summary: 'a rule by its number, with its source and an example',
  help: `usage: leasefs explain [--json] [RULE]

Refusals, events and the log name the rule behind them: X1, L5, N1. 'leasefs explain X1'
prints that rule, 'leasefs explain' lists all.

  L leases   N pins   X layout changes   B breaks   A what the administrator sees   W words

Sources: T the thread of September 2019, R the patch series, P the lease proposal, C Chinner
on patch 01/19, M fcntl(2), D our decision, with its reason.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' } });
    const [number, ...more] = positionals;
    if (more.length > 0) throw new UsageError(`one RULE is expected, '${more[0]}' is too much`);
    const rules = readRules();
    if (number === undefined) {
      if (values.json) console.log(jsonText('rules', { rules }));
      else for (const line of listText(rules)) console.log(line);
      return 0;
    }
    const rule = rules.find(known => known.number === number.toUpperCase());
    if (rule === undefined) throw new CommandError(`no rule ${number}: 'leasefs explain' lists them`);
    if (values.json) console.log(jsonText('rule', { rule }));
    else for (const line of ruleText(rule)) console.log(line);
    return 0;
  },
};

export const listText = (rules: readonly Rule[]): string[] =>
  pairs(
    rules.map(({ number, summary }) => [number, shortened(plain(summary), WIDTH - 8)] as const),
    '',
  );

export function ruleText({ number, text, sources, example }: Rule): string[] {
  const paragraphs = plain(text)
    .split(/\n(?=- )/)
    .flatMap(part => wrapped(part.replace(/\s+/g, ' ').trim()));
  return [
    number,
    ...paragraphs.map(line => `  ${line}`),
    '',
    ...wrapped(`Sources: ${plain(sources)}`).map(line => `  ${line}`),
    '',
    ...wrapped(`Example: ${plain(example)}`).map(line => `  ${line}`),
  ];
}

/** Without the marks of Markdown. */
const plain = (text: string): string =>
  text.replace(/`|\\(?=\|)/g, '').replace(/(?<!\w)([_*])(\w[^_*]*)\1(?!\w)/g, '$2');

const shortened = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 3).replace(/\s+\S*$/, '')}...`;

function wrapped(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH - 2) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
