// What the kernel copies for the Channel has its entries in the page table before. Where one has none, the kernel answers a
// request EIO when SIGKILL comes as it copies the record.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { native } from '../../src/native/binding.js';

const test = suite('the page table');
const KIB = 1024;

/** KiB of this process that have an entry, of the mappings whose line in smaps has `part`. */
function present(part: string): number {
  let kib = 0;
  let counts = false;
  for (const line of readFileSync('/proc/self/smaps', 'latin1').split('\n')) {
    if (/^[0-9a-f]+-/.test(line)) counts = line.includes(part);
    else if (counts && line.startsWith('Rss:')) kib += Number.parseInt(line.slice(4), 10);
  }
  return kib;
}

test('the channel makes those of its two buffers, and of the memory that it gathers', () => {
  const length = 1 << 25;
  const before = present('');
  const channel = native.adoptFuse(native.open('/dev/null', 2).release(), length, 1);
  // The heap may shrink at the same time.
  assert.ok(present('') - before > (1.5 * length) / KIB, 'the buffers');
  const memory = native.memfdCreate('copied');
  native.ftruncate(memory.fd, 1 << 20);
  const mapped = native.map(memory.fd, 0, 1 << 20, 3);
  assert.is(present('memfd:copied'), 0);
  channel.sendv(16, [mapped, mapped], new Float64Array([100, 40_960, 1 << 19, 4097]), 2);
  assert.ok(present('memfd:copied') >= 13 * 4, `${present('memfd:copied')} KiB`);
  channel.close();
  memory.close();
});

test.run();
