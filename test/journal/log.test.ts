// The log of records and the journal over two of them: what is read is what was written, whole batches alone, and damage is
// refused.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Journal, type Source } from '../../src/journal/journal.js';
import { Log, LogReader } from '../../src/journal/log.js';
import { RECORD } from '../../src/journal/records.js';
import { JOURNAL_VERSION } from '../../src/journal/version.js';
import { native } from '../../src/native/binding.js';

const test = suite('journal');

const NOTHING = new Int32Array(0);
const BYTES = 1 << 20;

const thrown = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

test('fields come back as they were written', () => {
  const field = fc.oneof(
    fc.record({ kind: fc.constant('u32' as const), value: fc.nat(2 ** 32 - 1) }),
    fc.record({ kind: fc.constant('f64' as const), value: fc.maxSafeInteger() }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 40 }) }),
  );
  fc.assert(
    fc.property(fc.array(fc.array(field, { maxLength: 5 }), { minLength: 1, maxLength: 20 }), records => {
      const words = new Int32Array(1 << 12);
      const log = new Log(words, 0);
      for (const fields of records) {
        log.begin(RECORD.inode);
        for (const { kind, value } of fields) {
          if (kind === 'u32') log.u32(value);
          else if (kind === 'f64') log.f64(value);
          else log.text(Buffer.from(value).toString('latin1'));
        }
        log.end();
      }
      assert.ok(log.seal());
      const reader = new LogReader(words, log.tail);
      for (const fields of records) {
        assert.ok(reader.next());
        assert.is(reader.type, RECORD.inode);
        for (const { kind, value } of fields) {
          if (kind === 'u32') assert.is(reader.u32(), value);
          else if (kind === 'f64') assert.is(reader.f64(), value);
          else assert.equal(reader.bytes(), value);
        }
      }
      assert.not(reader.next());
    }),
  );
});

/** Things with a value each, by number. */
class Values implements Source {
  readonly values = new Map<number, number>();
  private readonly changed = new Set<number>();

  set(key: number, value: number): void {
    this.values.set(key, value);
    this.changed.add(key);
  }

  delete(key: number): void {
    this.values.delete(key);
    this.changed.add(key);
  }

  flush(log: Log): void {
    for (const key of this.changed) this.put(log, key);
    this.changed.clear();
  }

  *sweep(log: Log): Generator<void> {
    for (const key of this.values.keys()) {
      this.put(log, key);
      yield;
    }
  }

  put(log: Log, key: number): void {
    const value = this.values.get(key);
    log.begin(value === undefined ? RECORD.inodeGone : RECORD.inode);
    log.f64(key);
    log.u32(value ?? 0);
    log.end();
  }
}

function readBack(journal: Journal): Map<number, number> {
  const found = new Map<number, number>();
  const reader = journal.read();
  while (reader.next()) {
    const key = reader.f64();
    if (reader.type === RECORD.inode) found.set(key, reader.u32());
    else found.delete(key);
  }
  return found;
}

const journalOver = (fd = native.memfdCreate('journal'), limit = 64) => {
  const values = new Values();
  const journal = new Journal(fd, BYTES, () => assert.unreachable('overflow'), limit);
  journal.sources.push(values);
  return { journal, values, memory: fd };
};

test('the next daemon reads what was committed, however often the log was written anew', () => {
  const step = fc.record({ key: fc.nat(30), value: fc.nat(1000), isGone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 4 }), { maxLength: 200 }), batches => {
      const { journal, values, memory } = journalOver();
      for (const batch of batches) {
        for (const { key, value, isGone } of batch) {
          if (isGone) values.delete(key);
          else values.set(key, value);
        }
        journal.commit(NOTHING, 0);
        const next = new Journal(memory, BYTES, () => {});
        assert.equal([...readBack(next)].sort(), [...values.values].sort());
      }
    }),
    { numRuns: 30 },
  );
});

test('a log that has grown is written anew', () => {
  const { journal, values } = journalOver();
  for (let n = 0; n < 2000; n++) {
    values.set(n % 10, n);
    journal.commit(NOTHING, 0);
  }
  assert.ok(journal.rewritten > 5);
  assert.ok(journal.bytes < 64 << 10, `${journal.bytes} bytes`);
  assert.equal([...readBack(journal)].sort(), [...values.values].sort());
});

test('what was not committed does not count', () => {
  const { journal, values, memory } = journalOver();
  values.set(1, 1);
  journal.commit(NOTHING, 0);
  values.set(2, 2);
  values.flush(journal.log);
  assert.equal([...readBack(new Journal(memory, BYTES, () => {}))], [[1, 1]]);
});

test('what is to follow a commit follows it, once', () => {
  const { journal, values } = journalOver();
  const seen: number[] = [];
  values.set(1, 1);
  journal.afterCommit(() => seen.push(readBack(journal).get(1)!));
  assert.equal(seen, []);
  journal.commit(NOTHING, 0);
  journal.commit(NOTHING, 0);
  assert.equal(seen, [1]);
});

test('what follows a commit is in the next one, also where another log is used from then on', () => {
  const { journal, values, memory } = journalOver();
  for (let n = 0; n < 2000; n++) {
    const key = n % 10;
    values.set(key, n);
    journal.afterCommit(() => {
      values.values.delete(key);
      values.put(journal.log, key);
    });
    journal.commit(NOTHING, 0);
    journal.commit(NOTHING, 0);
    assert.equal([...readBack(new Journal(memory, BYTES, () => {}))], [], `step ${n}`);
  }
  assert.ok(journal.rewritten > 5);
});

test('a flipped bit is refused, wherever it is', () => {
  const { journal, values, memory } = journalOver();
  for (let n = 0; n < 20; n++) values.set(n, n);
  journal.commit(NOTHING, 0);
  const words = journal.log.tail;
  const map = new Uint8Array(native.map(memory.fd, 0, 8192, 3));
  for (let bit = 0; bit < words * 32; bit += 7) {
    const at = 4096 + (bit >> 3);
    map[at]! ^= 1 << (bit & 7);
    assert.match(
      thrown(() => readBack(new Journal(memory, BYTES, () => {}))),
      'damaged',
      `bit ${bit}`,
    );
    map[at]! ^= 1 << (bit & 7);
  }
  assert.is(readBack(new Journal(memory, BYTES, () => {})).size, 20);
  assert.is(journal.unreadable, undefined);
  map[4096 + 17]! ^= 1;
  assert.match(journal.unreadable ?? '', 'damaged');
});

test('a journal that is cut, of another version, or no journal is refused in one line', () => {
  const { memory } = journalOver();
  const map = new Int32Array(native.map(memory.fd, 0, 4096, 3));
  const why = (): string => thrown(() => new Journal(memory, BYTES, () => {}));
  assert.is(why(), '');
  map[1]!++;
  assert.match(why(), new RegExp(`version ${JOURNAL_VERSION + 1}, this leasefs reads ${JOURNAL_VERSION}`));
  map[1]!--;
  map[0]!++;
  assert.match(why(), 'no journal');
  map[0]!--;
  native.ftruncate(memory.fd, BYTES);
  assert.match(why(), 'cut');
});

test('a journal without room stops, says so once, and tells the next daemon so', () => {
  const memory = native.memfdCreate('journal');
  let overflows = 0;
  const journal = new Journal(memory, 1 << 14, () => overflows++);
  const values = new Values();
  journal.sources.push(values);
  let followed = 0;
  for (let n = 0; n < 4000; n++) {
    values.set(n, n);
    journal.afterCommit(() => followed++);
    journal.commit(NOTHING, 0);
  }
  assert.is(overflows, 1);
  assert.is(followed, 4000);
  assert.match(journal.unreadable ?? '', 'no room');
  assert.match(
    thrown(() => new Journal(memory, 1 << 14, () => {})),
    'no room',
  );
});

test('daemons that die at one request are counted', () => {
  const { journal } = journalOver();
  journal.running(7, 1);
  assert.equal(journal.countDeath(), { uniqueLow: 7, uniqueHigh: 1, deaths: 1 });
  // This daemon has died before it came to the request.
  assert.equal(journal.countDeath(), { uniqueLow: 7, uniqueHigh: 1, deaths: 1 });
  journal.running(7, 1);
  assert.is(journal.countDeath().deaths, 2);
  journal.running(9, 1);
  journal.idle();
  assert.is(journal.countDeath().deaths, 2);
  journal.running(9, 1);
  assert.equal(journal.countDeath(), { uniqueLow: 9, uniqueHigh: 1, deaths: 1 });
});

test.run();
