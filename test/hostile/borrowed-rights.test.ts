// A privileged program that writes what a user makes it write, into a descriptor that the user has opened.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { mountedSuite } from '../support/suites.js';

const options = {
  store: 'pooled',
  args: ['--size', '64m', '-o', 'allow_other,mode=1777'],
  needs: ['root', 'python3'],
} as const;

/** Opens as the user, writes as root. */
const WRITE = `
import os, sys
os.seteuid(65534)
fd = os.open(sys.argv[1], os.O_WRONLY)
os.seteuid(0)
os.write(fd, b"33554432")
`;

mountedSuite("root's writes by a user's descriptor", options, ({ test, mount }) => {
  test('the size of the mount stays: the opener of .leasefs/size must have the right too', () => {
    const path = mount.file('.leasefs/size');
    const { status, stderr } = spawnSync('python3', ['-c', WRITE, path], { encoding: 'utf8' });
    assert.is(status, 1);
    assert.match(stderr, 'Operation not permitted');
    assert.is(readFileSync(path, 'latin1'), `${64 << 20}\n`);
  });
});
