// The text of verb chains, and their arguments: parsed and bound without running anything.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Command, isOpen, parseProgram, programText } from '../../src/cli/io/program.js';
import { bind, verbs } from '../../src/cli/io/verbs.js';
import { UsageError } from '../../src/cli/verb.js';

const command = (verb: string, ...words: string[]): Command => ({ verb, words, body: undefined });
const texts = (program: string): string[] => bind(parseProgram(program)).map(step => step.text);

function usage(program: string, says: RegExp): void {
  try {
    texts(program);
  } catch (error) {
    assert.instance(error, UsageError);
    assert.match((error as Error).message, says);
    return;
  }
  assert.unreachable(program);
}

const test = suite('program');

test('verbs end at a semicolon or a newline, empty ones are nothing', () => {
  assert.equal(parseProgram('pin 0 4k; close\n\n;;open'), [
    command('pin', '0', '4k'),
    command('close'),
    command('open'),
  ]);
  assert.equal(parseProgram(' \n '), []);
});

test('quotes of both kinds hold spaces, separators and braces', () => {
  assert.equal(parseProgram(`a 'b c' "d;e" f'{'"}"g`), [command('a', 'b c', 'd;e', 'f{}g')]);
  assert.throws(() => parseProgram("a 'b"), /not closed/);
});

test('fork holds a chain and nests; its braces need no spaces', () => {
  assert.equal(parseProgram('fork { a 1; fork{b}; c }; d'), [
    {
      verb: 'fork',
      words: [],
      body: [command('a', '1'), { verb: 'fork', words: [], body: [command('b')] }, command('c')],
    },
    command('d'),
  ]);
  assert.equal(parseProgram('fork {\n a\n}\nwait').length, 2);
});

test('a brace without its other one is a usage error', () => {
  for (const text of ['}', 'a }', 'fork {', 'fork { fork { a }', '{ a }']) usage(text, /'\{'|'\}'/);
});

test('open braces decide whether more lines may follow', () => {
  assert.ok(isOpen('fork {\n a;'));
  assert.ok(isOpen('fork { fork { a }'));
  assert.not(isOpen('fork { a }'));
  assert.not(isOpen("a '{'"));
});

test('the text of a program parses to the same program', () => {
  const word = fc.stringMatching(/^[a-z0-9 ;{}'"-]{0,8}$/);
  const programs = fc.letrec<{ program: Command[]; command: Command }>(tie => ({
    program: fc.array(tie('command'), { maxLength: 3 }),
    command: fc.record(
      {
        verb: fc.stringMatching(/^[a-z]{1,5}$/),
        words: fc.array(word, { maxLength: 3 }),
        body: fc.option(tie('program'), { nil: undefined, maxDepth: 2 }),
      },
      { noNullPrototype: true },
    ),
  })).program;
  fc.assert(
    fc.property(programs, program => {
      assert.equal(parseProgram(programText(program)), program);
    }),
  );
});

test('verbs are printed with their sizes in bytes', () => {
  assert.equal(texts('pin 0 2m; truncate 4k; lease exclusive; unpin all; pwrite -S 7 1k 0x10; sleep 5'), [
    'pin 0 2097152',
    'truncate 4096',
    'lease exclusive',
    'unpin all',
    'pwrite 1024 16',
    'sleep 5',
  ]);
});

test('an unknown verb is answered by the list of verbs, inside a fork too', () => {
  for (const text of ['fly 0 1', 'close; fork { fork { fly } }', 'toString']) {
    usage(text, /is no verb of io: lease, getlease, pin, .*sleep/);
  }
});

test('missing, wrong and surplus words are answered by the usage of the verb', () => {
  usage('pin 0', /LEN is missing in 'pin \[-d\] OFF LEN'/);
  usage('pin 0 4q', /'4q' is no size/);
  usage('pin 0 4k 5', /'5' is too much/);
  usage('pin -1 4k', /'-1' is no size/);
  usage('lease', /KIND is missing/);
  usage(
    'lease forever',
    /'forever' is no lease kind: take exclusive or shared \(to pin\), exclusive,breakable or/,
  );
  usage('lease -s SIGNONE shared,breakable', /SIGNAL/);
  usage('unpin x', /neither a number/);
  usage('pwrite -S 256 0 1', /0 to 255/);
  usage('pwrite 0 1 -S', /-S needs a value/);
  usage('sleep -1', /MS/);
  usage('fork', /'{' is missing/);
  usage('close { open }', /'{' is too much/);
});

test('the verbs are these', () => {
  const wanted =
    'lease getlease pin unpin mmap munmap mwrite uring-register uring-read pwrite pread truncate falloc fpunch fzero madvise-remove close open sleep fork wait extents stat';
  assert.equal(Object.keys(verbs).sort(), wanted.split(' ').sort());
});

test.run();
