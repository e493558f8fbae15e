// Names seen lately: the same answer as decoding, for every earlier name in the slot.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nameOf } from '../../src/fuse/wire/names.js';

const test = suite('names seen lately');

const decoded = (bytes: Buffer, from: number, to: number): string => bytes.toString('latin1', from, to);

test('a name is what its bytes decode to, the first time and again', () => {
  for (const name of [
    'a',
    'some-file.txt',
    '\u00ff\u0080\u0001',
    'n'.repeat(64),
    'n'.repeat(65),
    'n'.repeat(255),
  ]) {
    const bytes = Buffer.from(`xx${name}\0`, 'latin1');
    const end = bytes.length - 1;
    assert.is(nameOf(bytes, bytes, 2, end), name);
    assert.is(nameOf(bytes, bytes, 2, end), name);
  }
});

test('names that fall on one slot, and names that begin alike, are distinct', () => {
  const bytes = Buffer.alloc(16);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 20_000; i++) {
      const length = bytes.write(`f${i}`, 0, 'latin1');
      assert.is(nameOf(bytes, bytes, 0, length), decoded(bytes, 0, length));
    }
  }
});

test('a name stays what it was when the buffer holds another', () => {
  const bytes = Buffer.from('first');
  const first = nameOf(bytes, bytes, 0, 5);
  bytes.write('other');
  assert.is(nameOf(bytes, bytes, 0, 5), 'other');
  assert.is(first, 'first');
});

test.run();
