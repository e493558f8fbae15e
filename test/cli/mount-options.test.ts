// The options of `leasefs mount`, and finding mounts in mountinfo.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultBreakTime, defaultSize, parseMountCommand } from '../../src/cli/mount-options.js';
import { mountOf } from '../../src/cli/mounts.js';
import { UsageError } from '../../src/cli/verb.js';
import { parseMountinfo } from '../../src/fuse/mountinfo.js';

const test = suite('mount options');

test('all options together', () => {
  const words =
    '-o ro,noexec -o allow_other,uid=5,gid=7,mode=0755,store=direct,spin=off --size 400m --inodes 10k --lease-break-time 500 --semantics rfc-v2 --unseen-pins warn --store pooled --spin 70 --show-control --allow-inject -f --log /l --ready-fd 3 --while-fd 4 --keeper --keeper-fd 5 m';
  assert.equal(parseMountCommand(words.split(' ')), {
    mountPoint: 'm',
    remount: undefined,
    options: {
      mountOptions: ['ro', 'noexec', 'allow_other'],
      root: { uid: 5, gid: 7, mode: 0o755 },
      size: 400 * 2 ** 20,
      inodes: 10 * 1024,
      breakTimeMs: 500,
      semantics: 'rfc-v2',
      unseenPins: 'warn',
      store: 'pooled',
      transport: 'kernel',
      spin: 70,
      showControl: true,
      allowInject: true,
      huge: undefined,
      swap: true,
    },
    foreground: true,
    logFile: '/l',
    readyFd: 3,
    whileFd: 4,
    keeper: true,
    keeperFd: 5,
  });
});

test('without options: the default semantics, in the background, a size and a break time of this machine', () => {
  const { options, foreground, logFile, readyFd } = parseMountCommand(['m']);
  assert.equal(
    [options.mountOptions, options.semantics, options.store, foreground, logFile, readyFd],
    [[], 'default', 'auto', false, undefined, undefined],
  );
  assert.ok(options.size >= 2 ** 20);
  assert.ok(options.breakTimeMs > 0);
  assert.is(options.inodes, undefined, 'the daemon knows its heap');
});

test('-o remount: the size is that of size=, where it is given; the last one counts', () => {
  assert.is(parseMountCommand(['m']).remount, undefined);
  assert.equal(parseMountCommand(['-o', 'rw,remount', 'm']).remount, { size: undefined });
  const { remount, options } = parseMountCommand(['-o', 'size=1m,remount,ro,size=2m', 'm']);
  assert.equal(remount, { size: 2 << 20 });
  assert.equal(options.mountOptions, ['ro']);
});

test('a keeper is there where it is asked for, by an option or for /etc/fstab; --no-keeper goes before', () => {
  const isKept = (words: string): boolean => parseMountCommand(`${words} m`.trim().split(' ')).keeper;
  for (const words of ['--keeper', '-o keeper', '-o no-keeper,keeper', '-o no-keeper --keeper'])
    assert.is(isKept(words), true, words);
  for (const words of [
    '',
    '--no-keeper',
    '-o keeper,no-keeper',
    '--keeper --no-keeper',
    '-o keeper --no-keeper',
  ])
    assert.is(isKept(words), false, words);
  assert.equal(parseMountCommand(['-o', 'ro,keeper', 'm']).options.mountOptions, ['ro']);
});

test('wrong options are usage errors that name the option', () => {
  const cases: [string, RegExp][] = [
    ['', /MNT is missing/],
    ['a b', /'b' is too much/],
    ['--size 1x m', /--size '1x'/],
    ['--size 0 m', /--size '0'/],
    ['--lease-break-time -1 m', /lease-break-time/],
    ['--lease-break-time=1.5 m', /--lease-break-time/],
    ['--lease-break-time 2147483648 m', /2\^31-1/],
    ['--semantics none m', /'default' or 'rfc-v2'/],
    ['--unseen-pins no m', /'refuse', 'warn' or 'allow'/],
    ['--store none m', /'auto', 'direct' or 'pooled'/],
    ['--spin 1001 m', /--spin is 'auto', 'off' or 0 to 1000/],
    ['--spin -1 m', /--spin/],
    ['-o spin=fast m', /--spin/],
    ['--keeper --transport=fuse-native m', /so no --keeper/],
    ['--keeper-fd x m', /--keeper-fd/],
    ['--sise 4g m', /--sise/],
    ['--size 8000t m', /more than the memory and swap of this machine, \d/],
    ['--size=-1 m', /no size of 4k or more/],
    ['/', /'\/' is the root directory/],
    ['/..', /'\/\.\.' is the root directory/],
    ['/proc/self/root', /is the root directory/],
    ['--size', /--size/],
  ];
  for (const [words, says] of cases) {
    try {
      parseMountCommand(words.split(' ').filter(word => word !== ''));
      assert.unreachable(words);
    } catch (error) {
      assert.instance(error, UsageError, words);
      assert.match((error as Error).message, says);
    }
  }
});

test('what has no value may be said by -o too, for /etc/fstab', () => {
  const { options } = parseMountCommand(['-o', 'ro,show-control,allow-inject', 'm']);
  assert.equal(
    [options.mountOptions, options.showControl, options.allowInject, options.transport],
    [['ro'], true, true, 'kernel'],
  );
  const plain = parseMountCommand(['m']).options;
  assert.equal([plain.showControl, plain.allowInject], [false, false]);
});

test('spin is adaptive unless a time or off is given', () => {
  const spin = (...words: string[]) => parseMountCommand([...words, 'm']).options.spin;
  assert.equal([spin(), spin('--spin=off'), spin('-o', 'spin=200')], ['auto', 0, 200]);
});

test('B2: the break time is the sysctl if it is above 0, else 45 s', () => {
  assert.is(defaultBreakTime('10\n'), 10_000);
  assert.is(defaultBreakTime('0\n'), 45_000);
  assert.is(defaultBreakTime(''), 45_000);
});

test('the size is half of the memory in whole MiB', () => {
  assert.is(defaultSize(3 * 2 ** 20 + 5), 2 ** 20);
});

test('the mount of a path is the deepest and the latest', () => {
  const mounts = parseMountinfo(
    [
      '1 0 8:1 / / rw,relatime - ext4 /dev/sda1 rw',
      '30 1 0:40 / /mnt rw shared:5 master:1 - tmpfs tmpfs rw',
      '31 30 0:41 / /mnt/a\\040b rw - fuse.leasefs leasefs rw,user_id=0',
      '32 30 0:42 / /mnt rw - fuse.other o rw',
      'rubbish',
      '',
    ].join('\n'),
  );
  assert.is(mounts.length, 4);
  assert.is(mountOf('/mnt/a b/f', mounts)?.type, 'fuse.leasefs');
  assert.is(mountOf('/mnt/a bc', mounts)?.type, 'fuse.other');
  assert.is(mountOf('/mntx', mounts)?.type, 'ext4');
  assert.is(mountOf('/', mounts)?.type, 'ext4');
});

test.run();
