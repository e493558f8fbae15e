// The options that a verb's help names: completions are made of them. Pure.

export interface HelpOption {
  /** '--json', '-f'. */
  readonly name: string;
  readonly hasValue: boolean;
  /** The words that its value may be, as far as the help lists them. */
  readonly choices: readonly string[];
}

/** A line of the list of options begins so: up to its description, which stands apart by two blanks or on its own line. */
const HEAD = /^ {2}(-.*?)(?: {2}|$)/gm;
const OPTION = /(?<![\w-])(--?[a-z][a-z-]*)(?:\[?[= ]([^-\s,\]][^\s,\]]*))?/g;

/** In the order of the help, which is its usage line first. */
export function helpOptions(help: string): HelpOption[] {
  const [usage = ''] = help.split('\n\n', 1);
  const heads = [...help.matchAll(HEAD)].map(([, head]) => head!);
  const found = new Map<string, HelpOption>();
  for (const text of [...heads, ...(usage.match(/\[[^\]]*\]/g) ?? [])]) {
    const values = [...text.matchAll(OPTION)];
    // '-f, --foreground': what one of them takes the other one takes too.
    const last = values.at(-1)?.[2];
    for (const [, name, value = last] of values) {
      if (found.has(name!)) continue;
      found.set(name!, { name: name!, hasValue: value !== undefined, choices: choicesOf(value) });
    }
  }
  return [...found.values()];
}

/** 'auto|direct|pooled'; of 'US|auto|off' those that are no placeholder. */
const choicesOf = (value = ''): string[] =>
  value.includes('|') ? value.split('|').filter(word => /^[a-z0-9_-]+$/.test(word)) : [];
