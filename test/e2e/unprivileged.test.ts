// Mounts by a user that is not root of the machine: an ordinary user through fusermount3, root of a user namespace by mount(2), a
// container that has /dev/fuse and CAP_SYS_ADMIN and not much else. No passthrough, one line that says so, data through
// the daemon, and every rule as elsewhere. /dev/fuse is opened to every user in a mount namespace of the test's own.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { type Actor, eventually, Stage } from '../support/actors.js';
import { hasPassthrough, Mounted, PATIENT } from '../support/mounted.js';
import type { Need } from '../support/needs.js';
import { EXCLUSIVE, MADV_REMOVE, O_RDWR_CREAT, SHARED_BREAKABLE, UNLCK } from '../support/numbers.js';
import { publicCli } from '../support/public-copy.js';
import { suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const USER = 1000;
const MIB = 1 << 20;
const project = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '');
const asUser = ['setpriv', '--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups'];
const ownNamespace = ['unshare', '--user', '--map-root-user', '--mount'];
/** What Docker leaves of root's capabilities, and --cap-add SYS_ADMIN. */
const kept = [
  'chown',
  'dac_override',
  'fowner',
  'fsetid',
  'kill',
  'setgid',
  'setuid',
  'setpcap',
  'sys_chroot',
];
const capabilities = ['-all', ...[...kept, 'mknod', 'sys_admin'].map(name => `+${name}`)].join(',');
const asContained = ['setpriv', '--bounding-set', capabilities, '--inh-caps', capabilities];

interface Case {
  /** Whom the actors are. */
  readonly uid: number;
  /** What becomes the daemon; `device` a /dev/fuse for every user, `root` an empty directory. */
  through(device: string, root: string): readonly string[];
  /** What joins it. */
  inside(pid: number): readonly string[];
  /** Beside what all of them need. */
  readonly needs: readonly Need[];
  /** The user there, and why there is no passthrough. */
  readonly as: readonly string[];
  readonly reason: RegExp;
}

const withDevice = (device: string, then: readonly string[]) => [
  'unshare',
  '--mount',
  'sh',
  '-c',
  `mount --bind ${device} /dev/fuse && exec "$@"`,
  'sh',
  ...then,
];

const cases: Readonly<Record<string, Case>> = {
  'an ordinary user': {
    uid: USER,
    through: device => withDevice(device, asUser),
    inside: pid => ['nsenter', '-t', `${pid}`, '-m'],
    as: asUser,
    needs: ['fuse3'],
    reason: /EPERM .*CAP_SYS_ADMIN outside of user namespaces/,
  },
  'root of a user namespace': {
    uid: 0,
    through: device => withDevice(device, [...asUser, ...ownNamespace]),
    inside: pid => ['nsenter', '-t', `${pid}`, '-U', '-m', '-S', '0', '-G', '0'],
    as: [],
    needs: ['user-namespaces'],
    reason: /EPERM .*CAP_SYS_ADMIN outside of user namespaces/,
  },
  'a container': {
    uid: 0,
    through: (device, root) => [
      'unshare',
      '--mount',
      '--net',
      '--ipc',
      '--uts',
      'sh',
      '-ec',
      container(device, root),
      'sh',
      'chroot',
      root,
      ...asContained,
    ],
    inside: pid => ['nsenter', '-t', `${pid}`, '-m', '-n', '-r'],
    as: asContained,
    needs: [],
    reason: /EPERM .*CAP_LINUX_IMMUTABLE/,
  },
};

/**
 * A root with the programs of this machine, the project, where tests meet, /proc, and a /dev of two devices. What is mounted
 * below comes along, Node.js perhaps; not below /tmp, where the root itself is.
 */
const container = (device: string, root: string): string => `
mount -t tmpfs tmpfs ${root}
for dir in /usr /etc /tmp ${tmpdir()} ${project} $(dirname $(readlink -f ${process.execPath})); do
  how=--rbind; case $dir in /tmp | ${tmpdir()}) how=--bind ;; esac
  mkdir -p ${root}$dir; mountpoint -q ${root}$dir || mount $how $dir ${root}$dir
done
for link in bin lib lib64 sbin; do [ ! -e /$link ] || ln -s usr/$link ${root}/$link; done
mkdir ${root}/proc ${root}/dev; mount -t proc proc ${root}/proc
touch ${root}/dev/null ${root}/dev/fuse; mount --bind /dev/null ${root}/dev/null; mount --bind ${device} ${root}/dev/fuse
exec "$@"`;

for (const [who, { uid, through, inside, as, needs, ...one }] of Object.entries(cases)) {
  suiteNeeding(who, ['mount', 'unshare', 'nsenter', 'gcc', ...needs], test => {
    const reason = hasPassthrough ? one.reason : /this kernel has none/;
    const stage = new Stage();
    let scratch: string;
    let mount: Mounted;
    let a: Actor;
    let b: Actor;
    const shell = (script: string) => {
      const [command, ...args] = [...inside(mount.pid), ...as, 'sh', '-c', script];
      return spawnSync(command!, args, { cwd: '/', encoding: 'utf8', timeout: 20_000 * timeFactor });
    };

    test.before(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'leasefs-user-'));
      chmodSync(scratch, 0o755);
      const device = join(scratch, 'fuse');
      const root = join(scratch, 'root');
      mkdirSync(root);
      const made = spawnSync('mknod', ['-m', '666', device, 'c', '10', '229'], { encoding: 'utf8' });
      assert.is(made.status, 0, made.stderr);
      const path = mkdtempSync(join(tmpdir(), 'leasefs-test-'));
      chownSync(path, USER, USER);
      mount = await Mounted.through(through(device, root), path, ...PATIENT);
    });
    test.before.each(async context => {
      const name = `${context.__test__}`.replaceAll(/[^a-zA-Z0-9]/g, '').slice(0, 20);
      a = await stage.actor(`a${name}`, { uid, through: inside(mount.pid) });
      b = await stage.actor(`b${name}`, { uid, through: inside(mount.pid) });
      for (const actor of [a, b]) await actor.open(mount.file(name), O_RDWR_CREAT);
      await a.pwrite(0, MIB, 1);
    });
    test.after.each(() => stage.clear());
    test.after(async () => {
      await stage.close();
      await mount?.stop();
      rmSync(scratch, { recursive: true });
    });

    test('says in one line that there is no passthrough, and reads and writes through the daemon', () => {
      assert.is(mount.log().trim().split('\n').length, 1, mount.log());
      assert.match(mount.log(), 'no passthrough');
      assert.match(mount.log(), reason);
      assert.match(mount.log(), 'files are pooled');
      const { stdout, stderr } = shell(
        `cd ${mount.path} && echo hi > f && cat f && ${process.execPath} ${publicCli()} status .`,
      );
      assert.match(stdout, 'hi\n', stderr);
      assert.match(stdout, new RegExp(`data path +daemon: ${reason.source}`), stderr);
      assert.match(stdout, /store +pooled \(no passthrough\)/, stderr);
    });

    test('leasefs doctor says the same, what is missing for it, and that it mounts', () => {
      const { status, stdout, stderr } = shell(`${process.execPath} ${publicCli()} doctor`);
      assert.is(status, 0, stdout + stderr);
      assert.match(stdout, /^-- {2}guard +EPERM: needs CAP_LINUX_IMMUTABLE outside of user namespaces/m);
      assert.match(stdout, new RegExp(`^-- {2}passthrough +FUSE [0-9.]+: ${reason.source}`, 'm'));
      assert.match(stdout, 'so files are pooled, there is no --store=direct\n');
      assert.not.match(stdout, '!!');
    });

    test('leasefs mount --store=direct is refused, with what it needs; leasefs run says why files are pooled', () => {
      const leasefs = `${process.execPath} ${publicCli()}`;
      const mounts = `mkdir ${mount.path}/below && ${leasefs} mount --store=direct ${mount.path}/below`;
      const refused = shell(mounts);
      assert.is(refused.status, 1, refused.stdout);
      assert.match(
        refused.stderr,
        hasPassthrough
          ? /^leasefs mount: EPERM: .*, --store=direct needs CAP_SYS_ADMIN and CAP_LINUX_IMMUTABLE outside of user namespaces; --store=auto takes what works \(EPERM: [^()]*\)$/m
          : /--store=direct/,
      );
      const ran = shell(`${leasefs} run -- true`);
      assert.is(ran.status, 0, ran.stderr);
      assert.match(
        ran.stderr,
        new RegExp(`\n {2}mount\n {4}no passthrough: ${reason.source}.*files are pooled`),
      );
    });

    test('X1, X2: a pinned range is refused, MADV_REMOVE too, which arrives here', async () => {
      await a.setLease(EXCLUSIVE);
      await a.pin(0, 65536);
      assert.is(await b.try.punch(0, 4096), 'ETXTBSY');
      assert.is(await a.try.ftruncate(0), 'EDEADLK');
      assert.is(await b.try.ftruncate(MIB / 2), 'ETXTBSY');
      await b.mmap(MIB);
      assert.is(await b.try.madvise(0, 4096, MADV_REMOVE), 'ETXTBSY');
      assert.is(await b.pread(0), 1);
    });

    test('B5: a break is asked for and answered', async () => {
      await a.setLease(SHARED_BREAKABLE);
      const logged = mount.log().length;
      const breaking = b.begin.ftruncate(0);
      await eventually('the break', () => mount.log().slice(logged).includes('break: lease'));
      await a.setLease(UNLCK);
      assert.is((await breaking.result).verdict, 'ok');
    });

    test('L2: without passthrough a mapping holds the description, and the lease with it', async () => {
      await a.setLease(EXCLUSIVE);
      await a.mmap(MIB);
      await a.close();
      assert.is(await b.try.ftruncate(0), 'ETXTBSY');
      await a.munmap();
      await eventually('the end of the lease', async () => (await b.try.ftruncate(0)) === 'ok');
    });

    test('N4: its pins end with it', async () => {
      await a.setLease(EXCLUSIVE);
      await a.pin(0, 4096);
      await a.close();
      assert.is(await b.try.ftruncate(0), 'ETXTBSY');
      await a.exit();
      await eventually('the end of the pin', async () => (await b.try.ftruncate(0)) === 'ok');
    });
  });
}
