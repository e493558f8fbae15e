// Programs built with Debian's liburing: its own examples as they are, and one that registers the memory of a mapped
// file. Without a supervisor the kernel pins what it is asked to (F7).
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { bothStores } from '../support/mounted.js';
import { under } from '../support/mounts.js';
import { mountedSuite } from '../support/suites.js';
import { must, run } from './installed.js';

const sources = fileURLToPath(new URL('../../../test/programs/', import.meta.url));
/** Where Debian's package has them; images without documentation do not. */
const examples = '/usr/share/doc/liburing-dev/examples';
const BYTES = 300_001;

for (const store of bothStores) {
  mountedSuite(`liburing, ${store} store`, { store, needs: ['gcc', 'liburing.h'] }, ({ test, mount }) => {
    let built: string;
    const data = Buffer.from(Array.from({ length: BYTES }, (_, at) => (at * 7) ^ (at >> 8)));

    const build = (source: string, program: string) =>
      must(['gcc', '-w', '-O1', source, '-o', join(built, program), '-luring']);

    test.before(() => {
      built = mkdtempSync(join(tmpdir(), 'leasefs-liburing-'));
      writeFileSync(mount.file('data'), data);
    });
    test.after(() => rmSync(built, { recursive: true }));

    for (const example of ['io_uring-cp', 'link-cp'] as const) {
      const source = join(examples, `${example}.c`);
      if (existsSync(source)) {
        test(`its example ${example} copies a file`, async () => {
          await build(source, example);
          await must([join(built, example), mount.file('data'), mount.file(example)]);
          assert.ok(readFileSync(mount.file(example)).equals(data));
        });
      }
    }

    if (store === 'direct') {
      test('fixed buffers in a mapped file: what is read into them is in the file', async () => {
        await build(join(sources, 'registered.c'), 'registered');
        const file = mount.file('registered');
        writeFileSync(file, '');
        truncateSync(file, 65_536);
        await must([join(built, 'registered'), file, mount.file('data')]);
        assert.ok(readFileSync(file).equals(data.subarray(0, 65_536)));
      });

      test('N1: under `leasefs run` they need a lease', async () => {
        const file = mount.file('leased');
        writeFileSync(file, '');
        truncateSync(file, 65_536);
        const program = [...under(mount), join(built, 'registered')];
        const { code, stderr } = await run([...program, file, mount.file('data')]);
        assert.is(code, 1);
        assert.match(stderr, 'io_uring_register_buffers: Operation not permitted');
        await must([...program, '-l', file, mount.file('data')]);
        assert.ok(readFileSync(file).equals(data.subarray(0, 65_536)));
      });
    }
  });
}
