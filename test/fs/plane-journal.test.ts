import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  EXCLUSIVE,
  EXCLUSIVE_BREAKABLE,
  type Kind,
  NONE,
  SHARED,
  SHARED_BREAKABLE,
} from '../../src/abi/kinds.js';
import { PlaneRestorer } from '../../src/fs/layout/plane-restorer.js';
import { Layout, Opened } from '../../src/fs/operations.js';
import { restore } from '../../src/journal/restorer.js';
import { end, O_RDWR_NONBLOCK, SmallJournal, SmallPlane, sleeper } from '../support/small-plane.js';

const test = suite('the journal of the lease plane');

const KINDS: readonly Kind[] = [NONE, SHARED_BREAKABLE, EXCLUSIVE_BREAKABLE, SHARED, EXCLUSIVE];

function random(seed: number): (n: number) => number {
  let state = seed | 1;
  return n => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d);
    state = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    state ^= state >>> 15;
    return (state >>> 0) % n;
  };
}

const layout = new Layout(8);

/** One operation of a random history. */
function step(plane: SmallPlane, pids: readonly number[], below: (n: number) => number): void {
  const { filesystem } = plane;
  const d = below(plane.fhs.length);
  const fh = plane.fhs[d]!;
  const ino = plane.ino(d);
  const caller = plane.by(pids[below(pids.length)]!);
  const leases = () => plane.plane.leases.leases();
  switch (below(9)) {
    case 0:
    case 1:
    case 2: {
      const kind = KINDS[below(KINDS.length)]!;
      filesystem.setLease(caller, ino, fh, { kind, nonblock: true, signal: 0, cookie: BigInt(below(9)) });
      return;
    }
    case 3: {
      const owner = [undefined, 0n, filesystem.getLease(ino, fh).token][below(3)];
      filesystem.pin(caller, ino, fh, { off: below(7) * 4096, len: 1 + below(4096), owner });
      return;
    }
    case 4: {
      const [pin] = plane.plane.leases.pins();
      if (pin !== undefined) filesystem.unpin(caller, ino, fh, pin.pin);
      return;
    }
    case 5: {
      const { sb } = plane.plane;
      sb.gate.truncate(caller, sb.inode(ino)!, sb.handles.get(fh), 8 * 4096, 0, true);
      return;
    }
    case 6:
      if (leases().length > 0) plane.plane.leases.expire(leases()[0]!.file);
      filesystem.getLease(ino, fh);
      return;
    case 7: {
      const held = leases().find(({ description }) => description !== 0);
      if (held === undefined || held.description === 0) return;
      const by = plane.by(plane.plane.process(held.owner).pid);
      const request = { off: below(8) * 4096, len: 1 + below(3 * 4096), list: false, seq: undefined };
      filesystem.layout(by, held.file, held.description, request, layout);
      return;
    }
    default: {
      // The number of a description is never used again.
      if (below(6) > 0) return;
      filesystem.release(fh);
      const opened = new Opened();
      assert.is(filesystem.open(plane.caller, ino, O_RDWR_NONBLOCK, opened), 0);
      plane.fhs[d] = opened.fh;
    }
  }
}

const SEEDS = 6;
const STEPS = 100;

test('a daemon that takes over knows the same, in all histories, whenever the journal was written anew', async () => {
  const children = [sleeper(), sleeper(), sleeper()];
  const pids = [process.pid, ...children.map(({ pid }) => pid!)];
  for (let seed = 1; seed <= SEEDS; seed++) {
    const below = random(seed * 7919);
    const plane = new SmallPlane();
    const journal = new SmallJournal();
    plane.plane.keepIn(journal);
    for (let n = 0; n < STEPS; n++) {
      step(plane, pids, below);
      journal.commit(below(4));
      if (below(20) === 0) journal.sweep();
      if (below(20) !== 0) continue;
      const next = new SmallPlane();
      next.renumber(plane.fhs);
      restore(journal.reader(), [new PlaneRestorer(next.plane)]);
      next.plane.leases.check();
      assert.equal(next.state(), plane.state(), `seed ${seed}, step ${n}`);
      next.end();
    }
    plane.end();
  }
  await Promise.all(children.map(end));
});

test.run();
