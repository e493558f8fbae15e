// What a descriptor is of, read without a stat.
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileIdOf } from '../../src/process/proc-text.js';

const test = suite('text of /proc');

test('a descriptor names its mount and inode: equal for one file, whichever process asks', () => {
  const dir = mkdtempSync(join(tmpdir(), 'leasefs-proc-text-'));
  writeFileSync(join(dir, 'a'), '');
  writeFileSync(join(dir, 'b'), '');
  const [a, again, b] = ['a', 'a', 'b'].map(name => openSync(join(dir, name), 'r'));
  try {
    assert.is(fileIdOf('self', a!)?.ino, fstatSync(a!).ino);
    assert.equal(fileIdOf('self', a!), fileIdOf(process.pid, again!));
    assert.is.not(fileIdOf('self', a!)?.ino, fileIdOf('self', b!)?.ino);
  } finally {
    for (const fd of [a, again, b]) closeSync(fd!);
    rmSync(dir, { recursive: true });
  }
  assert.is(fileIdOf('self', a!), undefined);
});

test.run();
