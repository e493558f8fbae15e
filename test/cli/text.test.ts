// Sizes, ages, tables and colour: what people read and type.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { printable } from '../../src/base/words.js';
import { wantsColour } from '../../src/cli/colour.js';
import { exactSize, parseSize, readableAge, readableSize } from '../../src/cli/sizes.js';
import { pairs, table } from '../../src/cli/table.js';

const test = suite('text');

test('a size is bytes, or k, m, g, t of 1024, in either case, or hexadecimal', () => {
  const sizes = {
    0: 0,
    17: 17,
    '4k': 4096,
    '4K': 4096,
    '2m': 2097152,
    '1g': 2 ** 30,
    '3t': 3 * 2 ** 40,
    '0x1000': 4096,
    '4kb': 4096,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.is(parseSize(text), bytes, text);
});

test('what is no size, or no exact number, is refused', () => {
  for (const text of ['', 'k', '-1', '1.5m', '4 k', '4x', '1e3', '0x', '9007199254740992', '99999999t']) {
    assert.is(parseSize(text), undefined, text);
  }
});

test('an exact size reads back as the same bytes', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(4), (n, unit) => {
      const bytes = n * 1024 ** unit;
      if (Number.isSafeInteger(bytes)) assert.is(parseSize(exactSize(bytes)), bytes);
    }),
  );
  assert.is(exactSize(2 << 20), '2m');
  assert.is(exactSize(0), '0');
  assert.is(exactSize(4097), '4097');
});

test('a readable size has a unit and about three digits', () => {
  const sizes = {
    0: '0 B',
    1023: '1023 B',
    1024: '1 KiB',
    1536: '1.50 KiB',
    16106127360: '15 GiB',
    15000000: '14.3 MiB',
  };
  for (const [bytes, text] of Object.entries(sizes)) assert.is(readableSize(Number(bytes)), text);
});

test('an age has two units at most', () => {
  const ages: [number, string][] = [
    [0, '0ms'],
    [999, '999ms'],
    [1000, '1.0s'],
    [42_000, '42s'],
    [192_000, '3m12s'],
    [18_180_000, '5h03m'],
    [187_200_000, '2d04h'],
  ];
  for (const [ms, text] of ages) assert.is(readableAge(ms), text);
});

test('a table is as wide as its widest cells and no line ends in spaces', () => {
  const rows = [
    { name: 'a', n: '10' },
    { name: 'longer', n: '7' },
  ];
  const lines = table(
    [
      { title: 'N', right: true, cell: row => row.n },
      { title: 'NAME', cell: row => row.name },
    ],
    rows,
  );
  assert.equal(lines, [' N  NAME', '10  a', ' 7  longer']);
  assert.equal(
    pairs([
      ['a', 'x'],
      ['bcd', ''],
    ]),
    ['a    x', 'bcd'],
  );
});

test('a name that would move the cursor or colour the terminal is shown as bytes', () => {
  assert.is(printable('a\nb\u001b[31m'), 'a\\x0ab\\x1b[31m');
  assert.is(printable('grüße 文'), 'grüße 文');
});

test('colour is for terminals, and NO_COLOR and FORCE_COLOR decide before', () => {
  assert.ok(wantsColour({ isTTY: true }, { TERM: 'xterm' }));
  assert.not(wantsColour({}, {}));
  assert.not(wantsColour({ isTTY: true }, { TERM: 'dumb' }));
  assert.not(wantsColour({ isTTY: true }, { NO_COLOR: '1', FORCE_COLOR: '1' }));
  assert.ok(wantsColour({ isTTY: true }, { NO_COLOR: '' }));
  assert.ok(wantsColour({}, { FORCE_COLOR: '1' }));
  assert.not(wantsColour({ isTTY: true }, { FORCE_COLOR: '0' }));
});

test.run();
