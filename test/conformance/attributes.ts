// What is known of a file beside its data: modes and owners, times, extended attributes, sizes.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type Check, script } from './check.js';

export const attributes: Readonly<Record<string, Check>> = {
  'modes, owners, and the bits that are cleared': dir => {
    const file = join(dir, 'f');
    fs.writeFileSync(file, '');
    fs.chmodSync(file, 0o6755);
    assert.is(fs.statSync(file).mode & 0o7777, 0o6755);
    if (process.getuid?.() !== 0) return;
    fs.chownSync(file, 1234, 4321);
    assert.is(fs.statSync(file).uid, 1234);
    assert.is(fs.statSync(file).gid, 4321);
    assert.is(fs.statSync(file).mode & 0o6000, 0, 'chown clears setuid and setgid');
    fs.mkdirSync(join(dir, 'g'));
    fs.chownSync(join(dir, 'g'), 0, 77);
    fs.chmodSync(join(dir, 'g'), 0o2777);
    fs.mkdirSync(join(dir, 'g/h'));
    fs.writeFileSync(join(dir, 'g/i'), '');
    assert.is(fs.statSync(join(dir, 'g/h')).gid, 77);
    assert.ok(fs.statSync(join(dir, 'g/h')).mode & 0o2000);
    assert.is(fs.statSync(join(dir, 'g/i')).gid, 77);
    assert.not(fs.statSync(join(dir, 'g/i')).mode & 0o2000);
  },

  'permissions are kept from other users': dir => {
    if (process.getuid?.() !== 0) return;
    fs.chmodSync(dir, 0o755);
    fs.writeFileSync(join(dir, 'f'), 'secret', { mode: 0o600 });
    const { status } = spawnSync('sh', ['-c', `cat ${dir}/f || echo > ${dir}/g`], { uid: 1000, gid: 1000 });
    assert.is.not(status, 0);
    fs.chmodSync(dir, 0o1777);
    const sticky = spawnSync('rm', ['-f', `${dir}/f`], { uid: 1000, gid: 1000 });
    assert.is.not(sticky.status, 0);
    fs.writeFileSync(join(dir, 's'), 'x');
    fs.chmodSync(join(dir, 's'), 0o4666);
    spawnSync('sh', ['-c', `echo y >> ${dir}/s`], { uid: 1000, gid: 1000 });
    assert.is(fs.readFileSync(join(dir, 's'), 'utf8'), 'xy\n');
    assert.not(fs.statSync(join(dir, 's')).mode & 0o4000, 'a write by another clears setuid');
    fs.chownSync(join(dir, 's'), 0, 1000);
    fs.chmodSync(join(dir, 's'), 0o2666);
    spawnSync('sh', ['-c', `echo z >> ${dir}/s`], { uid: 1000, gid: 1000 });
    const { mode, mtimeNs, ctimeNs } = fs.statSync(join(dir, 's'), { bigint: true });
    assert.is(mode & 0o2000n, 0o2000n, 'a write by its group keeps setgid where that may not execute');
    assert.is(mtimeNs, ctimeNs);
  },

  'what another user makes is theirs: files, directories, links, fifos; they may change it':
    script('made-by-another-user'),

  'times before 1970 and after 2106, in nanoseconds': script('times-far-off'),

  'times: each alone by OMIT, both by NOW, of a symbolic link itself': script('times-one-by-one'),

  'a write, a chmod, a truncate and an unlink move the times that are theirs': script('times-of-changes'),

  'a change moves the mtime however soon after it was set': script('mtime-after-utime'),

  'xattrs: create, replace, list, remove, too small, none': script('xattrs'),

  'statfs and sizes far out': script('statfs'),
};
