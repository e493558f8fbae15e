// The daemon dies, its keeper starts the next one, and programs see a pause: files, names, open descriptions, mappings, leases,
// pins and calls under way are as they were.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { kill, killed } from '../support/keeper.js';
import { bothStores, PATIENT } from '../support/mounted.js';
import { EXCLUSIVE, EXCLUSIVE_BREAKABLE, O_RDWR, UNLCK } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

/** Of everything below the directory, in plain words. */
function tree(dir: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name);
    const { ino, mode, nlink, uid, gid, size, mtimeMs, ctimeMs } = statSync(path);
    found[name] = [ino, mode, nlink, uid, gid, size, mtimeMs, ctimeMs];
    if (statSync(path).isDirectory()) Object.assign(found, tree(path));
    else found[`${name} has`] = readFileSync(path).toString('base64');
  }
  return found;
}

const python = (program: string, ...args: readonly string[]): string => {
  const run = spawnSync('python3', ['-c', program, ...args], { encoding: 'utf8' });
  assert.is(run.status, 0, run.stderr);
  return run.stdout.trim();
};

for (const store of bothStores) {
  const options = { store, args: ['--keeper', ...PATIENT], needs: ['passthrough'] as const };
  mountedSuite(`takeover, ${store} store`, options, ({ test, mount, stage }) => {
    let dirs = 0;
    /** A new directory for a test. */
    const place = (): string => {
      const dir = mount.file(`d${dirs++}`);
      mkdirSync(dir);
      return dir;
    };

    test('files, names, attributes and contents', async () => {
      const dir = place();
      for (let n = 0; n < 50; n++) writeFileSync(join(dir, `f${n}`), Buffer.alloc(n * 1000, n));
      mkdirSync(join(dir, 'sub'));
      linkSync(join(dir, 'f1'), join(dir, 'sub', 'link'));
      renameSync(join(dir, 'f2'), join(dir, 'sub', 'moved'));
      symlinkSync('sub/moved', join(dir, 'symbolic'));
      chmodSync(join(dir, 'f3'), 0o4711);
      utimesSync(join(dir, 'f4'), 1, 2);
      truncateSync(join(dir, 'f40'), 100_000);
      unlinkSync(join(dir, 'f5'));
      python("import os, sys; os.setxattr(sys.argv[1], 'user.a', b'value')", join(dir, 'f6'));
      const before = tree(dir);
      await killed(mount);
      assert.equal(tree(dir), before);
      assert.is(readlinkSync(join(dir, 'symbolic')), 'sub/moved');
      assert.is(
        python("import os, sys; print(os.getxattr(sys.argv[1], 'user.a'))", join(dir, 'f6')),
        "b'value'",
      );
      writeFileSync(join(dir, 'new'), 'new');
      const inos = Object.values(before).flatMap(value => (Array.isArray(value) ? [value[0]] : []));
      assert.not(inos.includes(statSync(join(dir, 'new')).ino), 'a number is never used again');
    });

    test('open descriptions, also of files without a name', async () => {
      const dir = place();
      const named = openSync(join(dir, 'named'), 'w+');
      const gone = openSync(join(dir, 'gone'), 'w+');
      writeSync(named, 'before');
      writeSync(gone, 'unlinked');
      unlinkSync(join(dir, 'gone'));
      await killed(mount);
      writeSync(named, ' and after');
      assert.is(readFileSync(join(dir, 'named'), 'utf8'), 'before and after');
      const read = Buffer.alloc(8);
      assert.is(readSync(gone, read, 0, 8, 0), 8);
      assert.is(read.toString(), 'unlinked');
      ftruncateSync(gone, 3);
      assert.is(fstatSync(gone).size, 3);
      closeSync(named);
      closeSync(gone);
    });

    test('a mapping, and what is stored into it', async () => {
      const path = join(place(), 'f');
      writeFileSync(path, Buffer.alloc(8192, 1));
      const actor = await stage.actor('mapper');
      await actor.open(path, O_RDWR);
      await actor.mmap(8192);
      await actor.store(0, 1, 2);
      await killed(mount);
      await actor.store(4096, 1, 3);
      await actor.msync();
      const bytes = readFileSync(path);
      assert.equal([bytes[0], bytes[1], bytes[4096]], [2, 1, 3]);
      await actor.close();
      await killed(mount);
      await actor.store(1, 1, 4);
      await actor.msync();
      assert.is(readFileSync(path)[1], 4, 'the mapping outlives its descriptor and two daemons');
    });

    test('X1: a pinned range stays, and its lease', async () => {
      const path = join(place(), 'f');
      writeFileSync(path, Buffer.alloc(16384, 1));
      const [holder, other] = await stage.pair(path);
      await holder.setLease(EXCLUSIVE);
      const id = await holder.pin(0, 4096);
      const pinned = () => mount.report('pins').pins.map(({ ageMs, ...pin }) => pin);
      const pins = pinned();
      const leases = mount.report('leases').leases;
      await killed(mount);
      assert.equal(pinned(), pins);
      assert.equal(
        mount.report('leases').leases.map(({ id, kind, owner }) => [id, kind, owner]),
        leases.map(({ id, kind, owner }) => [id, kind, owner]),
      );
      assert.is(await other.try.punch(0, 4096), 'ETXTBSY');
      assert.is(await other.try.truncate(path, 0), 'ETXTBSY');
      assert.is(await other.try.setLease(EXCLUSIVE), 'EAGAIN');
      assert.is(await holder.unpin(id), 1);
      assert.is(await holder.try.setLease(UNLCK), 'ok');
      assert.is(await other.try.truncate(path, 0), 'ok');
    });

    test('B5: a holder that dies with the daemon is dead to the next one', async () => {
      const path = join(place(), 'f');
      writeFileSync(path, Buffer.alloc(8192, 1));
      const [holder, other] = await stage.pair(path);
      await holder.setLease(EXCLUSIVE);
      await holder.pin(0, 4096);
      kill(mount);
      await holder.end();
      await eventually('the pin is gone', () => mount.report('pins').pins.length === 0);
      assert.is(await other.try.truncate(path, 0), 'ok');
    });

    test('a truncate that waits for a lease break waits on', async () => {
      const path = join(place(), 'f');
      writeFileSync(path, Buffer.alloc(8192, 1));
      const [holder, other] = await stage.pair(path);
      await holder.setLease(EXCLUSIVE_BREAKABLE);
      const truncate = other.begin.ftruncate(0);
      await eventually('it waits', () => mount.report('status').waiters === 1);
      await killed(mount);
      await eventually('it waits again', () => mount.report('status').waiters === 1);
      assert.is(mount.report('leases').leases[0]?.state, 'breaking');
      await holder.setLease(UNLCK);
      assert.is((await truncate.result).verdict, 'ok');
      assert.is(statSync(path).size, 0);
    });
  });
}
