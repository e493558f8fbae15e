// io_uring's registered buffers over mappings: the pins that leasefs is about, and the loss that it prevents.
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { native } from '../../src/native/binding.js';
import { suiteNeeding } from '../support/suites.js';
import { memoryFile } from './fixture.js';

const PUNCH_HOLE_KEEP_SIZE = 3;

function stage() {
  const source = memoryFile(65536);
  const text = new Uint8Array(65536).map((_, at) => (at >> 12) + 1);
  native.pwrite(source.fd, text.buffer, 0, 65536, 0);
  const target = memoryFile(65536);
  const memory = native.map(target.fd, 0, 65536, 3);
  const ring = native.uring(4);
  const end = () => {
    ring.close();
    native.unmap(memory);
    source.close();
    target.close();
  };
  return { source, target, memory, ring, end };
}

suiteNeeding('io_uring', ['io-uring'], test => {
  test('a fixed read puts the file’s bytes into the mapping, again and again', () => {
    const { source, target, memory, ring, end } = stage();
    assert.ok(ring.fd > 2);
    assert.is(ring.register(memory, 4096, 32768), 0);
    const back = new ArrayBuffer(4096);
    for (let n = 0; n < 100; n++) {
      const block = n % 8;
      assert.is(ring.readFixed(source.fd, 4096 * (block + 1), 4096 * block, 4096), 4096);
      native.pread(target.fd, back, 0, 4096, 4096 * (block + 1));
      assert.is(new Uint8Array(back)[4095], block + 2);
    }
    assert.is(new Uint8Array(memory)[0], 0);
    end();
  });

  test('F8: a hole under a registered buffer: the read succeeds and its data is lost, silently', () => {
    const { source, target, memory, ring, end } = stage();
    ring.register(memory, 0, 8192);
    assert.is(native.fallocate(target.fd, PUNCH_HOLE_KEEP_SIZE, 0, 4096), 0);
    assert.is(ring.readFixed(source.fd, 0, 0, 8192), 8192);
    const bytes = new Uint8Array(memory);
    assert.is(bytes[0], 0, 'lost');
    assert.is(bytes[4096], 2, 'there');
    end();
  });

  test('F20: a pin outlives the mapping and its end is the ring’s: F_SEAL_WRITE tells', () => {
    const F_ADD_SEALS = 1033;
    const F_SEAL_WRITE = 8;
    const { source, target, memory, ring, end } = stage();
    ring.register(memory, 0, 4096);
    native.unmap(memory);
    assert.is(native.fcntl(target.fd, F_ADD_SEALS, F_SEAL_WRITE), -errno.EBUSY, 'pinned');
    assert.is(ring.readFixed(source.fd, 4096, 0, 4096), 4096, 'the pages are held');
    const back = new ArrayBuffer(1);
    native.pread(target.fd, back, 0, 1, 0);
    assert.is(new Uint8Array(back)[0], 2);
    assert.is(ring.unregister(), 0);
    assert.is(native.fcntl(target.fd, F_ADD_SEALS, F_SEAL_WRITE), 0, 'not pinned');
    end();
  });

  test('one buffer at a time: EBUSY, ENXIO', () => {
    const { memory, ring, end } = stage();
    assert.is(ring.unregister(), -errno.ENXIO);
    assert.is(ring.register(memory, 0, 4096), 0);
    assert.is(ring.register(memory, 4096, 4096), -errno.EBUSY);
    assert.is(ring.unregister(), 0);
    assert.is(ring.register(memory, 4096, 4096), 0);
    end();
  });

  test('only what is registered can be read into: EFAULT', () => {
    const { source, memory, ring, end } = stage();
    assert.is(ring.readFixed(source.fd, 0, 0, 1), -errno.EFAULT, 'nothing registered');
    ring.register(memory, 0, 4096);
    assert.is(ring.readFixed(source.fd, 0, 0, 4097), -errno.EFAULT);
    assert.is(ring.readFixed(source.fd, 0, 4097, 0), -errno.EFAULT);
    assert.is(ring.readFixed(source.fd, 0, Number.MAX_SAFE_INTEGER, 1), -errno.EFAULT);
    ring.unregister();
    assert.is(ring.readFixed(source.fd, 0, 0, 1), -errno.EFAULT, 'no more');
    end();
  });

  test('only mappings are registered: the collector’s memory may go while the kernel writes into it', () => {
    const { memory, ring, end } = stage();
    assert.is(ring.register(new ArrayBuffer(4096), 0, 4096), -errno.EINVAL);
    assert.is(ring.register(memory, 4096, 65536), -errno.EFAULT);
    native.unmap(memory);
    assert.is(ring.register(memory, 0, 0), -errno.EINVAL);
    end();
  });

  test('a failed read says why: EBADF, 0 at the end of the file', () => {
    const { source, memory, ring, end } = stage();
    ring.register(memory, 0, 4096);
    assert.is(ring.readFixed(9999, 0, 0, 4096), -errno.EBADF);
    assert.is(ring.readFixed(source.fd, 65536, 0, 4096), 0);
    assert.is(ring.readFixed(source.fd, 65530, 0, 4096), 6);
    end();
  });

  test('a closed ring answers EBADF; close is idempotent', () => {
    const { source, memory, ring, end } = stage();
    ring.register(memory, 0, 4096);
    ring.close();
    ring.close();
    assert.is(ring.fd, -1);
    assert.is(ring.readFixed(source.fd, 0, 0, 1), -errno.EBADF);
    assert.is(ring.register(memory, 0, 4096), -errno.EBADF);
    assert.is(ring.unregister(), -errno.EBADF);
    end();
  });
});
