// Layouts that were granted to clients live on with their lease when the daemon dies: no other file gets their blocks, a break
// recalls them, and the client is granted more.
import { ftruncateSync, readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { pause } from '../../src/base/pause.js';
import { Calls } from '../../src/client/calls.js';
import { DirectMapping } from '../../src/client/direct-mapping.js';
import { eventually } from '../support/actors.js';
import { truncate } from '../support/client-process.js';
import { daemonOf, kill, killed } from '../support/keeper.js';
import { PATIENT } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';

const BLOCK = 4096;
const MIB = 1 << 20;
const options = {
  store: 'pooled',
  args: ['--keeper', '--size', '64m', ...PATIENT],
  needs: ['passthrough'],
} as const;

mountedSuite('takeover, layouts', options, ({ test, mount, files }) => {
  const used = (): number => mount.report('status').used;
  const granted = () => [mount.report('status').layouts, mount.report('leases').leases.map(l => l.layout)];

  test('a layout stays granted, its mapping is the file, and more of the file is granted', async () => {
    const path = files.fresh(MIB);
    const file = files.leased(path);
    const mapping = file.mapDirect(0, MIB / 2);
    const before = granted();
    assert.equal(before[1], [MIB / 2]);
    await killed(mount);
    assert.equal(granted(), before);
    new Uint8Array(mapping.memory).fill(7);
    assert.is(readFileSync(path)[MIB / 2 - 1], 7);
    const more = file.mapDirect(MIB / 2, MIB / 2);
    new Uint8Array(more.memory).fill(8);
    assert.is(readFileSync(path)[MIB / 2], 8);
    assert.equal(granted()[1], [MIB]);
  });

  test('a client of another file is granted its layout, which lies in the same segment', async () => {
    const mapping = files.leased(files.fresh(MIB)).mapDirect(0, MIB);
    await killed(mount);
    assert.is(
      code(() => files.leased(files.fresh()).mapDirect(0, BLOCK)),
      'ok',
    );
    assert.ok(mapping.mapped);
  });

  test('a truncate recalls it: the client is notified, unmaps and yields', async () => {
    const path = files.fresh(MIB);
    const file = files.leased(path);
    file.onBreak(() => {});
    const mapping = file.mapDirect(0, MIB);
    await killed(mount);
    assert.is(await truncate(path, 0), 'ok');
    assert.not(mapping.mapped);
    assert.equal(mount.report('status').layouts, []);
  });

  test('its blocks go to no other file until its lease ends, also by two daemons', async () => {
    const file = files.leased(files.fresh(MIB));
    const mapping = file.mapDirect(0, MIB);
    const before = used();
    await killed(mount);
    ftruncateSync(file.fd, 0);
    assert.is(used(), before, 'they wait');
    await killed(mount);
    assert.is(used(), before);
    const filled = files.unused();
    new Uint8Array(mapping.memory).fill(77);
    writeFileSync(filled, Buffer.alloc(8 * MIB));
    new Uint8Array(mapping.memory).fill(78);
    assert.ok(
      readFileSync(filled).every(byte => byte === 0),
      'no other file got them',
    );
    file.setLeaseSync('none');
    await eventually('they are free', () => used() === before + 7 * MIB);
  });

  test('the daemon dies between its answer and the mapping: the client asks the next one', () => {
    const path = files.fresh(MIB);
    const file = files.leased(path);
    const calls = new Calls(file.fd);
    let calledOnce = false;
    const dying: Pick<Calls, 'call'> = {
      call(request, data) {
        const answer = calls.call(request, data);
        if (calledOnce) return answer;
        calledOnce = true;
        const daemon = daemonOf(mount);
        kill(mount);
        while ([0, daemon].includes(daemonOf(mount))) pause(1);
        return answer;
      },
    };
    using mapping = new DirectMapping(file.fd, dying as Calls, 0, MIB);
    new Uint8Array(mapping.memory).fill(9);
    assert.is(readFileSync(path)[0], 9);
  });
});
