// Bytes of names as text: nothing that a user names moves a cursor, breaks a line or hides what stands there.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { field, jsonLine, printable, readable } from '../../src/base/words.js';

const bytes = (text: string): string => Buffer.from(text).toString('latin1');
const HOSTILE = ['\x1b[2J', '\x07', '\n', '\r', '\x7f', '\x9b31m', '\u202egnp.exe', '\u2028', '\u200f'];

const test = suite('words');

test('what is shown is shown as it is', () => {
  for (const text of ['plain', 'café', '文件', '👩‍👧', 'a\\b']) assert.is(readable(bytes(text)), text);
});

test('control characters, line separators and turns of direction are escaped in every form', () => {
  for (const hostile of HOSTILE) {
    for (const text of [readable(bytes(hostile)), field(hostile), jsonLine({ hostile })]) {
      assert.not.match(text, /[\p{Cc}\p{Zl}\p{Zp}\u200f\u202e]/u);
    }
    assert.is((JSON.parse(jsonLine({ hostile })) as { hostile: string }).hostile, hostile);
  }
  assert.is(printable('\x1b[2J\u202e'), '\\x1b[2J\\u{202e}');
});

test('a field has no space, and its octal bytes are the name again', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), name => {
      const shown = field(name);
      assert.not.match(shown, /[ \t\n\v\f\r]/);
      const back = Buffer.concat(
        shown
          .split(/(\\\d{3})/)
          .map(part =>
            /^\\\d{3}$/.test(part) ? Buffer.from([Number.parseInt(part.slice(1), 8)]) : Buffer.from(part),
          ),
      );
      assert.is(back.toString(), Buffer.from(name).toString());
    }),
  );
});

test.run();
