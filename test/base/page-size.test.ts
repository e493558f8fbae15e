// The message for a kernel whose pages have another size.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PAGE } from '../../src/base/linux.js';
import { refusalOfPages } from '../../src/base/page-size.js';
import { native } from '../../src/native/binding.js';

const test = suite('the size of pages');

test('pages of 4 KiB are taken, others are refused in one line', () => {
  assert.is(refusalOfPages(PAGE), undefined);
  assert.is(
    refusalOfPages(1 << 14),
    "leasefs needs a kernel with pages of 4 KiB, and this one's have 16 KiB: boot one with CONFIG_ARM64_4K_PAGES",
  );
});

test('the addon says what this kernel has', () => {
  assert.is(native.pageSize, PAGE);
});

test.run();
