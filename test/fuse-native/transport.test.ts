// The filesystem through the fuse-native package: what it carries works, what it does not carry is refused.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { cli, Mounted } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

mountedSuite('fuse-native transport', { args: ['--transport=fuse-native'] }, ({ test, mount }) => {
  test('files are written, read, truncated and removed', () => {
    const path = mount.file('file');
    const content = Buffer.alloc(300_000, 'leasefs ');
    writeFileSync(path, content);
    assert.is(Buffer.compare(readFileSync(path), content), 0);
    truncateSync(path, 5);
    assert.is(readFileSync(path, 'utf8'), 'lease');
    const fd = openSync(path, 'r+');
    ftruncateSync(fd, 10_000);
    writeSync(fd, 'x', 9_999);
    assert.is(fstatSync(fd).size, 10_000);
    closeSync(fd);
    assert.equal(readFileSync(path).subarray(5, 9_999), Buffer.alloc(9_994));
    closeSync(openSync(path, 'w'));
    assert.is(statSync(path).size, 0, 'O_TRUNC');
    unlinkSync(path);
    assert.not.ok(existsSync(path));
  });

  test('names, links and directories; a cached path is not found any more when it has moved', () => {
    mkdirSync(mount.file('a'));
    writeFileSync(mount.file('a/ä € 𝄞'), '1');
    assert.equal(readdirSync(mount.file('a')), ['ä € 𝄞']);
    renameSync(mount.file('a'), mount.file('b'));
    assert.not.ok(existsSync(mount.file('a/ä € 𝄞')));
    assert.is(readFileSync(mount.file('b/ä € 𝄞'), 'utf8'), '1');
    linkSync(mount.file('b/ä € 𝄞'), mount.file('hard'));
    assert.is(statSync(mount.file('hard')).nlink, 2);
    symlinkSync('b/ä € 𝄞', mount.file('soft'));
    assert.is(readlinkSync(mount.file('soft')), 'b/ä € 𝄞');
    assert.ok(lstatSync(mount.file('soft')).isSymbolicLink());
    assert.throws(() => rmdirSync(mount.file('b')), /ENOTEMPTY/);
    unlinkSync(mount.file('b/ä € 𝄞'));
    rmdirSync(mount.file('b'));
    assert.is(readFileSync(mount.file('hard'), 'utf8'), '1');
  });

  test('an open file outlives its name', () => {
    const fd = openSync(mount.file('open'), 'w+');
    writeSync(fd, 'still here');
    unlinkSync(mount.file('open'));
    assert.is(fstatSync(fd).size, 10);
    closeSync(fd);
  });

  test('modes, owners, xattrs and statfs', () => {
    const path = mount.file('attributes');
    writeFileSync(path, '');
    const shell = (command: string) => {
      const { status, stdout, stderr } = spawnSync('sh', ['-ec', command], { encoding: 'utf8' });
      assert.is(status, 0, `${command}: ${stderr}`);
      return stdout.trim();
    };
    assert.is(shell(`chmod 4751 ${path}; chown 5:7 ${path}; stat -c '%a %u %g' ${path}`), '751 5 7');
    assert.is(shell(`mkfifo ${path}.fifo; stat -c %F ${path}.fifo`), 'fifo');
    assert.is(statfsSync(mount.path).bsize, 4096);
    utimesSync(path, 1_000_000, 1_000_000);
    assert.is(statSync(path).mtimeMs, 1e9);
  });

  test('what the package cannot carry is refused: bytes that are no UTF-8, holes, ACLs', () => {
    const bytes = Buffer.concat([Buffer.from(mount.file('x')), Buffer.from([0xff])]);
    assert.throws(() => writeFileSync(bytes, ''), /EILSEQ|illegal byte sequence|error -84/);
    writeFileSync(mount.file('holes'), Buffer.alloc(8192));
    const punched = spawnSync('fallocate', ['-p', '-o', '0', '-l', '4096', mount.file('holes')], {
      encoding: 'utf8',
    });
    assert.match(punched.stderr, /not supported|unsupported/);
    const acl = `import os,struct
entries=[(1,6,0),(2,4,1234),(4,4,0),(16,4,0),(32,0,0)]
os.setxattr('${mount.file('holes')}','system.posix_acl_access',struct.pack('=I',2)+b''.join(struct.pack('=HHI',*e) for e in entries))`;
    assert.match(spawnSync('python3', ['-c', acl], { encoding: 'utf8' }).stderr, /Errno 95/);
  });

  test('bad options are refused before anything is mounted', () => {
    for (const [args, why] of [
      [['--store=direct'], /no passthrough/],
      [['-o', 'ro'], /allow_other alone/],
    ] as const) {
      const { status, stderr } = spawnSync(
        process.execPath,
        [cli, 'mount', '-f', '--transport=fuse-native', ...args, mount.path],
        { encoding: 'utf8' },
      );
      assert.is.not(status, 0);
      assert.match(stderr, why);
    }
  });

  test('unmounting ends the daemon', async () => {
    const other = await Mounted.start('--transport=fuse-native');
    writeFileSync(other.file('x'), 'x');
    const ended = other.ended();
    assert.is(spawnSync('umount', [other.path]).status, 0);
    assert.is(await ended, 0);
    await other.stop();
  });
});
