// The shape of the source: imports run only down the floors of design.md, no file is over 400 lines.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const MAX_LINES = 400;

/** Lower floors first; folders on one floor do not know each other. */
const floors: readonly (readonly string[])[] = [
  ['base'],
  ['abi', 'native'],
  ['extent', 'process', 'client'],
  ['store', 'lease', 'run'],
  ['fs'],
  ['ioctl'],
  ['fuse', 'fuse-native', 'control'],
  ['cli'],
];
const floorOf = (folder: string): number => floors.findIndex(floor => floor.includes(folder));

function filesBelow(dir: string, endings: RegExp): string[] {
  return readdirSync(join(root, dir), { withFileTypes: true }).flatMap(entry => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return /^build/.test(entry.name) ? [] : filesBelow(path, endings);
    return endings.test(entry.name) ? [path] : [];
  });
}

/** Relative imports of a file as paths from the root, with `export ... from` and `import()` types. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(match =>
    join(dirname(file), match[1]!),
  );
}

const test = suite('layers');

test('every folder of src stands on a floor', () => {
  for (const entry of readdirSync(join(root, 'src'), { withFileTypes: true })) {
    if (entry.isDirectory()) assert.ok(floorOf(entry.name) >= 0, `src/${entry.name} is on no floor`);
  }
});

test('imports run only down the floors, never sideways or up', () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const file of filesBelow('src', /\.ts$/)) {
    const [, folder, inner] = file.split('/');
    if (inner === undefined) continue;
    for (const target of importsOf(file)) {
      seen++;
      const [top, to] = target.split('/');
      if (top !== 'src') wrong.push(`${file} -> ${target}`);
      else if (to !== folder && floorOf(to!) >= floorOf(folder!)) wrong.push(`${file} -> ${target}`);
    }
  }
  assert.equal(wrong, []);
  assert.ok(seen > 50, 'imports were found');
});

test('no source file is over 400 lines', () => {
  const files = ['src', 'native', 'test', 'bench'].flatMap(dir => filesBelow(dir, /\.(ts|cc|c|h|sh|py)$/));
  const long = files
    .map(file => ({
      file: relative('', file),
      lines: readFileSync(join(root, file), 'utf8').split('\n').length - 1,
    }))
    .filter(({ lines }) => lines > MAX_LINES);
  assert.equal(long, []);
  assert.ok(files.length > 200, 'files were found');
});

test.run();
