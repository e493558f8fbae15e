// No user ends, stops or opens the daemon: signals, the environment, and a log that is not read.
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { constants as os, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { readReport } from '../../src/client/index.js';
import { FS_TYPE, mountsNow } from '../../src/fuse/mountinfo.js';
import { eventually } from '../support/actors.js';
import { harmless } from '../support/hostile.js';
import { cli, Mounted } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';

const USER = ['-o', 'allow_other,mode=1777', '--store', 'pooled'] as const;
/** What a signal's default would not end, and what no process can catch. */
const HARMLESS = ['SIGKILL', 'SIGSTOP', 'SIGTSTP', 'SIGCONT', 'SIGCHLD', 'SIGURG', 'SIGWINCH'];
/** SIGINT and SIGTERM unmount; the rest tells of a fault of the process itself. */
const MEANT = [
  'SIGINT',
  'SIGTERM',
  'SIGABRT',
  'SIGIOT',
  'SIGSEGV',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGTRAP',
  'SIGSYS',
];

/** Sockets that the process listens at, by TCP over IPv4 and IPv6. */
function listening(pid: number): string[] {
  const LISTEN = '0A';
  const inodes = ['tcp', 'tcp6'].flatMap(table =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(fields => fields[3] === LISTEN)
      .map(fields => fields[9]!),
  );
  const { stdout } = spawnSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'utf8' });
  return inodes.filter(inode => stdout.includes(`socket:[${inode}]`));
}

suiteNeeding('signals, environment, log', ['mount'], test => {
  let scratch: string;
  test.before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'leasefs-signals-'));
  });
  test.after(() => {
    spawnSync('sh', ['-c', 'umount -l "$1"/mnt-*; rm -rf "$1"', 'sh', scratch], { stdio: 'ignore' });
  });

  test('every signal that can be caught leaves the daemon alive, and opens no debugger', () =>
    Mounted.during(USER, async mount => {
      const named = Object.entries(os.signals).filter(
        ([name]) => !HARMLESS.includes(name) && !MEANT.includes(name),
      );
      const realTime = Array.from({ length: 64 - 34 + 1 }, (_, n) => 34 + n);
      for (const number of [...named.map(([, n]) => n), ...realTime]) {
        process.kill(mount.pid, number);
        statfsSync(mount.path);
      }
      await eventually('SIGUSR1 in the log', () => mount.log().includes('SIGUSR1 is ignored'));
      assert.equal(listening(mount.pid), []);
    }));

  test('NODE_OPTIONS opens no debugger in the daemon, in the background and in the foreground', async () => {
    const env = { ...process.env, NODE_OPTIONS: '--inspect=127.0.0.1:0', NODE_V8_COVERAGE: scratch };
    for (const words of [['--log', join(scratch, 'inspect.log')], ['--foreground']]) {
      const path = mkdtempSync(join(scratch, 'mnt-'));
      const child = spawn(process.execPath, [cli, 'mount', '--store', 'pooled', ...words, path], {
        env,
        stdio: 'ignore',
      });
      await eventually('the mount', () =>
        mountsNow().some(({ target, type }) => target === path && type === FS_TYPE),
      );
      const root = openSync(path, 'r');
      const { pid } = readReport(root, 'status');
      closeSync(root);
      assert.equal(listening(pid), []);
      assert.not.match(readFileSync(`/proc/${pid}/environ`, 'latin1'), /NODE_/);
      assert.is(
        words[0] === '--foreground',
        child.pid === pid,
        'the foreground is the process that was started',
      );
      process.kill(pid, 'SIGTERM');
      await eventually('the end', () => !existsSync(`/proc/${pid}/fd/0`));
      rmdirSync(path);
    }
  });

  test('SIGHUP begins the log anew, for a rotation by rename; without a file it is ignored', async () => {
    const file = join(scratch, 'log');
    await Mounted.during([...USER, '--log', file], async mount => {
      renameSync(file, `${file}.1`);
      process.kill(mount.pid, 'SIGHUP');
      await eventually('a new log', () => existsSync(file) && readFileSync(file, 'utf8').includes('anew'));
      process.kill(mount.pid, 'SIGUSR2');
      await eventually('a line in it', () => readFileSync(file, 'utf8').includes('SIGUSR2'));
      assert.not.match(readFileSync(`${file}.1`, 'utf8'), /SIGUSR2/);
    });
    await Mounted.during(USER, async mount => {
      process.kill(mount.pid, 'SIGHUP');
      await eventually('it is ignored', () => mount.log().includes('SIGHUP is ignored'));
    });
  });

  test('a log that is not read holds up neither the mount nor SIGTERM, and lost lines are counted', async () => {
    const fifo = join(scratch, 'fifo');
    assert.is(spawnSync('mkfifo', [fifo]).status, 0);
    await Mounted.during([...USER, '--allow-inject', '--log', fifo], async mount => {
      // Each is a line of its own; the pipe takes 64 KiB.
      const flood = `for (let n = 0; n < 110; n++) {
        const fd = fs.openSync(mnt + '/.leasefs/inject', 'w');
        tried(() => fs.writeSync(fd, '"' + 'x'.repeat(3000) + '"'));
        fs.closeSync(fd);
      }`;
      await harmless(mount.path, flood, { uid: 0 });
      statfsSync(mount.path);
      const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        let read = '';
        const room = Buffer.alloc(1 << 20);
        const more = (): string => {
          try {
            read += room.toString('utf8', 0, readSync(reader, room, 0, room.length, null));
          } catch {
            // nothing at the moment
          }
          return read;
        };
        more();
        process.kill(mount.pid, 'SIGUSR2');
        await eventually('the count', () => /lost: \d+ lines/.test(more()));
      } finally {
        closeSync(reader);
      }
      assert.is(await mount.kill('SIGTERM'), 0);
    });
  });

  test('what one user causes in the log is bounded, and another user is still heard', () =>
    Mounted.during(USER, async mount => {
      const refused = `
        const file = open(mnt + '/' + process.getuid());
        file.setLeaseSync('exclusive');
        const other = open(mnt + '/' + process.getuid());
        for (let n = 0; n < Number(args[0]); n++) tried(() => other.setLeaseSync('exclusive'));`;
      await harmless(mount.path, refused, { args: ['5000'] });
      await eventually('the count', () => /left out: \d+ lines caused by uid 65534/.test(mount.log()));
      assert.ok(statSync(`${mount.path}.log`).size < 64 << 10, `${statSync(`${mount.path}.log`).size}`);
      await harmless(mount.path, refused, { args: ['1'], uid: 0 });
      await eventually('root', () => /refused: .* of \/0 by/.test(mount.log()));
    }));
});
