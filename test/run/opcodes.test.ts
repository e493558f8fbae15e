// The table of opcodes of io_uring_register, against the filter, the kernel's header and the running kernel.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { newerOpcodes } from '../../src/cli/newer-opcodes.js';
import { native } from '../../src/native/binding.js';
import { opcodes, REGISTER_UNKNOWN } from '../../src/run/opcodes.js';

const header = process.env.LEASEFS_IO_URING_H ?? '/usr/include/linux/io_uring.h';
const filter = readFileSync(
  fileURLToPath(new URL('../../../native/launch/filter.h', import.meta.url)),
  'utf8',
);
const test = suite('opcodes of io_uring_register');

test('the filter stops those that do something to held memory, and all that the table does not know', () => {
  const body = /#define ON_REGISTER\(number\)([\s\S]*?)\n\n/.exec(filter)![1]!;
  const stopped = [...body.matchAll(/JUMP_EQ\((\w*REGISTER_\w+),/g)].map(([, name]) => name);
  const expected = opcodes.filter(({ effect }) => effect !== 'nothing').map(({ name }) => name);
  assert.equal(stopped, expected);
  for (const [, name, value] of filter.matchAll(/^#define ((?:UN)?REGISTER_\w+) +(\d+)/gm)) {
    const number =
      name === 'REGISTER_UNKNOWN' ? REGISTER_UNKNOWN : opcodes.findIndex(one => one.name === name);
    assert.is(Number(value), number, name);
  }
});

if (existsSync(header)) {
  test('each number is the one of <linux/io_uring.h>, as far as that header goes, and none of it is missing', () => {
    const rows = [...readFileSync(header, 'utf8').matchAll(/^\tIORING_((?:UN)?REGISTER_\w+)\s*= (\d+),/gm)];
    const ops = rows.filter(
      ([, name]) => !['REGISTER_SRC_REGISTERED', 'REGISTER_DST_REPLACE'].includes(name!),
    );
    assert.ok(ops.length >= 20);
    for (const [, name, number] of ops) assert.is(opcodes[Number(number)]?.name, name);
  });
}

test('the running kernel has no opcode that the table does not know; if it has, doctor names them', () => {
  const newer = newerOpcodes();
  if (newer === undefined) return;
  // A newer kernel than ours is no fault of the code: its opcodes are refused under strict.
  assert.ok(newer.every(opcode => opcode >= REGISTER_UNKNOWN));
  assert.is(native.uringRegister(-2, 0), -errno.EBADF);
  assert.is(native.uringRegister(-2, 0x7fff_ffff), -errno.EINVAL);
});

test.run();
