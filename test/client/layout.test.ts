// The memory of a segment, fetched from the process that has it: only that very file is taken.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSegment } from '../../src/client/layout.js';
import { native, STAT } from '../../src/native/binding.js';
import { code } from '../support/thrown-code.js';

const test = suite('segment address');

test('a segment is the file of that st_dev and st_ino, even when another file has its number', () => {
  const file = native.memfdCreate('segment');
  const stat = new Float64Array(STAT.length);
  native.fstat(file.fd, stat);
  const [dev, ino] = [stat[STAT.dev]!, stat[STAT.ino]!];
  const address = { segment: 1, pid: process.pid, fd: file.fd, dev, ino };
  const got = openSegment(address);
  native.fstat(got.fd, stat);
  assert.equal([stat[STAT.dev], stat[STAT.ino]], [dev, ino]);
  assert.ok(got.fd !== file.fd);
  got.close();
  assert.is(
    code(() => openSegment({ ...address, ino: ino + 1 })),
    'ESRCH',
  );
  assert.is(
    code(() => openSegment({ ...address, fd: 0 })),
    'ESRCH',
  );
  assert.is(
    code(() => openSegment({ ...address, pid: 0x3fffffff })),
    'ESRCH',
  );
  assert.is(
    code(() => openSegment({ ...address, fd: 9999 })),
    'ENOENT',
  );
  file.close();
});

test.run();
