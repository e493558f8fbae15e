// A text takes of its reader's share from its first part to its last piece, and is made in parts.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KeptText } from '../../src/base/kept-text.js';
import { Quota } from '../../src/base/quota.js';

const test = suite('kept text');

// Not the one who runs the test: the user of the mount has no share.
const USER = 21_000;

/** The bytes from `off` on as text; undefined: refused. */
function piece(kept: KeptText, off: number, length: number): string | undefined {
  const out = new Uint8Array(length);
  const n = kept.read(off, out);
  return n === undefined ? undefined : Buffer.from(out.subarray(0, n)).toString();
}

const begun = (room: Quota, parts: readonly string[]): KeptText => {
  const kept = new KeptText(room, USER);
  kept.begin(parts.values());
  return kept;
};

test('it is kept until its last byte was read, of the share of the user', () => {
  const room = new Quota(40);
  const kept = begun(room, ['0123', '', '456789']);
  assert.ok(kept.make());
  assert.is(kept.size, 10);
  assert.is(piece(kept, 0, 4), '0123');
  assert.not.ok(room.take(USER, 1), 'the share is taken');
  assert.is(piece(kept, 4, 4), '4567');
  assert.is(piece(kept, 2, 4), '2345');
  assert.is(piece(kept, 8, 4), '89');
  assert.ok(room.take(USER, 10), 'it is free again');
  assert.ok(kept.has(10));
  assert.is(piece(kept, 10, 4), '', 'the end needs no text');
  assert.not.ok(kept.has(9));
});

test('a call makes 32 parts, or 4 KiB; pieces may begin and end anywhere', () => {
  const room = new Quota(1 << 20);
  const rows = Array.from({ length: 1000 }, (_, n) => `row ${n}\n`);
  let steps = 0;
  let before = 0;
  let made = 0;
  const kept = new KeptText(room, USER);
  kept.begin(
    (function* () {
      for (const row of rows) {
        made++;
        yield row;
      }
    })(),
  );
  while (!kept.make()) {
    assert.ok(made - before <= 32);
    before = made;
    steps++;
  }
  assert.is(steps, 31);
  const whole = rows.join('');
  assert.is(kept.size, whole.length);
  let read = '';
  while (read.length < whole.length) read += piece(kept, read.length, 97);
  assert.is(read, whole);
  const long = begun(room, new Array(10).fill('x'.repeat(3000)));
  let calls = 1;
  while (!long.make()) calls++;
  assert.is(calls, 6);
  assert.is(piece(long, 0, 30_000), 'x'.repeat(30_000));
  assert.ok(room.take(USER, 1 << 18), 'nothing is left of either');
});

test('without a share it is refused, at any part; what one call makes and one read takes needs none', () => {
  const room = new Quota(40);
  const first = begun(room, ['0123456789']);
  const second = begun(room, ['0123456789']);
  assert.ok(first.make());
  assert.ok(second.make());
  assert.is(piece(first, 0, 4), '0123');
  assert.is(piece(second, 0, 4), undefined);
  second.begin(['0123456789'].values());
  assert.ok(second.make());
  assert.is(piece(second, 0, 10), '0123456789');
  const third = begun(room, new Array(100).fill('0'));
  assert.ok(third.make(), 'the second part has no share');
  assert.is(piece(third, 0, 4), undefined);
  first.drop();
  first.drop();
  assert.ok(room.take(USER, 10));
});

test.run();
