// Files whose memory takes long to free: truncate, O_TRUNC, punch and unlink do the same as of small ones.
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { native } from '../../src/native/binding.js';
import { eventually } from '../support/actors.js';
import { bothStores, HASTY } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

const MIB = 1 << 20;
const LARGE = 24 * MIB;
const { O_CREAT, O_RDWR, O_TRUNC, O_WRONLY } = constants;
const PUNCH = 3;

for (const store of bothStores) {
  const options = { store, args: ['--size', '32m', ...HASTY] };
  mountedSuite(`large files, ${store} store`, options, ({ test, mount, files }) => {
    /** A file whose blocks are all there, with a byte in each MiB. */
    const made = (path: string): number => {
      const fd = openSync(path, O_RDWR | O_CREAT);
      assert.is(native.fallocate(fd, 0, 0, LARGE), 0);
      for (let at = 0; at < LARGE; at += MIB) writeSync(fd, 'x', at);
      return fd;
    };
    const blocks = (fd: number): number => fstatSync(fd).blocks * 512;
    const byteAt = (fd: number, at: number): number => {
      const byte = new Uint8Array(1);
      assert.is(readSync(fd, byte, 0, 1, at), 1);
      return byte[0]!;
    };

    test('truncate, ftruncate and O_TRUNC cut it, and what grows again reads as zeros', () => {
      const path = files.fresh();
      const cuts: readonly ((fd: number) => void)[] = [
        () => truncateSync(path, MIB),
        fd => ftruncateSync(fd, MIB),
        () => {
          closeSync(openSync(path, O_WRONLY | O_TRUNC));
          truncateSync(path, MIB);
        },
      ];
      for (const cut of cuts) {
        const fd = made(path);
        cut(fd);
        assert.is(fstatSync(fd).size, MIB);
        assert.ok(blocks(fd) <= MIB);
        ftruncateSync(fd, LARGE);
        for (let at = MIB; at < LARGE; at += MIB) assert.is(byteAt(fd, at), 0);
        assert.ok(blocks(fd) <= MIB);
        closeSync(fd);
        truncateSync(path, 0);
      }
    });

    test('a punch frees whole blocks, keeps the size, and zeros the rest of its range', () => {
      const fd = made(files.fresh());
      assert.is(native.fallocate(fd, PUNCH, 1, LARGE - 1), 0);
      assert.is(fstatSync(fd).size, LARGE);
      assert.is(byteAt(fd, 0), 'x'.charCodeAt(0));
      for (let at = MIB; at < LARGE; at += MIB) assert.is(byteAt(fd, at), 0);
      assert.is(blocks(fd), 4096);
      ftruncateSync(fd, 0);
      closeSync(fd);
    });

    test('X3, X6: the owner of an exclusive lease punches what lies beside its pin', () => {
      const file = files.open(files.fresh());
      assert.is(native.fallocate(file.fd, 0, 0, LARGE), 0);
      for (let at = 0; at < LARGE; at += MIB) writeSync(file.fd, 'x', at);
      file.setLeaseSync('exclusive');
      const pin = file.pin(0, 4096);
      assert.is(native.fallocate(file.fd, PUNCH, 4096, LARGE - 4096), 0);
      assert.is(byteAt(file.fd, 0), 'x'.charCodeAt(0));
      for (let at = MIB; at < LARGE; at += MIB) assert.is(byteAt(file.fd, at), 0);
      ftruncateSync(file.fd, 4096);
      assert.is(fstatSync(file.fd).size, 4096);
      file.unpin(pin);
      file.setLeaseSync('none');
      ftruncateSync(file.fd, 0);
    });

    test('its memory is there for the next file, though most of the store is in use', async () => {
      const path = mount.file('next');
      for (let n = 0; n < 3; n++) {
        const fd = openSync(path, O_RDWR | O_CREAT);
        // The kernel reports the end of the last file when it likes.
        await eventually('there is room', () => native.fallocate(fd, 0, 0, LARGE) === 0);
        assert.is(native.fallocate(fd, 0, LARGE, LARGE), -errno.ENOSPC);
        closeSync(fd);
        unlinkSync(path);
      }
    });
  });
}
