// The control socket of the fuse-native transport, and users who are not what they were when they sent: rights are those of
// the time of sending, and a file is the one of its device and inode number.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { O_RDONLY } from '../../src/base/linux.js';
import { LeaseFile } from '../../src/client/index.js';
import { mountedOn } from '../../src/fuse/mount.js';
import { lookAt } from '../../src/fuse-native/descriptor-look.js';
import { eventually } from '../support/actors.js';
import { USER } from '../support/hostile.js';
import { mountedSuite } from '../support/suites.js';

const script = readFileSync(
  fileURLToPath(new URL('../../../test/hostile/sender.py', import.meta.url)),
  'utf8',
);

const options = {
  args: ['--transport=fuse-native', '-o', 'allow_other'],
  needs: ['root', 'fuse2', 'python3'] as const,
};
mountedSuite('hostile users of the control socket', options, ({ test, mount }) => {
  let scratch: string;
  test.before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'leasefs-sender-'));
    chmodSync(scratch, 0o755);
  });
  test.after(() => rmSync(scratch, { recursive: true }));

  const rootsFile = (name: string, mode: number): string => {
    const path = mount.file(name);
    writeFileSync(path, 'x'.repeat(4096));
    chmodSync(path, mode);
    return path;
  };

  /** A program that anybody executes as root. */
  const privileged = (name: string): string => {
    const path = join(scratch, name);
    copyFileSync(`/usr/bin/${name}`, path);
    chmodSync(path, 0o4755);
    return path;
  };

  /**
   * An ordinary user sends, and its process executes `program` before the daemon reads the message. @param until whether
   * that has come to pass. @returns the code of the answer.
   */
  const beforeItIsRead = async (
    words: readonly string[],
    program: readonly string[],
    until: (pid: number) => boolean,
  ): Promise<number> => {
    const child = spawn('python3', ['-c', script, ...words, ...program], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
      uid: USER,
      gid: USER,
    });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async (): Promise<number> => Number((await lines.next()).value);
    try {
      await next();
      process.kill(mount.pid, 'SIGSTOP');
      child.stdin.end('\n');
      const pid = await next();
      await eventually('the exec', () => until(pid));
    } finally {
      process.kill(mount.pid, 'SIGCONT');
    }
    return next();
  };

  /** What the process has open, by number. */
  const openIn = (pid: number): string[] => {
    const names: string[] = [];
    for (const fd of readdirSync(`/proc/${pid}/fd`))
      names[Number(fd)] = readlinkSync(`/proc/${pid}/fd/${fd}`);
    return names;
  };
  const status = (pid: number): string => readFileSync(`/proc/${pid}/status`, 'utf8');
  const isRoots = (pid: number): boolean => /^Uid:\t65534\t0\t/m.test(status(pid));

  test('L7: a sender that executes a setuid program has the rights that it had: EACCES', async () => {
    const path = rootsFile('leased', 0o666);
    const code = await beforeItIsRead(['lease', path, '0'], [privileged('sleep'), '60'], isRoots);
    assert.is(code, -errno.EACCES);
    assert.equal(mount.report('leases').leases, []);
  });

  test('a file that a setuid program has opened since is not the sender’s: EACCES', async () => {
    const path = rootsFile('secret', 0o600);
    const uids = { uid: USER, gid: USER };
    const child = spawn(privileged('tail'), ['-f', path], { stdio: 'ignore', cwd: '/', ...uids });
    const pid = child.pid!;
    try {
      await eventually('the program has the file', () => openIn(pid).includes(path));
      const fd = openIn(pid).indexOf(path);
      const { ino } = statSync(path);
      const look = { pid, fd, ino, device: mountedOn(mount.path)!.device };
      assert.is(lookAt({ ...look, ...uids }), -errno.EACCES);
      assert.is(lookAt({ ...look, uid: 0, gid: USER }), O_RDONLY, 'as root has sent');
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('a sender in exec(2), which waits for the daemon to close a file: the daemon does not wait for it', async () => {
    const path = rootsFile('closed-by-exec', 0o666);
    // The kernel closes descriptor 21 first, and waits until the daemon has closed the file.
    const isClosing = (pid: number): boolean => !readdirSync(`/proc/${pid}/fdinfo`).includes('21');
    const code = await beforeItIsRead(['both', path, '0'], ['/bin/sleep', '60'], isClosing);
    assert.is(code, -errno.EACCES);
  });

  test('a file of another filesystem that has the same inode number is not it: EBADF', () => {
    const path = rootsFile('known-by-number', 0o600);
    const elsewhere = join(scratch, 'tmpfs');
    mkdirSync(elsewhere);
    assert.is(spawnSync('mount', ['-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', elsewhere]).status, 0);
    try {
      const ran = spawnSync('python3', ['-c', ALIKE, path, elsewhere], {
        encoding: 'utf8',
        cwd: '/',
        uid: USER,
        gid: USER,
      });
      assert.is(ran.stdout, `${-errno.EBADF}\n`, ran.stderr);
    } finally {
      spawnSync('umount', [elsewhere]);
    }
  });

  test('a file that is open through another mount of the filesystem is it', () => {
    const path = rootsFile('bound', 0o600);
    const other = join(scratch, 'other');
    mkdirSync(other);
    assert.is(spawnSync('mount', ['--bind', mount.path, other]).status, 0);
    try {
      using file = LeaseFile.open(join(other, 'bound'));
      file.setLeaseSync('exclusive');
      assert.is(mount.report('leases').leases.length, 1);
    } finally {
      spawnSync('umount', [other]);
    }
    assert.type(path, 'string');
  });
});

/** Opens files until one has the inode number of the mount's file, and says that it is that. */
// cspell:ignore ljust
const ALIKE = `
import os, socket, struct, sys
path, elsewhere = sys.argv[1:]
ino = os.stat(path).st_ino
for n in range(4096):
    fd = os.open(f'{elsewhere}/{n}', os.O_RDWR | os.O_CREAT)
    if os.fstat(fd).st_ino == ino: break
    os.close(fd)
else: sys.exit('no such inode number')
name, key = os.getxattr(path, 'system.leasefs').decode().split(' ')
link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
link.connect('\\0' + name)
link.send(struct.pack('<IIIiQ16x', 1, 1, 1, fd, 0) + key.encode().ljust(128, b'\\0'))
print(struct.unpack_from('<Ii', link.recv(99))[1])
`;
