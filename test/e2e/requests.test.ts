// What the kernel need not ask, each with a program that would make it ask.
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Mounted, stores } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

const FILES = 40;

/** Requests by kind that `work` makes. */
function asked(mount: Mounted, work: () => void): (kind: string) => number {
  const before = mount.report('status').requests;
  work();
  const { requests } = mount.report('status');
  return kind => (requests[kind] ?? 0) - (before[kind] ?? 0);
}

function listed(path: string): string {
  const { status, stdout, stderr } = spawnSync('ls', ['-l', path], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.replaceAll(/ +/g, ' ');
}

for (const store of stores) {
  mountedSuite(`requests that are not made, ${store}`, { store }, ({ test, mount }) => {
    test('fsync of files and directories: once, then the kernel answers it', () => {
      const files = [openSync(mount.file('synced'), 'w'), openSync(mount.path, 'r')];
      for (const fd of files) fsyncSync(fd);
      const requests = asked(mount, () => {
        for (const fd of [...files, ...files]) fsyncSync(fd);
      });
      assert.equal([requests('FSYNC'), requests('FSYNCDIR')], [0, 0]);
      files.forEach(closeSync);
    });

    test('a second `ls -l` asks nothing for each file, and shows what has changed', () => {
      const dir = mount.file('listed');
      mkdirSync(dir);
      const files = Array.from({ length: FILES }, (_, n) => `${dir}/f${n}`);
      for (const file of files) writeFileSync(file, 'text');
      const first = asked(mount, () => listed(dir));
      // An ACL of each file and the directory; the label of SELinux is asked for once.
      assert.ok(first('GETXATTR') <= FILES + 3, `${first('GETXATTR')}`);
      let text = '';
      const second = asked(mount, () => {
        text = listed(dir);
      });
      for (const kind of ['GETXATTR', 'GETATTR', 'LOOKUP'])
        assert.ok(second(kind) <= 4, `${kind} ${second(kind)}`);
      chmodSync(files[3]!, 0o600);
      writeFileSync(files[7]!, 'longer text');
      const changed = listed(dir);
      const differs = (all: string): string[] => all.split('\n').filter(line => !text.includes(line));
      assert.equal(
        differs(changed).map(line => line.split(' ').at(-1)),
        ['f3', 'f7'],
      );
      assert.match(changed, /-rw-------.*f3\n/);
      assert.match(changed, / 11 .*f7\n/);
    });
  });
}
