// A pin may be owned by any description of the mount (N4), a directory's too: it ends with that description however it
// ends (N5, A2).
import { mkdirSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Actor, eventually } from '../support/actors.js';
import { bothStores, PATIENT } from '../support/mounted.js';
import { O_RDONLY, SHARED } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const DIRECTORY = 1;

for (const store of bothStores) {
  const options = { store, args: PATIENT };
  mountedSuite(
    `pins owned by a directory's description, ${store} store`,
    options,
    ({ test, mount, stage }) => {
      let made = 0;
      let path = '';
      let a: Actor;
      let b: Actor;

      test.before.each(async () => {
        path = mount.file(`f${made}`);
        const directory = mount.file(`d${made++}`);
        mkdirSync(directory);
        writeFileSync(path, Buffer.alloc(8192, 1));
        [a, b] = await stage.pair(path);
        await a.open(directory, O_RDONLY, { slot: DIRECTORY });
        await a.setLease(SHARED);
        const { token } = await a.lease({ slot: DIRECTORY });
        await a.pin(0, 4096, { owner: token });
        await a.close();
        assert.is(await b.try.truncate(path, 0), 'ETXTBSY');
      });

      const nothingLeft = () =>
        eventually('no lease and no pin is left', () => {
          return mount.report('leases').leases.length === 0 && mount.report('pins').pins.length === 0;
        });

      test('N4, N5: the last close of the directory ends the pin and the zombie', async () => {
        await a.close({ slot: DIRECTORY });
        await nothingLeft();
        assert.is(await b.try.truncate(path, 0), 'ok');
      });

      test("A2: the process's death ends the pin and the zombie", async () => {
        await a.kill();
        await nothingLeft();
        assert.is(await b.try.truncate(path, 0), 'ok');
      });
    },
  );
}
