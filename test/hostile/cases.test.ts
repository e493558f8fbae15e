// The table of README.md names tests that are there.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('cases');
const tests = fileURLToPath(new URL('../../../test/', import.meta.url));
/** A file of tests, quick or long, or another one with its ending. */
const textOf = (name: string): string =>
  [name, `${name}.test.ts`, `${name}.long.test.ts`]
    .map(file => tests + file)
    .filter(path => /\.\w+$/.test(path) && existsSync(path))
    .map(path => readFileSync(path, 'utf8'))
    .join('');

const rows = readFileSync(`${tests}hostile/README.md`, 'utf8')
  .split('\n')
  .filter(line => line.startsWith('| ') && !/^\| (case |---)/.test(line))
  .map(line => line.split(' | ').map(cell => cell.replace(/^\| | \|$/g, '').trim()));

test('each row has a case, what is right, a file and a title', () => {
  assert.ok(rows.length > 40, `${rows.length} rows`);
  for (const row of rows) assert.is(row.filter(cell => cell !== '').length, 4, row.join(' | '));
});

test('each file and title is there', () => {
  const missing = rows.filter(([, , file = '', title = '']) => {
    const text = textOf(file.replaceAll('`', ''));
    return text === '' || !text.includes(title);
  });
  assert.equal(
    missing.map(row => row.slice(2)),
    [],
  );
});

test.run();
