// A daemon unmounts its own mount and nothing else, even when its path leads to another mount by now.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { readReport } from '../../src/client/index.js';
import { mountsNow } from '../../src/fuse/mountinfo.js';
import { eventually } from '../support/actors.js';
import { cli } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  assert.is(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
}

interface Daemon {
  readonly pid: number;
  readonly log: () => string;
}

suiteNeeding('unmount by identity', ['mount'], test => {
  let dir: string;
  let made = 0;
  test.before.each(() => {
    dir = mkdtempSync(join(tmpdir(), 'leasefs-identity-'));
  });
  test.after.each(() => {
    for (const { target } of mountsNow().reverse()) {
      if (target.startsWith(`${dir}/`)) spawnSync('umount', ['-l', target]);
    }
    spawnSync('rm', ['-rf', '--one-file-system', dir]);
  });

  function start(at: string): Daemon {
    mkdirSync(at, { recursive: true });
    const file = join(dir, `log${made++}`);
    must(process.execPath, cli, 'mount', '--store', 'pooled', '--log', file, at);
    const root = openSync(at, 'r');
    const { pid } = readReport(root, 'status');
    closeSync(root);
    return { pid, log: () => readFileSync(file, 'utf8') };
  }

  const tmpfs = (at: string): void => {
    mkdirSync(at, { recursive: true });
    must('mount', '-t', 'tmpfs', 'none', at);
    writeFileSync(join(at, 'data'), 'precious');
  };
  const isPrecious = (at: string): void => assert.is(readFileSync(join(at, 'data'), 'utf8'), 'precious');
  const lives = (pid: number): boolean => existsSync(`/proc/${pid}/fd/0`);
  const stop = (daemon: Daemon): void => void process.kill(daemon.pid, 'SIGTERM');
  const ends = (daemon: Daemon): Promise<void> => eventually('the end', () => !lives(daemon.pid));
  const says = (daemon: Daemon, text: string): Promise<void> =>
    eventually(`'${text}' in ${daemon.log()}`, () => daemon.log().includes(text));

  test('a detached daemon leaves the leasefs that is mounted there now; the next signal ends it', async () => {
    const at = join(dir, 'm');
    const first = start(at);
    const file = openSync(join(at, 'f'), 'w');
    must('umount', '-l', at);
    const second = start(at);
    writeFileSync(join(at, 'data'), 'precious');
    stop(first);
    await says(first, 'detached already');
    isPrecious(at);
    stop(first);
    await ends(first);
    isPrecious(at);
    closeSync(file);
    stop(second);
    await ends(second);
  });

  test('what is mounted over it stays, at the second signal too', async () => {
    const at = join(dir, 'm');
    const daemon = start(at);
    tmpfs(at);
    stop(daemon);
    await says(daemon, 'a tmpfs is mounted over it');
    assert.ok(lives(daemon.pid));
    isPrecious(at);
    stop(daemon);
    await ends(daemon);
    isPrecious(at);
  });

  test('a directory above that was renamed, with a link in its place, leads nowhere else', async () => {
    const daemon = start(join(dir, 'p/t'));
    tmpfs(join(dir, 'other/t'));
    renameSync(join(dir, 'p'), join(dir, 'q'));
    symlinkSync('other', join(dir, 'p'));
    stop(daemon);
    await ends(daemon);
    isPrecious(join(dir, 'other/t'));
    assert.not.ok(mountsNow().some(({ target }) => target === join(dir, 'q/t')));
  });

  test('a mount that was moved ends where it is now', async () => {
    const [from, to] = [join(dir, 'from'), join(dir, 'to')];
    // A shared mount is not moved.
    must('mount', '--bind', dir, dir);
    must('mount', '--make-private', dir);
    const daemon = start(from);
    mkdirSync(to);
    must('mount', '--move', from, to);
    tmpfs(from);
    stop(daemon);
    await ends(daemon);
    isPrecious(from);
    must('umount', from);
    must('umount', '-l', dir);
  });

  test('what is open keeps it; the second signal detaches it, and it ends with its last user', async () => {
    const at = join(dir, 'm');
    const daemon = start(at);
    const file = openSync(join(at, 'f'), 'w');
    stop(daemon);
    await says(daemon, 'is busy');
    statfsSync(at);
    stop(daemon);
    await says(daemon, 'detached');
    assert.not.ok(mountsNow().some(({ target }) => target === at));
    writeFileSync(file, 'still served');
    closeSync(file);
    await ends(daemon);
  });

  test('leasefs umount ends a leasefs, not what is mounted over it', async () => {
    const at = join(dir, 'm');
    const daemon = start(at);
    tmpfs(at);
    const { status, stderr } = spawnSync(process.execPath, [cli, 'umount', at], { encoding: 'utf8' });
    assert.is(status, 1);
    assert.match(stderr, 'is a mount of type tmpfs');
    isPrecious(at);
    must('umount', at);
    must(process.execPath, cli, 'umount', at);
    await ends(daemon);
  });
});
