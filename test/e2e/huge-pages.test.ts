// Huge pages of the direct store: mapped by PMD through the mount, and the rules of pins hold where a punch splits them.
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, readSync, unlinkSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { LeaseFile } from '../../src/client/index.js';
import { native, PROT_READ, PROT_WRITE } from '../../src/native/binding.js';
import { cli, Mounted } from '../support/mounted.js';
import { O_RDWR } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const MIB = 1 << 20;
const BLOCK = 4096;
const HUGE = 2 * MIB;
const O_CREAT = 0o100;
const MADV_HUGEPAGE = 14;
const PUNCH_HOLE_KEEP_SIZE = 3;

/** KiB of the mappings of a file that the hardware maps by huge pages. */
function pmdMapped(path: string): number {
  let [kib, ours] = [0, false];
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) ours = line.endsWith(path);
    else if (ours) kib += Number(/^(?:File|Shmem)PmdMapped: +(\d+) kB/.exec(line)?.[1] ?? 0);
  }
  return kib;
}

mountedSuite(
  'huge pages',
  { store: 'direct', args: ['--size=256m', '--huge=always'], needs: ['huge-pages', 'io-uring'] },
  ({ test, mount }) => {
    /** Of 4 MiB, all of it stored into through a mapping that stays. */
    const filled = (name: string) => {
      const file = LeaseFile.open(mount.file(name), O_RDWR | O_CREAT, 0o600);
      ftruncateSync(file.fd, 2 * HUGE);
      const memory = native.map(file.fd, 0, 2 * HUGE, PROT_READ | PROT_WRITE);
      const bytes = new Uint8Array(memory);
      bytes.fill(7);
      return { file, memory, bytes, path: mount.file(name) };
    };
    const punch = (fd: number, off: number, len: number) =>
      native.fallocate(fd, PUNCH_HOLE_KEEP_SIZE, off, len);

    test('a mapping through the mount is aligned and mapped by huge pages', () => {
      const { file, memory, path } = filled('mapped');
      assert.is(pmdMapped(path), (2 * HUGE) / 1024);
      native.unmap(memory);
      file.close();
      unlinkSync(path);
    });

    test('stat and layout say how processes have a file mapped, by their page tables', () => {
      const { file, memory, path } = filled('mappings');
      const leasefs = (...args: string[]) =>
        execFileSync(process.execPath, [cli, ...args, path], { encoding: 'utf8' });
      const mappings = (verb: string) =>
        JSON.parse(leasefs(verb, '--json')).mappings.map(
          ({ command: _, ...rest }: { command: string }) => rest,
        );
      const ours = { pid: process.pid, off: 0, len: 2 * HUGE, resident: 2 * HUGE, huge: 2 * HUGE };
      for (const verb of ['stat', 'layout']) {
        assert.equal(mappings(verb), [ours]);
        assert.match(leasefs(verb), /\nmapped by .*: \[0,4m\), 4m in its page tables, 4m in huge pages\n/);
      }
      assert.match(leasefs('stat'), '\nhuge pages  always\n');
      native.unmap(memory);
      assert.equal(mappings('stat'), []);
      file.close();
      unlinkSync(path);
    });

    test('a punch inside a huge page takes its own blocks alone; one that meets a pin takes none', () => {
      const { file, memory, bytes, path } = filled('pinned');
      const other = openSync(path, 'r+');
      file.setLeaseSync('exclusive');
      file.pin(0, BLOCK);
      assert.is(punch(other, 0, HUGE), -errno.EDEADLK, 'X1: our own pin');
      assert.is(punch(file.fd, BLOCK, BLOCK), 0, 'X3: outside of the pin');
      assert.equal([bytes[0], bytes[BLOCK - 1], bytes[BLOCK], bytes[2 * BLOCK]], [7, 7, 0, 7]);
      file.unpinAll();
      file.setLeaseSync('none');
      assert.is(punch(other, HUGE + BLOCK, BLOCK), 0);
      assert.equal([bytes[HUGE + BLOCK - 1], bytes[HUGE + BLOCK], bytes[HUGE + 2 * BLOCK]], [7, 0, 7]);
      ftruncateSync(other, HUGE + BLOCK / 2);
      assert.equal([bytes[HUGE], bytes[HUGE + BLOCK / 2]], [7, 0]);
      closeSync(other);
      native.unmap(memory);
      file.close();
      unlinkSync(path);
    });

    test('what the kernel has pinned stays while another part of the same huge page is punched', () => {
      const { file, memory, bytes, path } = filled('registered');
      const ring = native.uring(4);
      file.setLeaseSync('exclusive');
      file.pin(0, BLOCK);
      assert.is(ring.register(memory, 0, BLOCK), 0);
      assert.is(punch(file.fd, HUGE / 2, HUGE / 2), 0);
      assert.is(bytes[HUGE / 2], 0);
      bytes[10] = 99;
      const source = openSync(path, 'r');
      assert.is(ring.readFixed(source, HUGE, 0, BLOCK), BLOCK, 'a device writes into the pinned page');
      const seen = new Uint8Array(BLOCK);
      readSync(source, seen, 0, BLOCK, 0);
      assert.is(
        seen.every(byte => byte === 7),
        true,
        'which is still the page of the file',
      );
      closeSync(source);
      ring.close();
      native.unmap(memory);
      file.unpinAll();
      file.close();
      unlinkSync(path);
    });

    test('--huge=advise, the default: where the application asks for them', async () => {
      await Mounted.during(['--store=direct', '--size=64m'], async advised => {
        for (const ask of [false, true]) {
          const path = advised.file(`f${ask}`);
          const fd = openSync(path, 'w+');
          ftruncateSync(fd, 2 * HUGE);
          const memory = native.map(fd, 0, 2 * HUGE, PROT_READ | PROT_WRITE);
          if (ask) assert.is(native.madvise(memory, 0, 2 * HUGE, MADV_HUGEPAGE), 0);
          new Uint8Array(memory).fill(1);
          assert.is(pmdMapped(path), ask ? (2 * HUGE) / 1024 : 0);
          native.unmap(memory);
          closeSync(fd);
        }
      });
    });
  },
);
