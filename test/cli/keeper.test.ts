// `leasefs mount --keeper` on real mounts: which process is what, and how each of them ends.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { readReport } from '../../src/client/index.js';
import { mountsNow } from '../../src/fuse/mountinfo.js';
import { JOURNAL_VERSION } from '../../src/journal/version.js';
import { native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { cli, Mounted } from '../support/mounted.js';
import { mountedSuite, needing, suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const COME_MS = 30_000 * timeFactor;

const leasefs = (...args: readonly string[]) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: COME_MS });
const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
const isAlive = (pid: number): boolean => {
  try {
    return !/ Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};
const childrenOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
const isMounted = (path: string): boolean => mountsNow().some(({ target }) => target === path);

suiteNeeding('mount --keeper', ['mount', 'passthrough'], test => {
  let dir: string;
  let mnt: string;
  test.before.each(() => {
    dir = mkdtempSync(join(tmpdir(), 'leasefs-keeper-'));
    mnt = mkdtempSync(join(tmpdir(), 'leasefs-keeper-mnt-'));
  });
  test.after.each(() => {
    spawnSync('umount', ['-l', mnt], { stdio: 'ignore' });
    rmSync(dir, { recursive: true, force: true });
    rmSync(mnt, { recursive: true, force: true });
  });

  const statusOf = () => {
    const { stdout, stderr } = leasefs('status', '--json', mnt);
    assert.is(stderr, '');
    return JSON.parse(stdout).status as { pid: number; keeper: { by: string; pid: number; deaths: number } };
  };

  test('in the background: status names the keeper, the daemon is its child, umount ends both', async () => {
    const log = join(dir, 'log');
    const { status, stderr } = leasefs('mount', '--keeper', '--log', log, mnt);
    assert.is(status, 0, stderr);
    const { pid, keeper } = statusOf();
    assert.equal([keeper.by, keeper.deaths], ['leasefs-keeper', 0]);
    assert.is(commandOf(keeper.pid), 'leasefs-keeper');
    assert.match(readFileSync(`/proc/${pid}/status`, 'latin1'), `\nPPid:\t${keeper.pid}\n`);
    assert.match(leasefs('status', mnt).stdout, `leasefs-keeper ${keeper.pid}, which starts the next daemon`);
    assert.is(leasefs('umount', mnt).status, 0);
    await eventually('both end', () => !isAlive(pid) && !isAlive(keeper.pid), COME_MS);
    assert.is(readFileSync(log, 'utf8'), '');
  });

  test('a daemon that takes over a detached mount owns no other one at its path', async () => {
    const log = join(dir, 'log');
    assert.is(leasefs('mount', '--keeper', '--log', log, mnt).status, 0);
    const first = statusOf();
    const open = openSync(join(mnt, 'f'), 'w+');
    assert.is(spawnSync('umount', ['-l', mnt]).status, 0);
    assert.is(leasefs('mount', mnt).status, 0);
    const second = statusOf();
    process.kill(first.pid, 'SIGKILL');
    writeSync(open, 'by the next one');
    const next = Number(childrenOf(first.keeper.pid));
    assert.not([0, first.pid].includes(next));
    process.kill(next, 'SIGTERM');
    await eventually('it has looked for its mount', () => /detached already/.test(readFileSync(log, 'utf8')));
    assert.is(statusOf().pid, second.pid);
    closeSync(open);
    await eventually('it ends', () => !isAlive(next) && !isAlive(first.keeper.pid), COME_MS);
    assert.is(statusOf().pid, second.pid);
    assert.is(leasefs('umount', mnt).status, 0);
  });

  test('upgrade: an unreadable journal is refused with one line, and the daemon serves on', () => {
    assert.is(leasefs('mount', '--keeper', mnt).status, 0);
    writeFileSync(join(mnt, 'f'), 'content');
    const { pid, keeper } = statusOf();
    const fds = `/proc/${keeper.pid}/fd`;
    const kept = readdirSync(fds).find(fd => readlinkSync(join(fds, fd)).includes('leasefs:journal'))!;
    const journal = openSync(join(fds, kept), 'r+');
    // The check of the first batch.
    writeSync(journal, Buffer.from('flipped'), 0, 4, 4096 + 4);
    closeSync(journal);
    const { status, stderr } = leasefs('upgrade', mnt);
    assert.is(status, 1);
    assert.match(
      stderr,
      /^leasefs upgrade: .* was not upgraded: the journal is damaged at byte 0: unmount, [^\n]*\n$/,
    );
    assert.is(statusOf().pid, pid);
    assert.is(readFileSync(join(mnt, 'f'), 'utf8'), 'content');
    assert.is(leasefs('umount', mnt).status, 0);
  });

  test('without it: no keeper, no .leasefs/upgrade', () => {
    for (const words of [[], ['--no-keeper'], ['-o', 'no-keeper']]) {
      assert.is(leasefs('mount', ...words, mnt).status, 0);
      assert.is(statusOf().keeper, null);
      assert.not.match(leasefs('status', mnt).stdout, /^keeper/m);
      const { status, stderr } = leasefs('upgrade', mnt);
      assert.equal(
        [status, stderr],
        [1, `leasefs upgrade: ${mnt} has no keeper, so it ends with its daemon: mount --keeper\n`],
      );
      assert.is(leasefs('umount', mnt).status, 0);
    }
  });

  test('--while-fd: the mount ends when the other end is closed', async () => {
    const [ours, its] = native.socketpair();
    const child = spawn(process.execPath, [cli, 'mount', '--keeper', '--while-fd=3', mnt], {
      stdio: ['ignore', 'inherit', 'inherit', its.fd],
    });
    its.close();
    assert.is(await new Promise(resolve => child.once('exit', resolve)), 0);
    const { pid, keeper } = statusOf();
    ours.close();
    await eventually('both end', () => !isAlive(pid) && !isAlive(keeper.pid), COME_MS);
    assert.not.ok(isMounted(mnt));
  });

  test('what cannot be mounted is one line, and no keeper stays', () => {
    for (const words of [['--keeper'], ['--keeper', '--foreground']]) {
      const { status, stderr } = leasefs('mount', ...words, join(mnt, 'absent'));
      assert.is(status, 1);
      assert.match(stderr, /^leasefs mount: ENOENT: [^\n]*\n$/);
    }
    const { status, stderr } = leasefs('mount', '--keeper', '--transport=fuse-native', mnt);
    assert.is(status, 2);
    assert.match(stderr, /so no --keeper\n/);
    assert.match(leasefs('mount', '--foreground', '--keeper-fd=99', mnt).stderr, /--keeper-fd is no keeper/);
    assert.not.ok(isMounted(mnt));
  });

  test('an ordinary mount point may be named twice: the second keeper ends, the first goes on', () => {
    assert.is(leasefs('mount', '--keeper', mnt).status, 0);
    assert.match(leasefs('mount', '--keeper', mnt).stderr, /EBUSY/);
    writeFileSync(join(mnt, 'f'), 'x');
    assert.is(leasefs('umount', mnt).status, 0);
  });
});

mountedSuite(
  'mount --keeper --foreground',
  { args: ['--keeper'], needs: ['passthrough'] },
  ({ test, mount }) => {
    test('the command is the keeper', () => {
      const { pid, keeper } = mount.report('status');
      const { journal, ...rest } = keeper!;
      assert.equal(rest, { by: 'leasefs-keeper', pid: mount.pid, deaths: 0 });
      assert.not(journal.full);
      writeFileSync(mount.file('more'), '');
      const more = mount.report('status').keeper!.journal;
      assert.ok(more.bytes > journal.bytes && more.bytes < more.most);
      assert.match(
        leasefs('status', mount.path).stdout,
        /^journal +\d[\d.]* \w+ of at most \d[\d.]* [MG]iB$/m,
      );
      assert.is(commandOf(mount.pid), 'leasefs-keeper');
      assert.is.not(pid, mount.pid);
    });

    const upgrade = (text: string): string => {
      const script = `import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    os.write(fd, sys.argv[2].encode())
except OSError as error:
    print(error.strerror, '|', os.read(fd, 9999).decode().strip())`;
      const { stdout, stderr } = spawnSync('python3', ['-c', script, mount.file('.leasefs/upgrade'), text], {
        encoding: 'utf8',
      });
      return stdout + stderr;
    };
    const withPython = needing(test, 'python3');

    withPython(
      'upgrade: another version of the journal is refused with one line, and the daemon serves on',
      () => {
        const { pid } = mount.report('status');
        const program = [process.execPath, cli];
        assert.match(
          upgrade(JSON.stringify({ journal: JOURNAL_VERSION + 1, program })),
          new RegExp(`^Operation not supported | its journal has version ${JOURNAL_VERSION + 1}, `),
        );
        assert.match(upgrade('{'), /^Invalid argument | .*JSON/);
        assert.match(
          upgrade('{"journal":1,"program":["node"]}'),
          /^Invalid argument | "program" is an absolute/,
        );
        assert.is(mount.report('status').pid, pid);
      },
    );

    withPython('upgrade: a process that could not control the daemon may not', () => {
      const { mode } = statSync(mount.file('.leasefs/upgrade'));
      assert.is(mode & 0o777, 0o666, 'checked at open');
      const open = (...prefix: readonly string[]) =>
        spawnSync(
          prefix[0]!,
          [...prefix.slice(1), 'sh', '-c', `exec 3<>'${mount.file('.leasefs/upgrade')}'`],
          {
            encoding: 'utf8',
          },
        ).stderr;
      assert.is(open('env'), '');
      for (const prefix of [
        ['setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace'],
        ['unshare', '--mount'],
        ['unshare', '--pid', '--fork'],
      ])
        assert.match(open(...prefix), /not permitted/i, prefix.join(' '));
    });

    // Last: it takes the keeper from the mount.
    test('when the keeper is killed, the daemon says so once and goes on', async () => {
      writeFileSync(mount.file('f'), 'x');
      const { pid } = mount.report('status');
      await mount.kill('SIGKILL');
      await eventually('the line', () => /has ended: the mount goes on/.test(mount.log()), COME_MS);
      assert.is(mount.log().match(/has ended/g)?.length, 1);
      assert.is(readFileSync(mount.file('f'), 'utf8'), 'x');
      const root = native.open(mount.path, 0);
      assert.is(readReport(root.fd, 'status').keeper, null);
      root.close();
      process.kill(pid, 'SIGTERM');
      await eventually('it is unmounted', () => !isMounted(mount.path), COME_MS);
    });
  },
);

suiteNeeding('mount --keeper --foreground, signals', ['mount', 'passthrough'], test => {
  test('SIGTERM to the keeper unmounts, once: what is in use stays', async () => {
    const mount = await Mounted.start('--keeper');
    const open = spawn('sh', ['-c', 'exec 3<"$1"; echo open; read -r _', 'sh', mount.path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await new Promise(resolve => open.stdout.once('data', resolve));
    process.kill(mount.pid, 'SIGTERM');
    await eventually('the line', () => /is busy/.test(mount.log()), COME_MS);
    assert.ok(isMounted(mount.path));
    assert.not.match(mount.log(), 'detached');
    open.stdin.end();
    await new Promise(resolve => open.once('exit', resolve));
    await mount.stop();
    assert.is(await mount.ended(), 0);
  });
});
