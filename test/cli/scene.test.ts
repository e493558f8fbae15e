// The demo insists: a call that comes back with something else than the rules say ends it. Tried on tmpfs.
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Actor } from '../../src/cli/demo/actor.js';
import { callText } from '../../src/cli/demo/call-text.js';
import { Scene, Unexpected } from '../../src/cli/demo/scene.js';

const dir = mkdtempSync('/dev/shm/leasefs-scene-');
let scene: Scene;
let actor: Actor;

async function unexpected(step: Promise<void>, says: RegExp): Promise<void> {
  const error = await step.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.instance(error, Unexpected);
  assert.match((error as Error).message, says);
}

const test = suite('scene');

test.before.each(() => {
  scene = new Scene();
  actor = scene.actor('A', join(dir, 'f'));
});
test.after.each(() => scene.close());
test.after(() => rmSync(dir, { recursive: true }));

test('what comes back as it must goes on', async () => {
  await scene.ok(actor, 'truncate 64k');
  await scene.refused(actor, 'fzero 0 4k', 'EOPNOTSUPP', 'X1');
  await scene.ok(actor, 'pread 0 4k', '', 'all 0x00');
  const child = await scene.fork(actor, 'pwrite 0 4k; fzero 0 4k');
  assert.ok(child > 0);
  await scene.forked(actor, child, 'pwrite 0 4k', undefined, 'L1', '0xcd');
  await scene.forked(actor, child, 'fzero 0 4k', 'EOPNOTSUPP', 'N2');
});

test('a success that should have been a refusal ends it, and a refusal of another kind', async () => {
  await unexpected(scene.refused(actor, 'truncate 4k', 'ETXTBSY', 'X1'), /truncate 4k .* ETXTBSY, not 'ok'/);
  await unexpected(scene.refused(actor, 'fzero 0 4k', 'ETXTBSY', 'X1'), /ETXTBSY, not 'EOPNOTSUPP/);
});

test('a refusal that should have been a success ends it, and a success that says something else', async () => {
  await unexpected(scene.ok(actor, 'fzero 0 4k'), /success, not 'EOPNOTSUPP/);
  await scene.ok(actor, 'truncate 0');
  await scene.ok(actor, 'truncate 4k');
  await unexpected(scene.ok(actor, 'pread 0 4k', '', 'all 0x11'), /'all 0x11', not '4096 bytes, all 0x00'/);
});

test('what does not come soon ends it', async () => {
  await unexpected(
    scene.eventually('it should have rained', async () => false, 1),
    /rained.*LEASEFS_TIME_FACTOR above/,
  );
});

test('a process that dies is reported, not waited for', async () => {
  await scene.ok(actor, 'truncate 4k');
  const answer = actor.run('sleep 20000');
  await actor.kill();
  const error = await answer.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.match((error as Error).message, /process A ended before it answered 'sleep 20000'/);
});

test('verbs are shown as the calls that they are', () => {
  assert.is(callText('fpunch 0 4k'), 'fallocate(fd, PUNCH_HOLE, 0, 4k)');
  assert.is(callText('lease -s SIGIO exclusive,breakable'), 'ioctl(SETLEASE, exclusive,breakable)');
  assert.is(callText('wait'), 'wait');
});

test.run();
