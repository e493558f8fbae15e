// Mounting: the words of -o, what is mounted where, and as root the real thing: mount points that cannot be, a dead
// mount cleaned up. A mount whose daemon lives is never looked at here, it would wait for ourselves: test/e2e does.
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FsError } from '../../src/base/errno.js';
import { clearDeadMount, mount, mountedOn, unmount } from '../../src/fuse/mount.js';
import {
  accessTimesOf,
  cachesWrites,
  fusermountOptions,
  keepsAcls,
  keepsXattrs,
  kernelOptions,
  parseMountWords,
} from '../../src/fuse/mount-words.js';
import { FS_TYPE, mountsNow, parseMountinfo } from '../../src/fuse/mountinfo.js';
import { suiteNeeding } from '../support/suites.js';

const test = suite('mount');

test('the words of -o become the flags of mount(2)', () => {
  const words = parseMountWords(['ro', 'noexec', 'nosuid', 'suid', 'fsname=my fs', 'defaults']);
  assert.is(words.flags, 1 | 8);
  const { flags, data, source } = kernelOptions(words, 7);
  assert.is(flags, 9);
  assert.is(source, 'my fs');
  assert.match(data, /^fd=7,rootmode=40000,user_id=\d+,group_id=\d+,default_permissions,allow_other$/);
});

test('the same words for fusermount3', () => {
  assert.is(fusermountOptions(parseMountWords([])), 'fsname=leasefs,subtype=leasefs,default_permissions');
  assert.is(
    fusermountOptions(parseMountWords(['ro', 'noatime', 'allow_other', 'fsname=a\\b'])),
    'fsname=a\\\\b,subtype=leasefs,default_permissions,ro,noatime,allow_other',
  );
});

test('ACLs and extended attributes', () => {
  assert.is(parseMountWords(['acl', 'noacl']).flags, 0);
  assert.is(keepsAcls(['ro']), true);
  assert.is(keepsAcls(['acl', 'noacl']), false);
  assert.is(keepsXattrs(['ro']), true);
  assert.is(keepsXattrs(['xattr', 'noxattr']), false);
  assert.is(keepsAcls(['acl', 'noxattr']), false);
});

test('writes go past the page cache unless kernel_cache is the last word about it', () => {
  assert.is(parseMountWords(['kernel_cache', 'nokernel_cache']).flags, 0);
  assert.is(cachesWrites(['ro', 'noauto']), false);
  assert.is(cachesWrites(['nokernel_cache', 'kernel_cache']), true);
  assert.is(cachesWrites(['kernel_cache', 'nokernel_cache']), false);
});

test('times of access', () => {
  assert.is(
    parseMountWords(['relatime', 'strictatime', 'nostrictatime', 'nodiratime']).flags,
    (1 << 21) | 2048,
  );
  const times = (...words: readonly string[]): unknown => Object.values(accessTimesOf(words));
  assert.equal(times(), ['relatime', 'relatime']);
  assert.equal(times('noatime', 'relatime'), ['noatime', 'noatime']);
  assert.equal(times('noatime', 'atime', 'strictatime'), ['strictatime', 'strictatime']);
  assert.equal(times('strictatime', 'nodiratime'), ['strictatime', 'noatime']);
  assert.equal(times('ro'), ['noatime', 'noatime']);
});

test('an unknown word is EINVAL and is named', () => {
  for (const word of ['wibble', 'fd=3', 'fsname=', 'fsname=a,b', '']) {
    assert.throws(() => parseMountWords([word]), /EINVAL.*unknown mount option/);
  }
});

test('mountinfo: optional fields, octal escapes, the subtype', () => {
  const text = [
    '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw',
    '65 22 0:40 / /mnt/a\\040b rw,nosuid shared:3 master:1 - fuse.leasefs leasefs rw,user_id=0',
    '66 22 0:40 /sub /mnt/bind rw - fuse.leasefs a\\134b rw',
    '',
  ].join('\n');
  assert.equal(parseMountinfo(text), [
    { target: '/', device: '8:1', type: 'ext4', source: '/dev/root', root: '/' },
    { target: '/mnt/a b', device: '0:40', type: 'fuse.leasefs', source: 'leasefs', root: '/' },
    { target: '/mnt/bind', device: '0:40', type: 'fuse.leasefs', source: 'a\\b', root: '/sub' },
  ]);
});

const isMounted = (path: string): boolean =>
  mountsNow().some(({ target, type }) => target === path && type === FS_TYPE);

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as FsError).code;
  }
  return 'no error';
}

suiteNeeding('mount as root', ['mount'], test => {
  let dir: string;
  let at: string;
  test.before(() => {
    dir = mkdtempSync(join(tmpdir(), 'leasefs fuse\\'));
    at = join(dir, 'm');
    mkdirSync(at);
  });
  test.after.each(async () => {
    for (let found = mountedOn(at); found !== undefined; found = mountedOn(at)) await unmount(found, true);
  });
  test.after(() => {
    rmdirSync(at);
    rmdirSync(dir);
  });

  test('the root directory is no mount point: no path would lead to the mount', () => {
    assert.throws(() => mount('/', []), /EINVAL.*root directory/);
    assert.not(mountsNow().some(({ target, type }) => target === '/' && type === FS_TYPE));
  });

  test('a mount point that is missing or a file', () => {
    assert.is(
      codeOf(() => mount(join(dir, 'none'), [])),
      'ENOENT',
    );
    const file = join(dir, 'file');
    writeFileSync(file, '');
    assert.is(
      codeOf(() => mount(file, [])),
      'ENOTDIR',
    );
    assert.throws(() => mount(file, []), file);
    rmSync(file);
  });

  test('a mount is seen with its type, its source and its flags; unmounting ends it, and no other', async () => {
    const channel = mount(at, ['noexec', 'fsname=here']);
    const found = mountsNow().findLast(({ target }) => target === at);
    assert.match(found?.device ?? '', /^0:\d+$/);
    assert.equal(
      { ...found, id: 0, device: '' },
      { id: 0, target: at, device: '', type: FS_TYPE, source: 'here', root: '/' },
    );
    assert.is(await unmount(found!, false), undefined);
    assert.not(isMounted(at));
    channel.close();
    assert.is((await unmount(found!, false))?.code, 'ESTALE');
  });

  test('what a dead daemon left is cleaned up by the next mount, however often', () => {
    mount(at, []).close();
    assert.throws(() => statSync(at), /ENOTCONN/);
    const second = mount(at, []);
    assert.is(mountsNow().filter(({ target }) => target === at).length, 1);
    second.close();
    clearDeadMount(at);
    assert.not(isMounted(at));
    clearDeadMount(at);
  });
});
