// Attributes that the kernel may cache are invalidated: struct fuse_notify_inval_inode_out, no pages with them.
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { InodeNumber } from '../../src/base/units.js';
import type { Host, Operations } from '../../src/fs/operations.js';
import { answer, bench, record, text, u32, u64 } from './doubles.js';

const test = suite('attributes invalidated');

const ino = 0x1_0000_0003 as InodeNumber;
const takenBack = answer(0n, 2, u64(ino), u64(-1), u64(0));

let folder: string;
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
});
test.after(() => rmSync(folder, { recursive: true }));

function start(given: Partial<Operations> = {}) {
  let host!: Host;
  const b = bench({
    ...given,
    attach: attached => {
      host = attached;
    },
  });
  return { ...b, host };
}

test('at once', () => {
  const { channel, host } = start();
  host.invalidateAttrs(ino);
  assert.equal(channel.sent, [takenBack]);
});

const written = (): Buffer =>
  record(16, { unique: 8n }, u64(9), u64(0), u32(1), u32(1), u64(0), u32(0), u32(0), text('x'));

function writing(name: string) {
  const b = start({
    write: (...args: unknown[]) => {
      b.host.invalidateAttrsAsync(args[1] as InodeNumber);
      return 1;
    },
  });
  const file = join(folder, name);
  b.channel.fd = openSync(file, 'w');
  return { ...b, file };
}

test('aside: the request is answered when the kernel has taken the record, others before that', async () => {
  const { channel, host, file } = writing('device');
  assert.is(channel.deliver(written()), undefined);
  host.invalidateAttrs(ino);
  assert.equal(channel.sent, [takenBack]);
  while (channel.sent.length < 2) await new Promise(resolve => setImmediate(resolve));
  assert.equal(channel.sent[1], answer(8n, 0, u32(1), u32(0)));
  assert.equal(readFileSync(file), answer(0n, 2, u64(1), u64(-1), u64(0)));
});

test('aside at the end of the mount: no answer, and the device is closed when the kernel has heard', async () => {
  const { channel, session } = writing('other');
  channel.deliver(written());
  channel.end(19);
  assert.is(channel.closed, false);
  await session.ended;
  assert.is(channel.closed, true);
  assert.equal(channel.sent, []);
});

test.run();
