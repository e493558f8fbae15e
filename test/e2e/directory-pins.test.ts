// A pin may be owned by any description of the mount (N4), a directory's too: it ends with that description however it
// ends (N5, A2).
import { mkdirSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Actor, eventually, Stage } from '../support/actors.js';
import { Mounted, PATIENT, requireMount, skipMount, stores } from '../support/mounted.js';
import { BY_DESCRIPTION, O_RDONLY, SHARED } from '../support/numbers.js';

const DIRECTORY = 1;

for (const store of stores) {
  const test = suite(`pins owned by a directory's description, ${store} store`);

  if (skipMount) test.skip('LEASEFS_SKIP_MOUNT is set');
  else {
    requireMount();
    let mount: Mounted;
    const stage = new Stage();
    let made = 0;
    let path = '';
    let a: Actor;
    let b: Actor;

    test.before(async () => {
      mount = await Mounted.start('--store', store, ...PATIENT);
    });
    test.before.each(async () => {
      path = mount.file(`f${made}`);
      const directory = mount.file(`d${made++}`);
      mkdirSync(directory);
      writeFileSync(path, Buffer.alloc(8192, 1));
      [a, b] = await stage.pair(path);
      await a.must('open', DIRECTORY, directory, O_RDONLY);
      await a.must('setlease', 0, SHARED, 0, 0, 0);
      const [, , token = ''] = (await a.do('getlease', DIRECTORY)).text.split(' ');
      await a.must('pin', 0, 0, 4096, BY_DESCRIPTION, token);
      await a.must('close', 0);
      assert.is(await b.verdict('truncate', path, 0), 'ETXTBSY');
    });
    test.after.each(() => stage.clear());
    test.after(async () => {
      await stage.close();
      await mount.stop();
    });

    const nothingLeft = () =>
      eventually('no lease and no pin is left', () => {
        return mount.report('leases').leases.length === 0 && mount.report('pins').pins.length === 0;
      });

    test('N4, N5: the last close of the directory ends the pin and the zombie', async () => {
      await a.must('close', DIRECTORY);
      await nothingLeft();
      assert.is(await b.verdict('truncate', path, 0), 'ok');
    });

    test("A2: the process's death ends the pin and the zombie", async () => {
      await a.kill();
      await nothingLeft();
      assert.is(await b.verdict('truncate', path, 0), 'ok');
    });
  }

  test.run();
}
