// The tables of src/abi against what a C compiler says of native/include/leasefs.h and leasefs-private.h, and the
// examples in C.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kindValue, type LeaseKind, leaseKinds, readKindName } from '../../src/abi/kinds.js';
import * as abi from '../../src/abi/leasefs.js';
import { type Bytes, type Reserved, type S32, StructView, type U32, type U64 } from '../../src/abi/struct.js';

const native = fileURLToPath(new URL('../../../native', import.meta.url));
const FLAGS = ['-Wall', '-Wextra', '-Werror', '-I', join(native, 'include')];

type Field = U32 | S32 | U64 | Bytes | Reserved;
type Table = Readonly<Record<string, Field | number>> & { readonly bytes: number };

/** The tables by the names of their structs: `pinInfo` is struct leasefs_pin_info. */
const structs = Object.entries(abi as Readonly<Record<string, unknown>>).flatMap(
  ([name, table]): [string, Table][] =>
    typeof table === 'object'
      ? [[`leasefs_${name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)}`, table as Table]]
      : [],
);

const headers = ['leasefs.h', 'leasefs-private.h']
  .map(name => readFileSync(join(native, 'include', name), 'utf8'))
  .join('');
/** Every line of the headers, by its first word. */
const declared = (what: RegExp): string[] => [...headers.matchAll(what)].map(([, name]) => name!).sort();

function inC(body: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'leasefs-abi-'));
  try {
    const source = `#include <stddef.h>\n#include <stdio.h>\n#include "leasefs-private.h"\nint main(void)\n{\n${body}\nreturn 0;\n}\n`;
    writeFileSync(join(dir, 'abi.c'), source);
    execFileSync('gcc', [...FLAGS, '-o', join(dir, 'abi'), join(dir, 'abi.c')], {
      stdio: 'pipe',
      timeout: 120_000,
    });
    return execFileSync(join(dir, 'abi'), { encoding: 'utf8', timeout: 120_000 });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const test = suite('abi');

test('every field of every struct lies, is as long and is signed as the C compiler says of the headers', () => {
  const asks: string[] = [];
  const expected: string[] = [];
  for (const [name, { bytes, ...fields }] of structs) {
    asks.push(`printf("${name} %zu\\n", sizeof(struct ${name}));`);
    expected.push(`${name} ${bytes}`);
    for (const [field, { type, at, size }] of Object.entries(fields as Readonly<Record<string, Field>>)) {
      const member = `((struct ${name} *)0)->${field}`;
      const isNumber = /^[us]\d/.test(type);
      const signed = isNumber ? `((__typeof__(${member}))-1 > 0 ? 'u' : 's')` : "'-'";
      const [offset, length] = [`offsetof(struct ${name}, ${field})`, `sizeof(${member})`];
      asks.push(`printf("${name}.${field} %zu %zu %c\\n", ${offset}, ${length}, ${signed});`);
      expected.push(`${name}.${field} ${at} ${size} ${isNumber ? type[0] : '-'}`);
    }
  }
  assert.equal(inC(asks.join('\n')).trim().split('\n'), expected);
  assert.equal(structs.map(([name]) => name).sort(), declared(/^struct (leasefs_\w+) \{/gm));
});

test('no byte of a struct is in two fields, and none in no field', () => {
  for (const [name, { bytes, ...fields }] of structs) {
    let end = 0;
    for (const [field, { at, size }] of Object.entries(fields as Readonly<Record<string, Field>>)) {
      assert.is(at, end, `${name}.${field}`);
      end += size;
    }
    assert.is(end, bytes, name);
  }
});

test('a view reads and writes what C would, at the edges of each width', () => {
  const view = new StructView(new ArrayBuffer(abi.pinFor.bytes + 8), 8);
  const raw = new DataView(view.buffer, 8);
  for (const value of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
    view.setU32(abi.pinFor.holder, value);
    assert.is(raw.getUint32(abi.pinFor.holder.at, true), value);
    assert.is(view.u32(abi.pinFor.holder), value);
  }
  for (const value of [0, -1, -(2 ** 31), 2 ** 31 - 1]) {
    view.setS32(abi.pinFor.fd, value);
    assert.is(raw.getInt32(abi.pinFor.fd.at, true), value);
    assert.is(view.s32(abi.pinFor.fd), value);
  }
  for (const value of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
    view.setU64(abi.pinFor.off, value);
    assert.is(raw.getBigUint64(abi.pinFor.off.at, true), BigInt(value));
    assert.is(view.u64(abi.pinFor.off), value);
  }
  for (const value of [0n, 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
    view.setBig(abi.pinFor.len, value);
    assert.is(raw.getBigUint64(abi.pinFor.len.at, true), value);
    assert.is(view.big(abi.pinFor.len), value);
  }
  assert.ok(view.isZero(abi.pinFor.reserved));
  raw.setUint8(abi.pinFor.reserved.at + 3, 1);
  assert.not(view.isZero(abi.pinFor.reserved));
  view.clear(0, abi.pinFor.bytes);
  assert.equal(new Uint8Array(view.buffer), new Uint8Array(abi.pinFor.bytes + 8));
});

test('every constant is what the C compiler says of the headers', () => {
  const constants = Object.entries(abi).filter(([, value]) => typeof value === 'number');
  const printed = inC(
    constants.map(([name]) => `printf("${name} %lu\\n", (unsigned long)${name});`).join('\n'),
  );
  assert.equal(
    printed.trim().split('\n'),
    constants.map(([name, value]) => `${name} ${value}`),
  );
  // Of text LEASEFS_XATTR alone.
  assert.equal(
    constants.map(([name]) => name).sort(),
    declared(/^#define (LEASEFS_\w+)[ \t]/gm).filter(name => name !== 'LEASEFS_XATTR'),
  );
});

test('a lease kind and its number name each other', () => {
  for (const kind of leaseKinds) assert.is(readKindName(kindValue(kind)), kind);
  assert.throws(() => readKindName(3), RangeError);
  assert.throws(() => kindValue('exclusive,unbreakable' as LeaseKind), /take exclusive or shared \(to pin\)/);
});

test('the examples in C compile without a warning, as C99 too', () => {
  for (const example of ['hello-lease.c', 'direct-map.c']) {
    const source = join(native, 'examples', example);
    for (const standard of ['-std=gnu99', '-std=gnu17']) {
      execFileSync('gcc', [standard, ...FLAGS, '-fsyntax-only', source], { stdio: 'pipe', timeout: 120_000 });
    }
  }
});

test('the headers are C99 and C++ too, without a warning', () => {
  for (const name of ['leasefs.h', 'leasefs-watch.h', 'leasefs-private.h', 'leasefs-socket.h']) {
    for (const [compiler, ...standard] of [
      ['gcc', '-x', 'c', '-std=gnu99'],
      ['g++', '-x', 'c++'],
    ] as const) {
      const header = join(native, 'include', name);
      const flags = ['-Wall', '-Wextra', '-Werror', '-fsyntax-only'];
      execFileSync(compiler, [...flags, ...standard, header], { stdio: 'pipe', timeout: 120_000 });
    }
  }
});

test.run();
