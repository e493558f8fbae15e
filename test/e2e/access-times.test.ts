// Times of access: what reads do to them is what the mount says, as on tmpfs.
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { Mounted, stores } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';

const O_NOATIME = 0o1000000;
/** Seconds since 1970: long ago, and so late that nothing is younger. */
const OLD = 1000;
const NEW = 2 ** 31;

function readOnce(path: string, flags = constants.O_RDONLY): void {
  const fd = openSync(path, flags);
  readSync(fd, Buffer.alloc(4), 0, 4, 0);
  closeSync(fd);
}

interface Seen {
  readonly [step: string]: boolean;
}

/** By step: whether the time of access moved. A file is one of its own in each, so that nothing of it is cached. */
function movedIn(directory: string): Seen {
  const seen: Record<string, boolean> = {};
  const at = (name: string): string => join(directory, name);
  const step = (title: string, path: string, atime: number, read: (path: string) => void): void => {
    lutimesSync(path, atime, OLD);
    assert.is(lstatSync(path).atimeMs, atime * 1000, title);
    read(path);
    seen[title] = lstatSync(path).atimeMs !== atime * 1000;
  };
  let files = 0;
  const file = (): string => {
    const path = at(`f${files++}`);
    writeFileSync(path, 'text');
    return path;
  };
  step('file', file(), OLD, readOnce);
  step('file, read since', file(), NEW, readOnce);
  step('file, O_NOATIME', file(), OLD, path => readOnce(path, O_NOATIME));
  step('file by another open', file(), OLD, path => readFileSync(path));
  mkdirSync(at('d'));
  step('directory', at('d'), OLD, readdirSync);
  step('directory, read since', at('d'), NEW, readdirSync);
  symlinkSync('target', at('l'));
  step('symbolic link', at('l'), OLD, readlinkSync);
  symlinkSync('target', at('m'));
  step('symbolic link, read since', at('m'), NEW, readlinkSync);
  return seen;
}

const options = [
  'relatime',
  'strictatime',
  'noatime',
  'nodiratime',
  'strictatime,nodiratime',
  'relatime,noatime',
];

suiteNeeding('times of access', ['mount'], test => {
  const asOnTmpfs = new Map<string, Seen>();

  test.before(() => {
    const directory = mkdtempSync(join(tmpdir(), 'leasefs-tmpfs-'));
    for (const words of options) {
      assert.is(spawnSync('mount', ['-t', 'tmpfs', '-o', words, 'tmpfs', directory]).status, 0);
      try {
        asOnTmpfs.set(words, movedIn(directory));
      } finally {
        assert.is(spawnSync('umount', [directory]).status, 0);
      }
    }
    rmSync(directory, { recursive: true });
  });

  for (const store of stores) {
    for (const words of options) {
      test(`${store} store, -o ${words}`, () =>
        Mounted.during(['--size', '16m', '--store', store, '-o', words], async mount => {
          assert.equal(movedIn(mount.path), asOnTmpfs.get(words));
        }));
    }

    test(`${store} store, relatime: the second read moves nothing`, () =>
      Mounted.during(['--size', '16m', '--store', store], async mount => {
        const path = mount.file('f');
        writeFileSync(path, 'text');
        utimesSync(path, OLD, OLD);
        // A read in the same step of the clock would be no younger than the change.
        const { ctimeMs } = statSync(path);
        await eventually('a step of the clock', () => {
          writeFileSync(mount.file('clock'), 'text');
          return statSync(mount.file('clock')).mtimeMs > ctimeMs;
        });
        readOnce(path);
        assert.ok(statSync(path).atimeMs > ctimeMs);
        const { atimeMs } = statSync(path);
        readOnce(path);
        assert.is(statSync(path).atimeMs, atimeMs);
      }));
  }
});
