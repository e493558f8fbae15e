// The table of offsets against what a C compiler says of native/include/leasefs.h and leasefs-private.h, and the
// examples in C.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kindValue, type LeaseKind, leaseKinds, readKindName } from '../../src/abi/kinds.js';
import * as abi from '../../src/abi/leasefs.js';

const native = fileURLToPath(new URL('../../../native', import.meta.url));
const FLAGS = ['-Wall', '-Wextra', '-Werror', '-I', join(native, 'include')];

const structs = {
  leasefs_lease: abi.lease,
  leasefs_pin: abi.pin,
  leasefs_unpin: abi.unpin,
  leasefs_pin_info: abi.pinInfo,
  leasefs_pins: abi.pins,
  leasefs_report: abi.report,
  leasefs_extent: abi.extent,
  leasefs_layout: abi.layout,
  leasefs_supervise: abi.supervise,
  leasefs_lease_for: abi.leaseFor,
  leasefs_pin_for: abi.pinFor,
  leasefs_message: abi.message,
  leasefs_open: abi.open,
};

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

test('every offset and size is what the C compiler says of the headers', () => {
  const asks: string[] = [];
  const expected: string[] = [];
  for (const [name, fields] of Object.entries(structs)) {
    for (const [field, offset] of Object.entries(fields)) {
      const value = field === 'bytes' ? `sizeof(struct ${name})` : `offsetof(struct ${name}, ${field})`;
      asks.push(`printf("${name}.${field} %zu\\n", ${value});`);
      expected.push(`${name}.${field} ${offset}`);
    }
  }
  assert.equal(inC(asks.join('\n')).trim().split('\n'), expected);
  assert.ok(expected.length > 30);
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
  assert.ok(constants.length > 20);
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
  for (const name of ['leasefs.h', 'leasefs-private.h', 'leasefs-socket.h']) {
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
