// Requests as rdma-core builds them, byte by byte from the kernel's headers, in a memory of the test's own.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Memory, registeredRegion } from '../../src/run/uverbs.js';

const test = suite('uverbs');

const BASE = 0x7f00_0000_0000;
const REQUEST = BASE;
const INPUT = BASE + 0x1000;

/** A memory of two pages at BASE. */
class Pages {
  readonly view = new DataView(new ArrayBuffer(0x2000));

  readonly read: Memory = (address, length) =>
    address < BASE || address + length > BASE + this.view.byteLength
      ? undefined
      : new DataView(this.view.buffer, address - BASE, length);

  /** ib_uverbs_ioctl_hdr and its attributes: [id, len, data]. */
  request(object: number, method: number, attributes: readonly (readonly [number, number, bigint])[]): void {
    this.view.setUint16(0, 24 + 16 * attributes.length, true);
    this.view.setUint16(2, object, true);
    this.view.setUint16(4, method, true);
    this.view.setUint16(6, attributes.length, true);
    attributes.forEach(([id, length, data], n) => {
      const at = 24 + 16 * n;
      this.view.setUint16(at, id, true);
      this.view.setUint16(at + 2, length, true);
      this.view.setBigUint64(at + 8, data, true);
    });
  }

  /** ib_uverbs_reg_mr at `address`: response, start, length, hca_va, pd_handle, access_flags. */
  regMr(address: number, start: number, length: number): void {
    const at = address - BASE;
    this.view.setBigUint64(at + 8, BigInt(start), true);
    this.view.setBigUint64(at + 16, BigInt(length), true);
    this.view.setBigUint64(at + 24, 0xdead_0000n, true);
    this.view.setUint32(at + 32, 5, true);
    this.view.setUint32(at + 36, 7, true);
  }
}

const command = (number: number, length: number): (readonly [number, number, bigint])[] => [
  [2, 8, BigInt(number)],
  [0, length, BigInt(INPUT)],
  [1, 12, BigInt(INPUT + 0x100)],
];

test('REG_MR inside the ioctl: the memory, and the address by which the device knows it', () => {
  const pages = new Pages();
  pages.request(0, 0, command(9, 40));
  pages.regMr(INPUT, 0x7fee_1234_5000, 1 << 20);
  assert.equal(registeredRegion(pages.read, REQUEST), {
    start: 0x7fee_1234_5000,
    length: 1 << 20,
    iova: 0xdead_0000,
  });
});

test('attributes may come in any order, with those of the driver between', () => {
  const pages = new Pages();
  pages.request(0, 0, [[0x1000, 16, BigInt(INPUT)], ...command(9, 40).reverse()]);
  pages.regMr(INPUT, 0x5000, 0x3000);
  assert.equal(registeredRegion(pages.read, REQUEST), { start: 0x5000, length: 0x3000, iova: 0xdead_0000 });
});

test('REG_MR as a method of its own: memory, or a dma-buf, which is no memory of the caller', () => {
  const pages = new Pages();
  const handle = [0, 0, 0n] as const;
  const length = [5, 8, 0x2000n] as const;
  pages.request(7, 5, [handle, [3, 8, 0xdead_0000n], [4, 8, 0x7fee_0000_0000n], length]);
  assert.equal(registeredRegion(pages.read, REQUEST), {
    start: 0x7fee_0000_0000,
    length: 0x2000,
    iova: 0xdead_0000,
  });
  pages.request(7, 5, [handle, [7, 0, 3n], length]);
  assert.is(registeredRegion(pages.read, REQUEST), undefined);
});

test('REREG_MR counts only if it changes the memory', () => {
  const pages = new Pages();
  pages.request(0, 0, command(11, 48));
  pages.view.setUint32(0x1008, 9, true);
  pages.view.setUint32(0x100c, 1, true);
  pages.view.setBigUint64(0x1010, 0x8000n, true);
  pages.view.setBigUint64(0x1018, 0x1000n, true);
  pages.view.setBigUint64(0x1020, 0x20_0000n, true);
  assert.equal(registeredRegion(pages.read, REQUEST), { start: 0x8000, length: 0x1000, iova: 0x20_0000 });
  pages.view.setUint32(0x100c, 4, true);
  assert.is(registeredRegion(pages.read, REQUEST), undefined);
});

test('what is not well formed asks nothing: the kernel refuses it', () => {
  const pages = new Pages();
  const nothing = (why: string) => assert.is(registeredRegion(pages.read, REQUEST), undefined, why);
  nothing('a header of zeros');
  pages.request(0, 0, command(9, 40));
  pages.view.setUint16(0, 0x3000, true);
  nothing('longer than the kernel takes');
  pages.view.setUint16(0, 24, true);
  nothing('more attributes than bytes');
  pages.request(0, 0, command(9, 39));
  nothing('an input that is too short');
  pages.request(0, 0, [
    [2, 8, 9n],
    [0, 40, 0x10n],
  ]);
  nothing('an input that is nowhere');
  assert.is(registeredRegion(pages.read, BASE - 8), undefined, 'a request that is nowhere');
  assert.is(registeredRegion(pages.read, BASE + 0x1ff8), undefined, 'a request that ends nowhere');
});

test('random bytes never throw', () => {
  const pages = new Pages();
  for (let seed = 1, n = 0; n < 20_000; n++) {
    for (let at = 0; at < 96; at += 4) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      pages.view.setUint32(at, seed >>> (seed & 24), true);
    }
    registeredRegion(pages.read, REQUEST);
  }
});

test.run();
