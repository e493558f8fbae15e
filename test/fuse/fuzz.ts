// Requests that no kernel would send, to the whole filesystem behind the session: well-formed ones of a corpus, mutated. What
// holds for any bytes: each request gets one answer of the right form, or none where it waits or none is due; nothing throws;
// and a well-formed request is served afterwards.
import { closeSync, openSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Filesystem } from '../../src/fs/filesystem.js';
import { startSession } from '../../src/fuse/session.js';
import { PooledStore } from '../../src/store/pooled-store.js';
import { random } from '../support/random.js';
import { FakeChannel, initBody, record, text, u32, u64, zeros } from './doubles.js';

/** Takes what is sent from where it lies, as the kernel does: each piece is inside of its memory. */
class FuzzedChannel extends FakeChannel {
  /** Notifications go here. */
  override fd = openSync('/dev/null', 'w');

  override close(): void {
    closeSync(this.fd);
  }

  override sendv(
    headLength: number,
    memories: readonly ArrayBuffer[],
    places: Float64Array,
    count: number,
  ): number {
    assert.ok(count <= 512);
    let length = headLength;
    for (let n = 0; n < count; n++) {
      assert.ok(places[2 * n]! + places[2 * n + 1]! <= memories[n]!.byteLength);
      length += places[2 * n + 1]!;
    }
    return length;
  }
}

type Pick = (below: number) => number;

/** Values at the edges of what fields take. */
const EDGES = [
  0n,
  1n,
  2n,
  4095n,
  4096n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  2n ** 53n - 1n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
];

/** Opcodes and bodies of requests as the kernel makes them; inode and handle numbers are small. */
function request(pick: Pick): readonly [opcode: number, body: Buffer] {
  const fh = u64(pick(12));
  const off = u64(pick(3) === 0 ? pick(1 << 24) : pick(8) * 4096);
  const len = u32(pick(1 << 16));
  const name = text(`${'abcdefgh'[pick(8)]}\0`);
  const other = text(`${'abcdefgh'[pick(8)]}\0`);
  const kinds: readonly (readonly [number, () => Buffer])[] = [
    [1, () => name],
    [2, () => u64(pick(4))],
    [3, () => Buffer.concat([u32(0), u32(0), fh])],
    [4, () => Buffer.concat([u32(pick(4096)), u32(0), fh, off, zeros(64)])],
    [5, () => zeros(0)],
    [6, () => Buffer.concat([name, text('target\0')])],
    [8, () => Buffer.concat([u32(0o100644 + pick(8) * 0o10000), u32(0), u32(0), u32(0), name])],
    [9, () => Buffer.concat([u32(0o755), u32(0), name])],
    [10, () => name],
    [11, () => name],
    [12, () => Buffer.concat([u64(1 + pick(8)), name, other])],
    [13, () => Buffer.concat([u64(1 + pick(8)), name])],
    [14, () => Buffer.concat([u32(pick(1 << 16)), u32(0)])],
    [15, () => Buffer.concat([fh, off, len, u32(0), u64(0), u32(0), u32(0)])],
    [16, () => Buffer.concat([fh, off, u32(8), u32(0), u64(0), u32(0), u32(0), text('contents')])],
    [17, () => zeros(0)],
    [18, () => Buffer.concat([fh, u32(0), u32(0), u64(0)])],
    [20, () => Buffer.concat([fh, u32(0), u32(0)])],
    [21, () => Buffer.concat([u32(4), u32(0), text('user.x\0four')])],
    [22, () => Buffer.concat([u32(pick(70000)), u32(0), text('user.x\0')])],
    [23, () => Buffer.concat([u32(pick(70000)), u32(0)])],
    [24, () => text('user.x\0')],
    [25, () => Buffer.concat([fh, u32(0), u32(0), u64(0)])],
    [27, () => Buffer.concat([u32(0), u32(0)])],
    [28, () => Buffer.concat([fh, off, len, u32(0), u64(0), u32(0), u32(0)])],
    [29, () => Buffer.concat([fh, u32(0), u32(0), u64(0)])],
    [30, () => Buffer.concat([fh, u32(0), u32(0)])],
    [35, () => Buffer.concat([u32(2 + pick(0o3000)), u32(0o100644), u32(0), u32(0), name])],
    [36, () => u64(pick(64))],
    [
      39,
      () =>
        Buffer.concat([
          fh,
          u32(0),
          u32(0xc038_5980 + pick(8)),
          u64(0),
          u32(56),
          u32(56),
          u32(1),
          u32(16 + pick(70)),
          zeros(48),
        ]),
    ],
    [40, () => Buffer.concat([fh, u64(pick(9)), u32(1), u32(0)])],
    [42, () => Buffer.concat([u32(1), u32(0), u64(1 + pick(8)), u64(pick(3))])],
    [43, () => Buffer.concat([fh, off, u64(pick(1 << 23)), u32([0, 1, 3, 16, 17][pick(5)]!), u32(0)])],
    [44, () => Buffer.concat([fh, off, len, u32(0), u64(0), u32(0), u32(0)])],
    [45, () => Buffer.concat([u64(1 + pick(8)), u32(pick(8)), u32(0), name, other])],
    [46, () => Buffer.concat([fh, off, u32(3 + pick(2)), u32(0)])],
    [47, () => Buffer.concat([fh, off, u64(1 + pick(8)), u64(pick(12)), off, u64(pick(1 << 20)), u64(0)])],
    [51, () => Buffer.concat([u32(2), u32(0o100644), u32(0), u32(0), text('#tmp\0')])],
    [52, () => Buffer.concat([u32(0), u32(0), fh, u32(0), u32(0xfff)])],
  ];
  const [opcode, body] = kinds[pick(kinds.length)]!;
  return [opcode, body()];
}

/** Some bytes of it other ones; now and then another length, which the header says too, or does not. */
function mutate(bytes: Buffer, pick: Pick): Buffer {
  let made = Buffer.from(bytes);
  for (let n = pick(4); n > 0; n--) {
    const at = 40 + pick(Math.max(1, made.length - 40));
    if (at >= made.length) continue;
    const wide = at + 8 <= made.length && pick(2) === 0;
    if (wide) made.writeBigUInt64LE(EDGES[pick(EDGES.length)]!, at);
    else made[at] = pick(256);
  }
  if (pick(16) === 0) made = made.subarray(0, pick(made.length + 1));
  if (pick(16) === 0) made = Buffer.concat([made, Buffer.alloc(pick(64), pick(256))]);
  if (pick(2) === 0 && made.length >= 40) made.writeUInt32LE(made.length, 0);
  if (pick(64) === 0 && made.length >= 40) made.writeUInt16LE(pick(1 << 16), 36);
  return made;
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

/** `steps` requests of the seed. Throws an Error that names seed and step. */
export async function fuzzSession(seed: number, steps: number): Promise<void> {
  const pick = random(seed);
  const lines: string[] = [];
  const log = (line: string): void => {
    if (/failed|fault/.test(line)) lines.push(line);
  };
  const filesystem = new Filesystem(() => new PooledStore(1 << 24), {
    ...{ mode: 0o777, uid: 0, gid: 0, inodes: 64, descriptors: 100, descriptions: 64 },
    breakTime: 5,
    semantics: 'default',
    log,
  });
  const channel = new FuzzedChannel();
  startSession({ channel, operations: filesystem, passthrough: false, poll: true, log });
  channel.deliver(record(26, {}, initBody(45)));
  const at = (step: number): string => `LEASEFS_SEED=${seed}, request ${step}`;
  for (let step = 0; step < steps; step++) {
    const [opcode, body] = request(pick);
    const header = {
      unique: BigInt(2 * step + 4),
      nodeid: 1 + pick(10),
      uid: pick(2) * 1000,
      pid: pick(2) * process.pid,
    };
    const sent = mutate(record(opcode, header, body), pick);
    const answer = channel.deliver(sent);
    if (answer !== undefined) {
      assert.is(answer.readUInt32LE(0), answer.length, at(step));
      const error = answer.readInt32LE(4);
      assert.ok(error <= 0 && error > -4096, `${at(step)}: ${error}`);
      assert.ok(error === 0 || answer.length === 16, at(step));
    }
    assert.equal(lines, [], at(step));
    if (step % 64 === 0) {
      await turn();
      channel.sent.length = 0;
      const served = channel.deliver(record(17, { unique: 2n }));
      assert.is(served?.readInt32LE(4), 0, at(step));
    }
  }
  channel.end(19);
  assert.equal(lines, [], `LEASEFS_SEED=${seed}, the end`);
}
