// `leasefs completion`: what bash, zsh and fish complete, made of the verbs and their help.
import { type HelpOption, helpOptions } from './help-options.js';
import { onlyArgument, parseOptions, UsageError, type Verb } from './verb.js';
import { allVerbs } from './verbs.js';

export const verb: Verb = {
  name: 'completion',
  summary: 'completions for bash, zsh or fish',
  help: `usage: leasefs completion bash|zsh|fish

Prints a script for that shell:

  bash  . <(leasefs completion bash)
  zsh   leasefs completion zsh >~/.zfunc/_leasefs, of a directory in $fpath
  fish  leasefs completion fish >~/.config/fish/completions/leasefs.fish

The packages for Debian and the tarball have them in place.`,

  async run(args) {
    const { positionals } = parseOptions(args, {});
    const shell = onlyArgument(positionals, 'the shell, bash, zsh or fish,');
    if (!Object.hasOwn(scripts, shell))
      throw new UsageError(`the shell is bash, zsh or fish, not '${shell}'`);
    process.stdout.write(completionOf(shell as Shell, await allVerbs()));
    return 0;
  },
};

export type Shell = 'bash' | 'zsh' | 'fish';

interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly HelpOption[];
}

export function completionOf(shell: Shell, verbs: readonly Verb[]): string {
  const completed = verbs.map(({ name, summary, help }) => ({ name, summary, options: helpOptions(help) }));
  return `${scripts[shell](completed).join('\n')}\n`;
}

const scripts: Readonly<Record<Shell, (verbs: readonly Completed[]) => string[]>> = { bash, zsh, fish };

const namesOf = (verbs: readonly Completed[]): string => verbs.map(({ name }) => name).join(' ');
const optionsOf = ({ options }: Completed): string =>
  [...options.map(({ name }) => name), '--help'].join(' ');

/** What may be the first word behind a verb. */
const firstWords = (verbs: readonly Completed[]): [verb: string, words: string][] => [
  ['help', namesOf(verbs)],
  ['completion', Object.keys(scripts).join(' ')],
];

/** Of each option with choices: 'VERB OPTION', and what may follow. Of a verb 'VERB VERB'. */
const choicesOf = (verbs: readonly Completed[]): [string, string][] => [
  ...verbs.flatMap(({ name: verb, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ name, choices }): [string, string] => [`${verb} ${name}`, choices.join(' ')]),
  ),
  ...firstWords(verbs).map(([verb, words]): [string, string] => [`${verb} ${verb}`, words]),
];

function bash(verbs: readonly Completed[]): string[] {
  const word = (at: string): string => `\${COMP_WORDS[${at}]}`;
  return [
    '# bash completion for leasefs',
    '_leasefs() {',
    `  local current=${word('COMP_CWORD')} words=`,
    '  COMPREPLY=()',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    words='${namesOf(verbs)} help --help --version'`,
    '  else',
    `    case "${word('1')} ${word('COMP_CWORD-1')}" in`,
    ...choicesOf(verbs).map(([at, words]) => `      '${at}') words='${words}' ;;`),
    '    esac',
    `    if [ -z "$words" ]; then case "${word('1')} $current" in`,
    ...verbs.map(verb => `      '${verb.name} -'*) words='${optionsOf(verb)}' ;;`),
    '    esac; fi',
    '  fi',
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")',
    '  [ -n "$words" ] || mapfile -t COMPREPLY < <(compgen -f -- "$current")',
    '}',
    'complete -o filenames -F _leasefs leasefs',
  ];
}

function zsh(verbs: readonly Completed[]): string[] {
  return [
    '#compdef leasefs',
    'local -a verbs',
    'verbs=(',
    ...verbs.map(({ name, summary }) => `  ${quoted(`${name}:${summary}`)}`),
    "  'help:the help of a verb'",
    ')',
    'if (( CURRENT == 2 )); then',
    "  _describe 'verb' verbs",
    '  return',
    'fi',
    'case "$words[2] $words[CURRENT-1]" in',
    ...choicesOf(verbs).map(([at, words]) => `  ${quoted(at)}) compadd -- ${words}; return ;;`),
    'esac',
    'if [[ $PREFIX == -* ]]; then',
    '  case $words[2] in',
    ...verbs.map(verb => `    ${verb.name}) compadd -- ${optionsOf(verb)} ;;`),
    '  esac',
    'else',
    '  _files',
    'fi',
  ];
}

function fish(verbs: readonly Completed[]): string[] {
  const line = (condition: string, rest: string): string =>
    `complete -c leasefs -n ${quoted(condition)} ${rest}`;
  return [
    '# fish completion for leasefs',
    ...verbs.map(({ name, summary }) => line('__fish_use_subcommand', `-f -a ${name} -d ${quoted(summary)}`)),
    line('__fish_use_subcommand', `-f -a help -d ${quoted('the help of a verb')}`),
    ...firstWords(verbs).map(([verb, words]) =>
      line(
        `__fish_seen_subcommand_from ${verb}; and test (count (commandline -opc)) = 2`,
        `-f -a ${quoted(words)}`,
      ),
    ),
    ...verbs.flatMap(({ name: verb, options }) =>
      options.map(({ name, hasValue, choices }) => {
        const is = name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`;
        const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : hasValue ? ' -r' : '';
        return line(`__fish_seen_subcommand_from ${verb}`, `${is}${value}`);
      }),
    ),
  ];
}

/** For every one of the three shells. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
