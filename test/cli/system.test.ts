// How the system mounts: mount(8) and /etc/fstab by way of mount.fuse3, systemd's readiness.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { mountsNow } from '../../src/fuse/mountinfo.js';
import { eventually } from '../support/actors.js';
import { cli } from '../support/mounted.js';
import { needing, suiteNeeding } from '../support/suites.js';

suiteNeeding('as the system mounts', ['mount'], test => {
  let dir: string;
  let mnt: string;
  const env = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${dir}:${process.env.PATH}` });

  test.before(() => {
    dir = mkdtempSync(join(tmpdir(), 'leasefs-system-'));
    mnt = mkdtempSync(join(tmpdir(), 'leasefs-system-mnt-'));
    writeFileSync(join(dir, 'leasefs'), `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`);
    chmodSync(join(dir, 'leasefs'), 0o755);
  });
  test.after.each(() => {
    spawnSync('umount', ['-l', mnt], { stdio: 'ignore' });
  });
  test.after(() => {
    rmSync(dir, { recursive: true });
    rmSync(mnt, { recursive: true });
  });

  needing(test, 'fuse3')('mount -t fuse.leasefs takes our options, the kernel and systemd theirs', () => {
    const words = 'size=64m,inodes=100,uid=5,gid=7,mode=750,noexec,nofail,x-systemd.automount';
    // What mount(8) calls; called by mount(8) itself it would look in the system's PATH alone.
    const args = ['swap', mnt, '-o', words, '-t', 'fuse.leasefs'];
    const { status, stderr } = spawnSync('/sbin/mount.fuse3', args, {
      encoding: 'utf8',
      env: env(),
    });
    assert.is(status, 0, stderr);
    const mount = mountsNow().find(({ target }) => target === mnt)!;
    assert.equal([mount.type, mount.source], ['fuse.leasefs', 'swap']);
    const { uid, gid, mode } = statSync(mnt);
    assert.equal([uid, gid, (mode & 0o7777).toString(8)], [5, 7, '750']);
    const { blocks, bsize, files } = statfsSync(mnt);
    assert.equal([blocks * bsize, files], [64 << 20, 100]);
    writeFileSync(join(mnt, 'program'), '#!/bin/sh\n', { mode: 0o755 });
    assert.is((spawnSync(join(mnt, 'program')).error as NodeJS.ErrnoException).code, 'EACCES');
  });

  needing(test, 'fuse3')(
    'mount -o remount changes the size and the flags of the kernel, and nothing else',
    () => {
      const helper = (...words: readonly string[]) =>
        spawnSync('/sbin/mount.fuse3', ['swap', mnt, '-o', words.join(), '-t', 'fuse.leasefs'], {
          encoding: 'utf8',
          env: env(),
        });
      // What mount(8) adds of a mount that is there.
      const there = ['rw', 'relatime', 'user_id=0', 'group_id=0', 'default_permissions', 'allow_other'];
      const look = () => {
        const { source, type } = mountsNow().findLast(({ target }) => target === mnt)!;
        const { blocks, bsize } = statfsSync(mnt);
        return [source, type, mountsNow().filter(({ target }) => target === mnt).length, blocks * bsize];
      };
      assert.is(helper('size=64m', 'store=pooled').status, 0);
      writeFileSync(join(mnt, 'file'), 'x'.repeat(1 << 20));
      const larger = helper(...there, 'store=pooled', 'size=64m', 'remount', 'size=128m');
      assert.is(larger.status, 0, larger.stderr);
      assert.equal(look(), ['swap', 'fuse.leasefs', 1, 128 << 20]);
      assert.match(helper(...there, 'remount', 'size=512k').stderr, 'EINVAL: its files take 1 MiB');
      assert.is(helper(...there, 'remount', 'ro', 'noexec', 'size=32m').status, 0);
      assert.equal(look(), ['swap', 'fuse.leasefs', 1, 32 << 20]);
      assert.throws(() => writeFileSync(join(mnt, 'file'), 'y'), /EROFS/);
      assert.is(helper(...there, 'remount').status, 0);
      writeFileSync(join(mnt, 'file'), 'y');
      const by = (...args: readonly string[]) =>
        spawnSync(process.execPath, [cli, 'mount', '-o', ...args], { encoding: 'utf8' });
      assert.is(by('remount,size=64m', mnt).status, 0);
      assert.is(look()[3], 64 << 20);
      assert.match(by('remount,ro', '/proc').stderr, 'not on a leasefs mount');
    },
  );

  test('a bad option is one line, and nothing is mounted', () => {
    for (const [words, why] of [
      ['size=lots', /--size 'lots' is no size/],
      ['mode=999', /mode=999 is no mode/],
      ['uid=root', /uid= is a whole number/],
      ['rwx', /unknown mount option 'rwx'/],
    ] as const) {
      const { status, stderr } = spawnSync(process.execPath, [cli, 'mount', '-o', words, mnt], {
        encoding: 'utf8',
      });
      assert.is.not(status, 0);
      assert.match(stderr, why);
    }
    assert.not.ok(mountsNow().some(({ target }) => target === mnt));
  });

  const withPython = needing(test, 'python3');
  for (const name of ['a path', 'an abstract name'] as const) {
    withPython(`a unit of Type=notify is notified of the readiness, at ${name}`, async () => {
      const address = name === 'a path' ? join(dir, 'notify') : `@leasefs-test-${process.pid}`;
      const listener = spawn('python3', [
        '-c',
        `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0', 1) if sys.argv[1][0] == '@' else sys.argv[1])
s.settimeout(20)
print('bound', flush=True)
print(s.recv(99).decode(), flush=True)`,
        address,
      ]);
      let heard = '';
      listener.stdout.on('data', data => {
        heard += data;
      });
      await eventually('the listener', () => heard.startsWith('bound'), 10_000);
      const daemon = spawn(process.execPath, [cli, 'mount', '--foreground', mnt], {
        env: { ...process.env, NOTIFY_SOCKET: address },
        stdio: 'ignore',
      });
      const ended = once(daemon, 'exit');
      await once(listener, 'close');
      assert.is(heard, 'bound\nREADY=1\n');
      assert.ok(mountsNow().some(({ target }) => target === mnt));
      daemon.kill('SIGTERM');
      assert.equal(await ended, [0, null]);
    });
  }
});
