// Every number that the repository cites is defined, a rule in src/lease/README.md, a fact in src/fuse/KERNEL.md; and every
// rule is named by a test.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseRules, readRules } from '../../src/cli/rules.js';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const OWN = 'test/lease/cited.test.ts';
const TEXT = /\.(ts|cc|c|h|py|go|sh|md|jsonl)$/;

function filesBelow(dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return /^build/.test(entry.name) ? [] : filesBelow(path);
    return TEXT.test(entry.name) && path !== OWN ? [path] : [];
  });
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const factsOf = (text: string): string[] => [...text.matchAll(/^- \*\*([FK]\d+)\*\*/gm)].map(([, n]) => n!);

/** L1 to X99, F1, K22; what follows a letter, a digit, '$' or '%' is another word. */
const numbersIn = (text: string): Set<string> =>
  new Set([...text.matchAll(/(?<![\w$%.\\/-])([LNXBAFK]\d{1,2})(?![\w(])/g)].map(([, number]) => number!));

const test = suite('numbers that are cited');

const rules = readRules();
const facts = factsOf(read('src/fuse/KERNEL.md'));

test('every number cited in src, native, test and README is defined', () => {
  const defined = new Set([...rules.map(({ number }) => number), ...facts]);
  const files = [...['src', 'native', 'test'].flatMap(filesBelow), 'README.md'];
  const wrong = files.flatMap(file =>
    [...numbersIn(read(file))].filter(number => !defined.has(number)).map(number => `${file}: ${number}`),
  );
  assert.equal(wrong, []);
  assert.ok(files.length > 300, 'files were found');
});

test('every rule is named by a test, but what is not there yet', () => {
  const named = new Set(filesBelow('test').flatMap(file => [...numbersIn(read(file))]));
  named.add('W');
  const missing = rules.filter(({ number, text }) => !named.has(number) && !text.includes('Not there yet'));
  assert.equal(
    missing.map(({ number }) => number),
    [],
  );
});

test('every fact about the kernel is cited by what relies on it', () => {
  const cited = new Set(
    ['src', 'native', 'test'].flatMap(filesBelow).flatMap(file => {
      return file === 'src/fuse/KERNEL.md' ? [] : [...numbersIn(read(file))];
    }),
  );
  assert.equal(
    facts.filter(fact => !cited.has(fact)),
    [],
  );
});

test('every rule has a text, a source and an example, and each number is there once', () => {
  assert.ok(rules.length > 40, `${rules.length} rules`);
  assert.is(new Set(rules.map(({ number }) => number)).size, rules.length);
  for (const { number, text, sources, example, summary } of rules) {
    for (const part of [text, sources, example, summary])
      assert.ok(part.length > 0, `${number} lacks a part`);
  }
});

test('a rule is read with the source that ends it, and without its example', () => {
  const [one] = parseRules(
    '- **X1** First. As [R] says. [T, R 02: it]\n  Example: so\n  and so.\n\n## More\ntext\n',
  );
  assert.equal(one, {
    number: 'X1',
    summary: 'First',
    text: 'First. As [R] says.',
    sources: 'T, R 02: it',
    example: 'so and so.',
  });
});

test.run();
