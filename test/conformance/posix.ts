// What any POSIX directory does, as a map from a sentence to a function over an empty directory. Run on tmpfs, which
// says what is right, and on our mounts. What Node has no call for is done by python3 (node-gyp needs it anyway).
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { code } from '../support/thrown-code.js';
import { type Check, script } from './check.js';

/** /dev/null's numbers, 1:3, as st_rdev has them. */
const NULL_DEVICE = 0x103;

export const posix: Readonly<Record<string, Check>> = {
  'echo hi > f; cat f': dir => {
    const { stdout } = spawnSync('sh', ['-c', 'echo hi > f; cat f'], { cwd: dir, encoding: 'utf8' });
    assert.is(stdout, 'hi\n');
  },

  'names are bytes: not UTF-8, 255 of them, 256 are too many': dir => {
    const odd = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff, 0xfe, 0x80, 0x41])]);
    fs.writeFileSync(odd, 'x');
    assert.ok(fs.readdirSync(dir, 'buffer').some(name => name.equals(Buffer.from([0xff, 0xfe, 0x80, 0x41]))));
    assert.is(fs.readFileSync(odd, 'utf8'), 'x');
    fs.writeFileSync(join(dir, 'a'.repeat(255)), '');
    assert.is(
      code(() => fs.writeFileSync(join(dir, 'a'.repeat(256)), '')),
      'ENAMETOOLONG',
    );
    assert.is(
      code(() => fs.statSync(join(dir, 'a'.repeat(256)))),
      'ENAMETOOLONG',
    );
  },

  'rename over a file, a directory, itself; not into its own child': dir => {
    const at = (name: string) => join(dir, name);
    fs.writeFileSync(at('a'), 'a');
    fs.writeFileSync(at('b'), 'b');
    fs.renameSync(at('a'), at('b'));
    assert.is(fs.readFileSync(at('b'), 'utf8'), 'a');
    fs.mkdirSync(at('d/e'), { recursive: true });
    fs.mkdirSync(at('empty'));
    assert.is(
      code(() => fs.renameSync(at('d'), at('d/e/f'))),
      'EINVAL',
    );
    assert.is(
      code(() => fs.renameSync(at('empty'), at('d'))),
      'ENOTEMPTY',
    );
    assert.is(
      code(() => fs.renameSync(at('b'), at('d'))),
      'EISDIR',
    );
    assert.is(
      code(() => fs.renameSync(at('d'), at('b'))),
      'ENOTDIR',
    );
    const links = fs.statSync(dir).nlink;
    fs.renameSync(at('d'), at('empty'));
    assert.is(fs.statSync(dir).nlink, links - 1);
    fs.renameSync(at('empty/e'), at('up'));
    assert.is(fs.statSync(at('empty')).nlink, 2);
    assert.equal(fs.readdirSync(dir).sort(), ['b', 'empty', 'up']);
  },

  'rename with NOREPLACE and EXCHANGE': script('rename-exchange'),

  'rename with WHITEOUT leaves a device 0:0 at the old name': script('rename-whiteout'),

  'hard links: one inode, counted, alive until the last name': dir => {
    fs.writeFileSync(join(dir, 'a'), 'x');
    fs.linkSync(join(dir, 'a'), join(dir, 'b'));
    assert.is(fs.statSync(join(dir, 'a')).ino, fs.statSync(join(dir, 'b')).ino);
    assert.is(fs.statSync(join(dir, 'b')).nlink, 2);
    fs.unlinkSync(join(dir, 'a'));
    assert.is(fs.readFileSync(join(dir, 'b'), 'utf8'), 'x');
    assert.is(fs.statSync(join(dir, 'b')).nlink, 1);
    fs.mkdirSync(join(dir, 'd'));
    assert.is(
      code(() => fs.linkSync(join(dir, 'd'), join(dir, 'e'))),
      'EPERM',
    );
  },

  'symbolic links': dir => {
    fs.symlinkSync('target/of/it', join(dir, 's'));
    assert.is(fs.readlinkSync(join(dir, 's')), 'target/of/it');
    assert.is(fs.lstatSync(join(dir, 's')).size, 12);
    assert.is(
      code(() => fs.statSync(join(dir, 's'))),
      'ENOENT',
    );
    assert.is(
      code(() => fs.symlinkSync('x', join(dir, 's'))),
      'EEXIST',
    );
  },

  'directories: not empty, not a directory, link counts': dir => {
    fs.mkdirSync(join(dir, 'd/e'), { recursive: true });
    assert.is(fs.statSync(join(dir, 'd')).nlink, 3);
    assert.is(
      code(() => fs.rmdirSync(join(dir, 'd'))),
      'ENOTEMPTY',
    );
    fs.writeFileSync(join(dir, 'f'), '');
    assert.is(
      code(() => fs.rmdirSync(join(dir, 'f'))),
      'ENOTDIR',
    );
    assert.is(
      code(() => fs.unlinkSync(join(dir, 'd'))),
      'EISDIR',
    );
    assert.is(
      code(() => fs.mkdirSync(join(dir, 'f/g'))),
      'ENOTDIR',
    );
    assert.is(
      code(() => fs.mkdirSync(join(dir, 'd'))),
      'EEXIST',
    );
    fs.rmdirSync(join(dir, 'd/e'));
    assert.is(fs.statSync(join(dir, 'd')).nlink, 2);
  },

  'unlinked while open: readable and writable until the last close': dir => {
    const fd = fs.openSync(join(dir, 'f'), 'w+');
    fs.unlinkSync(join(dir, 'f'));
    fs.writeSync(fd, 'alive');
    assert.is(fs.fstatSync(fd).nlink, 0);
    const out = Buffer.alloc(5);
    fs.readSync(fd, out, 0, 5, 0);
    assert.is(out.toString(), 'alive');
    fs.ftruncateSync(fd, 2);
    assert.is(fs.fstatSync(fd).size, 2);
    fs.closeSync(fd);
  },

  'unlinked while open: no longer in its directory': dir => {
    const fd = fs.openSync(join(dir, 'f'), 'w+');
    fs.unlinkSync(join(dir, 'f'));
    const left = fs.readdirSync(dir);
    fs.closeSync(fd);
    assert.ok(left.length === 0, `left: ${left}`);
  },

  'readdir sees each of many names once, also while others are removed': dir => {
    for (let i = 0; i < 3000; i++) fs.writeFileSync(join(dir, `name-${i}`), '');
    const handle = fs.opendirSync(dir, { bufferSize: 16 });
    const seen = new Set<string>();
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      assert.not(seen.has(entry.name));
      seen.add(entry.name);
      const number = Number(entry.name.slice(5));
      if (number % 3 === 0) fs.unlinkSync(join(dir, entry.name));
    }
    handle.closeSync();
    assert.is(seen.size, 3000);
    assert.is(fs.readdirSync(dir).length, 2000);
  },

  'telldir and seekdir come back to the same entry': script('seekdir'),

  'fallocate, holes and SEEK_DATA': script('holes'),

  'O_TMPFILE has no name until it is linked': script('tmpfile'),

  'O_APPEND, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW': dir => {
    const file = join(dir, 'f');
    fs.writeFileSync(file, 'abc');
    fs.appendFileSync(file, 'def');
    assert.is(fs.readFileSync(file, 'utf8'), 'abcdef');
    assert.is(
      code(() => fs.openSync(file, 'wx')),
      'EEXIST',
    );
    fs.closeSync(fs.openSync(file, 'w'));
    assert.is(fs.statSync(file).size, 0);
    assert.is(
      code(() => fs.openSync(file, fs.constants.O_DIRECTORY)),
      'ENOTDIR',
    );
    fs.symlinkSync('f', join(dir, 's'));
    assert.is(
      code(() => fs.openSync(join(dir, 's'), fs.constants.O_NOFOLLOW)),
      'ELOOP',
    );
  },

  'two processes that append lose no record': dir => {
    const file = join(dir, 'log');
    spawnSync(
      'sh',
      [
        '-c',
        'for i in 1 2 3 4; do (j=0; while [ $j -lt 500 ]; do echo 0123456789abcde; j=$((j+1)); done >> log) & done; wait',
      ],
      { cwd: dir },
    );
    const text = fs.readFileSync(file, 'utf8');
    assert.is(text.length, 4 * 500 * 16);
    assert.ok(
      text
        .split('\n')
        .slice(0, -1)
        .every(line => line === '0123456789abcde'),
    );
  },

  'copy_file_range copies, also within a file': script('copy-file-range'),

  'fifos, sockets and devices': dir => {
    spawnSync('mkfifo', [join(dir, 'p')]);
    assert.ok(fs.statSync(join(dir, 'p')).isFIFO());
    const { stdout } = spawnSync('sh', ['-c', 'cat p & echo through > p; wait'], {
      cwd: dir,
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.is(stdout, 'through\n');
    script('socket-file')(dir);
    if (process.getuid?.() === 0) {
      assert.is(spawnSync('mknod', [join(dir, 'n'), 'c', '1', '3']).status, 0);
      assert.is(fs.statSync(join(dir, 'n')).rdev, NULL_DEVICE);
    }
  },

  'mapped memory and read(2) are one': script('mapped-memory'),
};
