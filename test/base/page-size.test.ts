// The message for a kernel whose pages have another size.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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

test('an addon that does not say it is older, and refused in one line', () => {
  const older = join(mkdtempSync(join(tmpdir(), 'leasefs-older-')), 'addon.json');
  writeFileSync(older, '{}');
  const built = new URL('../../src/native/built.js', import.meta.url).href;
  const program = `import { loadAddon } from '${built}'; try { loadAddon(); } catch (error) { console.log(error.message); }`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, LEASEFS_ADDON: older },
    encoding: 'utf8',
  });
  assert.match(said, /^the addon is older than the rest of leasefs: node \/.*\/build\.mjs builds it\n$/);
  rmSync(dirname(older), { recursive: true });
});

test('the addon says what this kernel has', () => {
  assert.is(native.pageSize, PAGE);
});

test.run();
