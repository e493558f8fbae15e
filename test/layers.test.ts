// The shape of the source: imports run only down the floors, in src/fs only down its wings, never in a circle of values;
// no file is over 400 lines.
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
  ['extent', 'process', 'client', 'keeper', 'journal'],
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

/** Of those, the sources of values: not `import type`, and not one whose names are all types. */
function valueImportsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s+(?!type\b)([^;']*?)from\s+'(\.[^']+)'/gm);
  return [...statements]
    .filter(([, names]) => !/^\{[^}]*\}\s*$/.test(names!) || /[{,]\s*(?!type\b)\w/.test(names!))
    .map(([, , target]) => join(dirname(file), target!.replace(/\.js$/, '.ts')));
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

/**
 * Rooms of src/fs, lower ones first: a wing (a folder), or a file below or above the wings. Each knows the rooms before it
 * and its own; what it may know of other folders is said where it is less than its floor allows.
 */
const rooms: readonly { readonly room: string; readonly not?: readonly string[] }[] = [
  { room: 'operations.ts' },
  { room: 'parked.ts' },
  { room: 'vfs', not: ['lease', 'process'] },
  { room: 'trace' },
  { room: 'layout' },
  { room: 'report.ts' },
  { room: 'takeover.ts' },
  { room: 'filesystem.ts' },
];
/** Rooms before it in the list that a room does not know. */
const strangers: Readonly<Record<string, readonly string[]>> = { trace: ['vfs'] };

test('src/fs: vfs knows no lease, process, trace or layout; trace knows no vfs and no layout', () => {
  const wrong: string[] = [];
  const roomOf = (path: string): string => path.split('/')[2]!.replace(/\.js$/, '.ts');
  for (const file of filesBelow('src/fs', /\.ts$/)) {
    const own = roomOf(file);
    const floor = rooms.findIndex(({ room }) => room === own);
    assert.ok(floor >= 0, `${file} is in no room of src/fs`);
    for (const target of importsOf(file)) {
      const [, folder] = target.split('/');
      const other = roomOf(target);
      const known =
        folder === 'fs'
          ? rooms.slice(0, floor + 1).some(({ room }) => room === other) && !strangers[own]?.includes(other)
          : !rooms[floor]!.not?.includes(folder!);
      if (!known) wrong.push(`${file} -> ${target}`);
    }
  }
  assert.equal(wrong, []);
});

test('no circle of imports of values: each file is loaded after those that it takes values from', () => {
  const files = filesBelow('src', /\.ts$/);
  const imports = new Map(files.map(file => [file, valueImportsOf(file)]));
  const loaded = new Set<string>();
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (loaded.has(file) || path.includes(file)) return;
    for (const target of imports.get(file) ?? []) visit(target, [...path, file]);
    loaded.add(file);
  };
  for (const file of files) visit(file, []);
  assert.equal(circles, []);
  assert.ok([...imports.values()].flat().length > 200, 'imports were found');
});

test('the daemon imports nothing of its clients: what they share is src/abi', () => {
  const daemon = ['store', 'extent', 'lease', 'process', 'fs', 'ioctl', 'fuse', 'fuse-native', 'control'];
  const wrong = daemon
    .flatMap(folder => filesBelow(`src/${folder}`, /\.ts$/))
    .flatMap(file => importsOf(file).map(target => `${file} -> ${target}`))
    .filter(line => /-> src\/(client|run|cli)\//.test(line));
  assert.equal(wrong, []);
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
