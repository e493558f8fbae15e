// No export without an importer: what no other file of src, test or bench imports is not exported. The package's entry
// points (package.json, `exports`) export for others.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const entryPoints = ['src/index.ts', 'src/client/index.ts', 'src/extent/index.ts'];

function sourcesBelow(dir: string): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sourcesBelow(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

const DECLARED =
  /^export\s+(?:declare\s+)?(?:async\s+)?(?:const|let|function\*?|class|interface|type)\s+(\w+)/gm;
const LISTED = /^export\s+(?:type\s+)?\{([^}]*)\}(?:\s+from\s+'(\.[^']+)')?/gm;
const ALL = /^export\s+\*\s+from\s+'(\.[^']+)'/gm;
const IMPORTED = /^import\s+(?:type\s+)?\{([^}]*)\}\s+from\s+'(\.[^']+)'/gm;
const NAMESPACE = /^import\s+(?:type\s+)?\*\s+as\s+(\w+)\s+from\s+'(\.[^']+)'/gm;
const DYNAMIC = /\bimport\('(\.[^']+)'\)/g;

interface Listed {
  readonly from: string;
  readonly to: string;
}

/** 'a, type b as c' */
const names = (list: string): Listed[] =>
  list
    .split(',')
    .map(part => part.trim().replace(/^type\s+/, ''))
    .filter(part => part !== '')
    .map(part => {
      const [from, to = from] = part.split(/\s+as\s+/);
      return { from: from!, to: to! };
    });

const test = suite('exports');

test('every export of src has an importer', () => {
  const texts = new Map(
    ['src', 'test', 'bench']
      .flatMap(sourcesBelow)
      .map(file => [file, readFileSync(join(root, file), 'utf8')]),
  );
  const used = new Set<string>();
  const whole = new Set<string>(entryPoints);
  const target = (file: string, path: string): string => join(dirname(file), path.replace(/\.js$/, '.ts'));
  const use = (file: string, name: string): void => {
    used.add(`${file} ${name}`);
    // What passes through a file that exports it again is used where it comes from.
    const text = texts.get(file) ?? '';
    for (const [, list, from] of text.matchAll(LISTED)) {
      if (from === undefined) continue;
      for (const listed of names(list!)) if (listed.to === name) use(target(file, from), listed.from);
    }
    for (const [, from] of text.matchAll(ALL)) {
      const key = `${target(file, from!)} ${name}`;
      if (!used.has(key)) use(target(file, from!), name);
    }
  };
  for (const [file, text] of texts) {
    for (const [, list, path] of text.matchAll(IMPORTED)) {
      for (const { from } of names(list!)) use(target(file, path!), from);
    }
    for (const [, namespace, path] of text.matchAll(NAMESPACE)) {
      const of = target(file, path!);
      const members = [...text.matchAll(new RegExp(`\\b${namespace}\\.(\\w+)`, 'g'))].map(
        ([, name]) => name!,
      );
      for (const name of members) use(of, name);
      // `typeof abi`, `Object.keys(abi)`: all of it.
      if (new RegExp(`\\b${namespace}\\b(?!\\.)`).test(text.replaceAll(NAMESPACE, ''))) whole.add(of);
    }
    for (const [, path] of text.matchAll(DYNAMIC)) whole.add(target(file, path!));
  }
  for (let seen = 0; seen !== whole.size; ) {
    seen = whole.size;
    for (const file of [...whole]) {
      const text = texts.get(file) ?? '';
      for (const [, path] of text.matchAll(ALL)) whole.add(target(file, path!));
      for (const [, list, path] of text.matchAll(LISTED)) {
        if (path !== undefined) for (const { from } of names(list!)) use(target(file, path), from);
      }
    }
  }
  const unused: string[] = [];
  let exported = 0;
  for (const [file, text] of texts) {
    if (!file.startsWith('src/') || whole.has(file)) continue;
    const own = [...text.matchAll(DECLARED)].map(([, name]) => name!);
    const listed = [...text.matchAll(LISTED)].flatMap(([, list]) => names(list!).map(({ to }) => to));
    for (const name of [...own, ...listed]) {
      exported++;
      if (!used.has(`${file} ${name}`)) unused.push(`${file}: ${name}`);
    }
  }
  assert.equal(unused, []);
  assert.ok(exported > 400, 'exports were found');
});

test.run();
