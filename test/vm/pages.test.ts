// A kernel for arm64 with pages of 16 KiB: leasefs says in one line that it does not run there. Inside the virtual machine
// of `npm run test:vm -- --arch arm64` only.
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refusalOfPages } from '../../src/base/page-size.js';

const test = suite('a kernel with other pages');
const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const bytes = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
const refusal = refusalOfPages(bytes);

if (refusal === undefined) test.skip('this one has pages of 4 KiB: npm run test:vm -- --arch arm64 6.12-16k');
else
  for (const words of [['mount', '/mnt'], ['doctor'], ['run', '--', 'true']])
    test(`leasefs ${words.join(' ')} is refused in one line`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...words], { encoding: 'utf8' });
      assert.is.not(status, 0);
      assert.is(stdout, '');
      assert.is(stderr.trimEnd().split('\n').length, 1, stderr);
      assert.ok(stderr.includes(refusal), stderr);
    });

test.run();
