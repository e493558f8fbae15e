// Direct mappings while breaks recall them, again and again: no store goes to another file's blocks, and the example in C
// yields each time. A client that is late for its mapping has none.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { LEASEFS_IOC_LAYOUT } from '../../src/abi/leasefs.js';
import { Calls } from '../../src/client/calls.js';
import { DirectMapping } from '../../src/client/direct-mapping.js';
import { readLayout } from '../../src/client/layout.js';
import { eventually } from '../support/actors.js';
import { clientModule, node, run } from '../support/client-process.js';
import { bothStores, HASTY, PATIENT } from '../support/mounted.js';
import { BLOCK } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';

const native = fileURLToPath(new URL('../../../native', import.meta.url));
const LEN = 4 * BLOCK;
const RECALLS = 10;

/** A process that maps the file and stores in it until its lease ends, `RECALLS` times. */
const mapper = (path: string): string => `
import { ftruncateSync, writeSync } from 'node:fs';
import { LeaseFile } from ${JSON.stringify(clientModule)};
const refused = {};
for (let n = 0; n < ${RECALLS}; n++) {
  const file = LeaseFile.open(${JSON.stringify(path)});
  try {
    writeSync(file.fd, Buffer.alloc(${LEN}, 2), 0, ${LEN}, 0);
    file.setLeaseSync('exclusive,breakable');
    const mapping = file.mapDirect(0, ${LEN});
    while (mapping.mapped) {
      new Uint8Array(mapping.memory).fill(0xaa);
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  } catch (error) {
    // Its blocks are gone, or its lease.
    if (!['ENXIO', 'EAGAIN', 'EPERM', 'ENOSPC'].includes(error.code)) throw error;
    n--;
  }
  file.close();
}
process.stdout.write('ok');`;

for (const store of bothStores) {
  mountedSuite(`late mappings, ${store} store`, { store, args: HASTY }, ({ test, files }) => {
    test('B2: a lease that a break ended by force before its layout was mapped: no mapping, EPERM', () => {
      const path = files.fresh(LEN);
      const file = files.leased(path);
      class Late extends Calls {
        private isLate = false;
        override call(request: number, data: ArrayBuffer): number {
          const answer = super.call(request, data);
          if (request !== LEASEFS_IOC_LAYOUT || this.isLate) return answer;
          this.isLate = true;
          const cut = `fs.truncateSync(${JSON.stringify(path)}, 0)`;
          assert.is(spawnSync(process.execPath, ['-e', cut]).status, 0);
          // The blocks are another file's now, which has the segment lent again.
          const other = files.leased(files.fresh(LEN));
          readLayout(new Calls(other.fd), 0, LEN, false);
          return answer;
        }
      }
      assert.is(
        code(() => new DirectMapping(file.fd, new Calls(file.fd), 0, LEN).unmap()),
        'ok',
      );
      assert.is(
        code(() => new DirectMapping(file.fd, new Late(file.fd), 0, LEN)),
        'EPERM',
      );
    });
  });

  const args = ['--size', '64m', ...PATIENT];
  mountedSuite(`recalls, ${store} store`, { store, args }, ({ test, mount, files }) => {
    const leases = (): number => mount.report('leases').leases.length;

    test('mapDirect: the blocks that a break frees hold what their next file writes', async () => {
      const path = files.fresh(LEN);
      const mapping = node(mapper(path));
      let isOver = false;
      const over = mapping.finally(() => {
        isOver = true;
      });
      const other = files.unused();
      const content = Buffer.alloc(LEN, 0x11);
      while (!isOver) {
        // Waits until the mapper has yielded.
        truncateSync(path, 0);
        writeFileSync(other, content);
        assert.equal(readFileSync(other), content);
        unlinkSync(other);
        await new Promise(resolve => setImmediate(resolve));
      }
      assert.is(await over, 'ok');
      await eventually('the end of its leases', () => leases() === 0);
      assert.not.match(mount.log(), /forced:/);
    });

    test('direct-map.c: each recall is heard, unmapped and answered', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'leasefs-direct-map-'));
      try {
        const program = join(directory, 'direct-map');
        const flags = ['-std=gnu99', '-O1', '-Wall', '-Wextra', '-Werror', '-I', join(native, 'include')];
        execFileSync('gcc', [...flags, '-o', program, join(native, 'examples/direct-map.c')], {
          stdio: 'pipe',
        });
        for (let n = 0; n < 3; n++) {
          const path = files.fresh(5 * BLOCK);
          const child = run(program, path);
          await eventually('its stores', () => readFileSync(path).readBigUInt64LE(4 * BLOCK) === 4n);
          truncateSync(path, 0);
          assert.match(await child, /recalled, unmapped, yielded\n$/);
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
}
