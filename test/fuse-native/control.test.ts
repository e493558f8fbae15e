// leasefs/client through the control socket.
import { spawn, spawnSync } from 'node:child_process';
import { fstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Calls } from '../../src/client/calls.js';
import { type LeaseBreak, type LeaseError, LeaseFile, readReport } from '../../src/client/index.js';
import { openSegment, readLayout } from '../../src/client/layout.js';
import { native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { clientModule } from '../support/client-process.js';
import { PATIENT } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';
import { timeFactor } from '../support/time-factor.js';

const BLOCK = 4096;
const LIMIT_MS = 60_000 * timeFactor;

/** truncate(1), which opens with O_NONBLOCK; what it says. */
const truncate = (path: string, size: number): string =>
  spawnSync('truncate', ['-s', `${size}`, path], { encoding: 'utf8' }).stderr;

const soon = (what: string, seen: () => boolean) => eventually(what, seen, LIMIT_MS);

const options = { args: ['--transport=fuse-native', ...PATIENT] };
mountedSuite('leasefs/client through the control socket', options, ({ test, mount, files }) => {
  test('leasefs/client takes leases and pins, lists them, and releases them', async () => {
    const path = files.fresh();
    const file = files.open(path);
    await file.setLease('exclusive');
    const id = file.pin(0, BLOCK);
    assert.equal(file.pins(), [
      { id, off: 0, len: BLOCK, pid: process.pid, mine: true, owner: 'process', zombie: false },
    ]);
    assert.match(truncate(path, 0), /Text file busy/);
    const other = files.open(path);
    assert.is(
      code(() => other.setLeaseSync('shared,breakable')),
      'EAGAIN',
    );
    assert.is(other.pins().length, 1);
    const { leases } = file.report('leases');
    assert.is(leases[0]?.owner.pid, process.pid);
    assert.is(leases[0]?.ino, fstatSync(file.fd).ino);
    assert.throws(
      () => file.setLeaseSync('none'),
      (error: LeaseError) =>
        error.code === 'EBUSY' && error.rule === 'L5' && error.holder?.pin === Number(id),
    );
    file.unpin(id);
    file.setLeaseSync('none');
    assert.is(file.getLease().kind, 'none');
    assert.is(truncate(path, 0), '');
  });

  test('300 pins are listed, and a report longer than a message comes whole', () => {
    const file = files.open(files.fresh());
    file.setLeaseSync('exclusive');
    for (let i = 0; i < 300; i++) file.pin(0, BLOCK);
    assert.is(file.pins().length, 300);
    assert.is(file.report('pins').pins.length, 300);
    assert.is(file.unpinAll(), 300);
  });

  test('B1: onBreak tells of a break, once, and of nothing after the answer', async () => {
    const path = files.fresh();
    const file = files.open(path);
    await file.setLease('exclusive,breakable');
    const breaks: LeaseBreak[] = [];
    file.onBreak(notice => {
      breaks.push(notice);
      if (notice.breakMs > 0) file.setLeaseSync(notice.must);
    });
    assert.match(truncate(path, 0), /Resource temporarily unavailable/);
    await soon('the notice', () => breaks.length > 0);
    assert.is(breaks[0]!.must, 'none');
    assert.is(truncate(path, 0), '');
    await file.setLease('exclusive,breakable');
    assert.match(truncate(path, BLOCK), /Resource temporarily unavailable/);
    await soon('the next one too', () => breaks.length > 1);
    assert.is(truncate(path, BLOCK), '');
    assert.is(breaks.length, 2);
  });

  test('a call that waits for a break leaves the event loop and other calls free', async () => {
    const path = files.fresh();
    const program = `
      const { LeaseFile } = await import(${JSON.stringify(clientModule)});
      const file = LeaseFile.open(process.argv[1]);
      file.setLeaseSync('exclusive,breakable');
      file.onBreak(() => process.stdout.write(' notified'));
      process.stdin.on('end', () => file.setLeaseSync('none')).resume();
      process.stdout.write('held');`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', program, '--', path], {
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: LIMIT_MS,
    });
    let said = '';
    holder.stdout.on('data', data => {
      said += data;
    });
    await soon('it holds the lease', () => said === 'held');
    const file = files.open(path);
    const taking = file.setLease('exclusive');
    await soon('the notice', () => said === 'held notified');
    assert.is(file.getLease().kind, 'none');
    holder.stdin.end();
    await taking;
    assert.is(file.getLease().kind, 'exclusive');
  });

  test('a layout is listed and mapped directly under a lease; a break recalls it', async () => {
    const path = files.fresh();
    const file = files.open(path);
    assert.is(file.layout(0, 4 * BLOCK).extents.length > 0, true);
    assert.is(
      code(() => file.mapDirect(0, BLOCK)),
      'EPERM',
    );
    await file.setLease('exclusive,breakable');
    const mapping = file.mapDirect(0, 4 * BLOCK);
    new Uint8Array(mapping.memory).fill(7, BLOCK, BLOCK + 3);
    assert.equal([...readFileSync(path).subarray(BLOCK - 1, BLOCK + 4)], [1, 7, 7, 7, 1]);
    assert.match(truncate(path, 0), /Resource temporarily unavailable/);
    await soon('it is recalled', () => !mapping.mapped);
    assert.is(truncate(path, 0), '');
  });

  test('L1: a process that is passed the description shares its lease, which ends with the last of them', async () => {
    const path = files.fresh();
    const file = LeaseFile.open(path);
    file.setLeaseSync('exclusive');
    const id = file.pin(0, BLOCK, { owner: 'description' });
    const shared = files.sharing(path, file.getLease().description);
    assert.is(shared.getLease().kind, 'exclusive');
    file.close();
    assert.is(shared.getLease().kind, 'exclusive');
    assert.equal(
      shared.pins().map(pin => pin.id),
      [id],
    );
    assert.match(truncate(path, 0), /Text file busy/);
    shared.close();
    await soon('its lease and its pin are gone', () => truncate(path, 0) === '');
    const stranger = files.sharing(files.fresh(), 12345n);
    assert.is(
      code(() => stranger.getLease()),
      'EBADF',
    );
  });

  test('N10: what a client pins of a segment that it had by a layout keeps its blocks', async () => {
    const path = files.fresh(8 * BLOCK);
    const file = files.open(path);
    const ring = native.uring(4);
    try {
      file.setLeaseSync('shared,breakable');
      using calls = new Calls(file.fd, file.getLease().description);
      const { extents, segments } = readLayout(calls, 0, 8 * BLOCK, false);
      const segment = openSegment(segments[0]!);
      const memory = native.map(segment.fd, extents[0]!.store, 8 * BLOCK, 3);
      segment.close();
      assert.is(ring.register(memory, BLOCK, 2 * BLOCK), 0);
      // The layout is released, the mapping and the pin are not.
      file.setLeaseSync('none');
      assert.match(truncate(path, 2 * BLOCK), /Text file busy/);
      assert.match(mount.log(), `kernel pin [4096, 12288) of ${process.pid}`);
      assert.is(truncate(path, 3 * BLOCK), '');
      assert.is(ring.unregister(), 0);
      assert.is(truncate(path, BLOCK), '');
      native.unmap(memory);
    } finally {
      ring.close();
    }
  });

  test('elsewhere it is ENOTTY as ever', () => {
    const dir = mkdtempSync(join(tmpdir(), 'leasefs-none-'));
    writeFileSync(join(dir, 'f'), '');
    using file = LeaseFile.open(join(dir, 'f'));
    assert.is(
      code(() => file.getLease()),
      'ENOTTY',
    );
    assert.is(
      code(() => readReport(file.fd, 'status')),
      'ENOTTY',
    );
    rmSync(dir, { recursive: true });
  });
});
