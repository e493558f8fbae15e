// A user who makes paths of any depth: nothing recurses on it, and what is said of them is bounded.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { events } from '../../src/client/index.js';
import { eventually } from '../support/actors.js';
import { harmless } from '../support/hostile.js';
import { bothStores, HASTY } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

const DEPTH = 12_000;
/** A path as it is listed, and the words around it. */
const LINE = 6000;

/** Makes DEPTH directories and goes there; `f` is a file at the top. */
const deep = `
const top = mnt + '/deep' + process.pid;
fs.mkdirSync(top);
process.chdir(top);
fs.writeFileSync('f', 'x'.repeat(4096));
for (let n = 0; n < ${DEPTH}; n++) { fs.mkdirSync('d'); process.chdir('d'); }
fs.renameSync(top + '/f', 'f');
const file = open('f');
`;

for (const store of bothStores) {
  const options = { store, args: ['-o', 'allow_other,mode=1777', ...HASTY] };
  mountedSuite(`deep paths, ${store} store`, options, ({ test, mount }) => {
    test('a holder that dies there ends its lease and pin, and the daemon goes on', async () => {
      await harmless(mount.path, `${deep} file.setLeaseSync('exclusive'); file.pin(0, 4096);`);
      await eventually('the end of the pin', () => mount.report('leases').leases.length === 0);
    });

    test('pins there are granted and listed, refusals and breaks are reported, in bounded text', async () => {
      const said = await harmless(
        mount.path,
        `${deep}
        file.setLeaseSync('exclusive');
        file.pin(0, 4096);
        const listed = LeaseFile.open(mnt, fs.constants.O_RDONLY).report('pins').pins;
        console.log(listed.length, listed[0].path.length, listed[0].path.includes('//...//'));
        console.log(tried(() => fs.truncateSync('f', 0)));
        file.unpinAll();
        file.setLeaseSync('none');
        const other = open('f', fs.constants.O_RDONLY);
        other.setLeaseSync('shared,breakable');
        console.log(tried(() => open('f').setLeaseSync('exclusive,breakable')));`,
      );
      const [listed, truncate, lease] = said.trim().split('\n');
      const [count, length, cut] = listed!.split(' ');
      assert.is(count, '1');
      assert.ok(Number(length) <= 4096 + 7, length);
      assert.is(cut, 'true');
      assert.match(truncate!, 'error -35', 'EDEADLK: its own pin');
      assert.is(lease, 'EDEADLK');
      for (const line of mount.log().split('\n')) assert.ok(line.length < LINE, `${line.length}`);
      for await (const event of events(mount.path)) assert.ok(JSON.stringify(event).length < LINE);
      for (const name of ['leases', 'pins', 'leases.json', 'pins.json'])
        assert.type(readFileSync(mount.file(`.leasefs/${name}`), 'utf8'), 'string');
      assert.not.match(mount.log(), /failed|fault/);
    });
  });
}
