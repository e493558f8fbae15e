// Bytes of names and commands as text that people and terminals read: nothing in it moves a cursor, breaks a line or
// turns the direction of writing.

/** Control characters (ESC, line breaks), those that turn the direction of writing, and line separators. */
const UNSHOWN = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;
/** The same, and what separates fields. */
const UNFIELD = new RegExp(`[ \\\\]|${UNSHOWN.source}`, 'gu');

/** Decodes a name of bytes, one char (U+0000 to U+00FF) a byte, as UTF-8. */
export const decoded = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** Text on one line of a terminal: what is not shown as itself is \xNN or \u{NNNN}. */
export const printable = (text: string): string => text.replace(UNSHOWN, escaped);

/** The same of bytes. */
export const readable = (bytes: string): string => printable(decoded(bytes));

/** A field of a line as in /proc/mounts: what is not shown, a space and a backslash are bytes of UTF-8 as \\ooo. */
export const field = (text: string): string => text.replace(UNFIELD, octal);

/** JSON of the same meaning, all of it shown: JSON.stringify escapes what is below U+0020 alone. */
export const jsonLine = (value: unknown, indent?: number): string =>
  JSON.stringify(value, null, indent).replace(UNSHOWN, char => (char === '\n' ? char : utf16(char)));

function escaped(char: string): string {
  const code = char.codePointAt(0)!;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

const octal = (char: string): string =>
  Array.from(Buffer.from(char), byte => `\\${byte.toString(8).padStart(3, '0')}`).join('');

const utf16 = (char: string): string =>
  Array.from(
    { length: char.length },
    (_, n) => `\\u${char.charCodeAt(n).toString(16).padStart(4, '0')}`,
  ).join('');
