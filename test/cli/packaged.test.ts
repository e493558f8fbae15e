// What the packages have beside the command is made of the command's own help: completions and manual pages.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { completionOf, type Shell } from '../../src/cli/completion.js';
import { helpOptions } from '../../src/cli/help-options.js';
import { manualPages } from '../../src/cli/manual.js';
import { readRules } from '../../src/cli/rules.js';
import type { Verb } from '../../src/cli/verb.js';
import { allVerbs, verbs } from '../../src/cli/verbs.js';

const test = suite('packaged');
const sources = new URL('../../../src/cli/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, sources), 'utf8');
const shells: readonly Shell[] = ['bash', 'zsh', 'fish'];

/** Each long option that a file declares to parseOptions. */
const declared = (text: string): string[] =>
  [...text.matchAll(/'?([a-z-]+)'?: \{ type: '(?:string|boolean)'/g)].map(([, name]) => name!);
/** For processes of its own alone. */
const hidden = new Set(['inherited', 'keeper-fd']);
/** Those of `-c COMMAND` and the like, whose help has the short form; and `-o`. */
const short: Readonly<Record<string, string>> = {
  command: '-c',
  create: '-f',
  readonly: '-r',
  nonblock: '-n',
  'keep-going': '-k',
  options: '-o',
};
const fileOf = (verb: string): string[] => {
  if (verb === 'demo') return ['demo/demo.ts', 'demo/where.ts'];
  if (verb === 'io') return ['io/io.ts'];
  const own = readdirSync(sources).filter(name => name === `${verb}.ts` || name === `${verb}-options.ts`);
  return own;
};

test('the help of each verb names every option that the verb takes', async () => {
  let seen = 0;
  for (const { name, help } of await allVerbs()) {
    const named = helpOptions(help).map(option => option.name);
    for (const option of fileOf(name).flatMap(file => declared(read(file)))) {
      if (hidden.has(option)) continue;
      seen++;
      const word = short[option] ?? `--${option}`;
      assert.ok(named.includes(word), `leasefs ${name} ${word}: ${named.join(' ')}`);
    }
  }
  assert.ok(seen > 40, `${seen}`);
});

test('the completions of each shell have each verb and each option', async () => {
  const all = await allVerbs();
  assert.equal(
    all.map(({ name }) => name),
    Object.keys(verbs),
  );
  for (const shell of shells) {
    const script = completionOf(shell, all);
    for (const { name, help } of all) {
      const lines = script.split('\n').filter(line => line.includes(name));
      assert.ok(lines.length >= 2 || shell === 'fish', `${shell}: ${name}`);
      for (const option of helpOptions(help)) {
        const word =
          shell === 'fish' ? option.name.replace(/^--/, '-l ').replace(/^-(\w)$/, '-s $1') : option.name;
        assert.ok(
          lines.some(line => line.includes(word)),
          `${shell}: ${name} ${word}`,
        );
      }
    }
  }
});

const completed = (script: string, ...words: string[]): string[] => {
  const line = `${script}\nCOMP_WORDS=(leasefs ${words.map(word => `'${word}'`).join(' ')})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _leasefs; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8' });
  assert.is(stderr, '');
  return stdout.trimEnd().split('\n');
};

test('bash completes verbs, options, and the words that an option takes', async () => {
  const script = completionOf('bash', await allVerbs());
  assert.equal(completed(script, 'lea'), ['leases']);
  assert.equal(completed(script, 'mount', '--lease'), ['--lease-break-time']);
  assert.equal(completed(script, 'mount', '--store', ''), ['auto', 'direct', 'pooled']);
  assert.equal(completed(script, 'run', '--policy', 'r'), ['report']);
  assert.equal(completed(script, 'status', '/et'), ['/etc']);
});

/** What roff prints. */
const unescaped = (text: string): string =>
  text.replaceAll('\\&', '').replaceAll('\\-', '-').replaceAll('\\e', '\\');

test('the manual pages have the help of each verb and each rule, word by word', async () => {
  const all = await allVerbs();
  const rules = readRules();
  const pages = new Map(
    manualPages({ version: '1.2.3', verbs: all, rules }).map(({ file, text }) => [file, text]),
  );
  assert.equal([...pages.keys()], ['leasefs.1', 'leasefs.7', 'mount.leasefs.8']);
  for (const { help } of all) assert.ok(unescaped(pages.get('leasefs.1')!).includes(help), help);
  const { help } = all.find(({ name }) => name === 'mount') as Verb;
  assert.ok(unescaped(pages.get('mount.leasefs.8')!).includes(help));
  for (const { number } of rules) assert.match(pages.get('leasefs.7')!, `.SH ${number}\n`);
});

test.run();
