// The blocks of the pooled store behind a layout that was granted: they go to no other file while a process may still reach
// them, even when the file is truncated or removed.
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  fsyncSync,
  ftruncateSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { Calls } from '../../src/client/calls.js';
import { DirectMapping } from '../../src/client/direct-mapping.js';
import { openSegment, readLayout } from '../../src/client/layout.js';
import { native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { mapper, run, truncate } from '../support/client-process.js';
import { cli, HASTY } from '../support/mounted.js';
import { publicModule } from '../support/public-copy.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';

const BLOCK = 4096;
const MIB = 1 << 20;
const NOBODY_UID = 65534;

const options = { store: 'pooled', args: ['--size', '64m', ...HASTY] } as const;

mountedSuite('layouts, the blocks behind them', options, ({ test, mount, files }) => {
  const used = (): number => mount.report('status').used;
  const said = (...words: string[]): string =>
    spawnSync(process.execPath, [cli, ...words], { encoding: 'utf8' }).stdout;
  /** This process, as its own user names it. */
  const us = `${process.pid} \\S+ \\(user ${process.getuid!()}\\)`;

  test('a stale seq is refused, the present one is not', () => {
    const path = files.fresh(4 * BLOCK);
    const file = files.leased(path);
    const { seq } = file.mapDirect(0, 4 * BLOCK);
    assert.is(file.layout(0, BLOCK).seq, seq);
    writeSync(file.fd, Buffer.alloc(BLOCK), 0, BLOCK, 0);
    assert.is(file.layout(0, BLOCK).seq, seq, 'a write into blocks that are there changes no layout');
    ftruncateSync(file.fd, BLOCK);
    assert.ok(file.layout(0, BLOCK).seq > seq);
    // LAYOUT with LEASEFS_LAYOUT_SEQ
    const view = new DataView(new ArrayBuffer(4184));
    view.setUint32(0, 1, true);
    view.setUint32(4, 2, true);
    view.setBigUint64(16, 4096n, true);
    view.setBigUint64(24, BigInt(seq), true);
    assert.is(native.ioctl(file.fd, 0xd058_5986, view.buffer), -11);
    view.setBigUint64(24, BigInt(file.layout(0, BLOCK).seq), true);
    assert.is(native.ioctl(file.fd, 0xd058_5986, view.buffer), 0);
  });

  test('a granted block goes to no other file while the grant lives, unlinked or not', async () => {
    const before = used();
    const path = files.fresh(MIB, 5);
    const child = await mapper(path, MIB);
    // Its own truncate is not refused (X4): the blocks are the file's no more.
    unlinkSync(path);
    await child.kill();
    await eventually('the blocks to be free', () => {
      writeFileSync(mount.file('touch'), 'x');
      unlinkSync(mount.file('touch'));
      return used() === before;
    });
  });

  test('the owner cuts its own file: the blocks wait for the grant to end', () => {
    const file = files.leased(files.fresh(MIB));
    const before = used();
    const mapping = file.mapDirect(0, MIB);
    ftruncateSync(file.fd, 0);
    assert.is(used(), before, 'they wait');
    new Uint8Array(mapping.memory).fill(77);
    const filled = files.unused();
    writeFileSync(filled, Buffer.alloc(8 * MIB));
    new Uint8Array(mapping.memory).fill(78);
    assert.ok(
      readFileSync(filled).every(byte => byte === 0),
      'no other file got them',
    );
    file.setLeaseSync('none');
    unlinkSync(filled);
    assert.is(used(), before - MIB);
  });

  test('F20: a client that does not unmap a recalled layout keeps its blocks from all others, nothing else', async () => {
    const path = files.fresh(MIB, 3);
    const before = used();
    // A client that ignores the break: a mapping of its own, which stays mapped.
    const file = files.leased(path);
    const mapping = new DirectMapping(file.fd, new Calls(file.fd), 0, MIB);
    assert.is(await truncate(path, 0), 'ok', 'by force');
    assert.is(file.getLease().kind, 'none');
    const bytes = new Uint8Array(mapping.memory).fill(66);
    const others = files.unused();
    writeFileSync(others, Buffer.alloc(8 * MIB));
    bytes.fill(67);
    assert.ok(readFileSync(others).every(byte => byte === 0));
    assert.is(used(), before + 8 * MIB, 'its blocks count as used');
    const other = files.leased(others);
    assert.is(
      code(() => other.mapDirect(0, BLOCK)),
      'EBUSY',
      'the guard must stay',
    );
    await eventually('the log says where the process is named', () =>
      /refused: layout of .*: EBUSY; a process whose lease has ended still has the segment: 'leasefs status' names it/.test(
        mount.log(),
      ),
    );
    assert.equal(mount.report('status').layouts, []);
    const status = said('status', mount.path);
    assert.match(status, new RegExp(`mapped +1 MiB by ${us}, until it is unmapped`));
    assert.match(status, new RegExp(`kept +1 MiB of freed blocks, until the mappings of ${process.pid} end`));
    const { keepers } = JSON.parse(said('status', '--json', mount.path));
    assert.equal(
      keepers.map(({ pid, uid, bytes }: Record<string, number>) => [pid, uid, bytes]),
      [[process.pid, process.getuid!(), MIB]],
    );
    mapping.unmap();
    assert.is(
      code(() => other.mapDirect(0, BLOCK)),
      'ok',
    );
    unlinkSync(others);
    other.close();
    await eventually('the blocks to be free', () => used() === before - MIB);
  });

  test('the memory cannot be cut, punched or grown by a client that was lent it', () => {
    const file = files.leased(files.fresh(MIB));
    const { segments } = readLayout(new Calls(file.fd), 0, MIB, false);
    const descriptor = openSegment(segments[0]!);
    const memory = native.map(descriptor.fd, 0, MIB, 3);
    assert.is(native.ftruncate(descriptor.fd, 0), -1);
    assert.is(native.ftruncate(descriptor.fd, 2 ** 31), -1);
    assert.is(native.fallocate(descriptor.fd, 3, 0, BLOCK), -1);
    assert.is(native.madvise(memory, 0, BLOCK, 9), -1);
    native.unmap(memory);
    descriptor.close();
  });

  test('freed blocks that clients may map are named, with what ends that; beyond a quarter of the store: ENOLCK', async () => {
    const before = used();
    const file = files.leased(files.fresh(MIB));
    const calls = new Calls(file.fd);
    let answer = 'ok';
    for (let n = 0; answer === 'ok' && n < 64; n++) {
      ftruncateSync(file.fd, 0);
      writeSync(file.fd, Buffer.alloc(MIB, n), 0, MIB, 0);
      fsyncSync(file.fd);
      answer = code(() => readLayout(calls, 0, MIB, false));
    }
    assert.is(answer, 'ENOLCK');
    assert.is(mount.report('status').kept?.bytes, 17 * MIB);
    const status = said('status', mount.path);
    assert.match(status, /kept +17 MiB of freed blocks, until the leases with layouts end/);
    // Each round has kept the MiB of the one before, and its own is still the file's.
    assert.match(status, new RegExp(`layouts +1[78] MiB to ${us}, until their leases end`));
    const [lease] = mount.report('leases').leases;
    assert.is(lease!.layout, mount.report('status').layouts[0]!.bytes);
    assert.match(said('leases', mount.path), / 1[78]m /);
    assert.match(said('layout', mount.file(lease!.path!)), /, 1[78]m granted by layouts/);
    ftruncateSync(file.fd, 0);
    const other = files.leased(files.fresh(MIB));
    assert.is(
      code(() => other.mapDirect(0, BLOCK)),
      'ENOLCK',
    );
    const why = `MiB of freed blocks are kept until the processes that have them by layouts unmap them or end \\(granted: ${process.pid} \\(\\S+\\) of user ${process.getuid!()}, 1[78]\\d+ KiB`;
    await eventually('the log says why', () =>
      new RegExp(`refused: layout of .* by ${process.pid} .*ENOLCK; 17 ${why}`).test(mount.log()),
    );
    assert.is(native.fallocate(other.fd, 0, 0, 60 * MIB), -28);
    await eventually('the log says why there is no room', () =>
      new RegExp(`ENOSPC to user 0: 17 ${why}`).test(mount.log()),
    );
    file.close();
    other.mapDirect(0, BLOCK);
    other.close();
    await eventually('all is free', () => used() - before < 2 * MIB);
  });

  test('another user, who may not get the segment from the daemon, is granted nothing and keeps nothing', async () => {
    const path = files.fresh(MIB);
    const program = `
import { LeaseFile } from ${JSON.stringify(publicModule('client/index'))};
const file = LeaseFile.open(${JSON.stringify(path)});
file.setLeaseSync('exclusive,breakable');
try { file.mapDirect(0, 4096); process.stdout.write('ok'); } catch (e) { process.stdout.write(e.code); }`;
    chownSync(path, NOBODY_UID, NOBODY_UID);
    const words = ['--input-type=module', '-e', program];
    const user = ['--reuid', `${NOBODY_UID}`, '--regid', `${NOBODY_UID}`, '--clear-groups'];
    const answer = await run('setpriv', ...user, process.execPath, ...words);
    assert.is(answer, 'EACCES');
    const before = used();
    ftruncateSync(files.open(path).fd, 0);
    assert.is(used(), before - MIB, 'its blocks are free at once');
    assert.is(mount.report('status').kept?.bytes, 0);
  });
});
