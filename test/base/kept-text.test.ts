// A text takes of its reader's share from its first piece to its last.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KeptText } from '../../src/base/kept-text.js';
import { Quota } from '../../src/base/quota.js';

const test = suite('kept text');

const USER = 1000;
const text = (bytes?: Uint8Array): string | undefined => bytes && Buffer.from(bytes).toString();

test('it is made once, and let go with its last byte', () => {
  const room = new Quota(40);
  const kept = new KeptText(room, USER);
  let made = 0;
  const make = (): string => `${made++}123456789`;
  assert.is(text(kept.read(0, 4, make)), '0123');
  assert.not.ok(room.take(USER, 1), 'the share is taken');
  assert.is(text(kept.read(4, 4, make)), '4567');
  assert.is(text(kept.read(8, 4, make)), '89');
  assert.ok(room.take(USER, 10), 'it is free again');
  assert.is(text(kept.read(10, 4, make)), '', 'the end needs no text');
  assert.is(made, 1);
  assert.is(text(kept.read(0, 10, make)), '1123456789', 'what is read whole is never kept');
});

test('without a share nothing is kept; a text in one piece is read all the same', () => {
  const room = new Quota(40);
  const first = new KeptText(room, USER);
  const second = new KeptText(room, USER);
  const make = (): string => '0123456789';
  assert.is(text(first.read(0, 4, make)), '0123');
  assert.is(second.read(0, 4, make), undefined);
  assert.is(text(second.read(0, 10, make)), '0123456789');
  first.drop();
  first.drop();
  assert.is(text(second.read(0, 4, make)), '0123');
});

test.run();
