// Attributes that the kernel was told to keep are taken back: struct fuse_notify_inval_inode_out, no pages with them.
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { InodeNumber } from '../../src/base/units.js';
import type { Host } from '../../src/fs/operations.js';
import { answer, bench, u64 } from './doubles.js';

const test = suite('attributes taken back');

const ino = 0x1_0000_0003 as InodeNumber;
const takenBack = answer(0n, 2, u64(ino), u64(-1), u64(0));

let folder: string;
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
});
test.after(() => rmSync(folder, { recursive: true }));

function start() {
  let host!: Host;
  const b = bench({
    attach: given => {
      host = given;
    },
  });
  return { ...b, host };
}

test('at once', () => {
  const { channel, host } = start();
  host.attributesGone(ino);
  assert.equal(channel.sent, [takenBack]);
});

test('aside: it is told when the kernel has taken the record, which nothing that is answered meanwhile changes', async () => {
  const { channel, host } = start();
  const file = join(folder, 'device');
  channel.fd = openSync(file, 'w');
  let told = 0;
  const heard = new Promise<void>(resolve => {
    host.attributesGoneAside(ino, () => {
      told++;
      resolve();
    });
  });
  host.attributesGone(7 as InodeNumber);
  assert.is(told, 0);
  await heard;
  assert.equal(readFileSync(file), takenBack);
});

test('aside at the end of the mount: nobody is told, and the device is closed when the kernel has answered', async () => {
  const { channel, host, session } = start();
  channel.fd = openSync(join(folder, 'other'), 'w');
  let told = 0;
  host.attributesGoneAside(ino, () => told++);
  channel.end(19);
  assert.is(channel.closed, false);
  await session.ended;
  assert.is(channel.closed, true);
  assert.is(told, 0);
});

test.run();
