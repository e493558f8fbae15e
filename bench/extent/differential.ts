// Whether a contestant is right, before any of its figures counts: random changes against a plain array, and the
// loaded file against binary search.
import { type Contestant, FIELDS } from './contestant.js';
import { type Below, type Extents, truth } from './workload.js';

const WIDTH = 4096;
const SEGMENT = 512;
const STEPS = 20_000;

const out = new Float64Array(8 * FIELDS);

function fail(what: string): never {
  throw new Error(`the differential check failed: ${what}`);
}

/** @throws Error on the first difference. */
export function checkChanges(fresh: Contestant, below: Below): void {
  const { map, punch } = fresh;
  if (map === undefined || punch === undefined) return;
  const plain = new Int32Array(WIDTH);
  fresh.load({
    count: 0,
    start: plain,
    length: plain,
    blk: plain,
    end: WIDTH,
  });
  for (let step = 0; step < STEPS; step++) {
    const longest = (step >> 10) % 4 === 3 ? 700 : 16;
    const pgoff = below(WIDTH);
    const n = 1 + below(Math.min(longest, WIDTH - pgoff));
    if (below(2) === 0) {
      punch.call(fresh, pgoff, n);
      plain.fill(0, pgoff, pgoff + n);
    } else {
      // Half of the store blocks lie so that they go on their neighbours.
      const blk = below(2) === 0 ? 1 + pgoff : 1 + below(1 << 24);
      map.call(fresh, pgoff, blk, n);
      for (let i = 0; i < n; i++) plain[pgoff + i] = blk + i;
    }
    for (const at of [pgoff - 1, pgoff, pgoff + n - 1, pgoff + n]) {
      if (at >= 0 && at < WIDTH) checkBlock(fresh, at, plain[at]!, runIn(plain, at));
    }
    if (step % 64 === 0) checkWalk(fresh, plain, pgoff);
  }
}

/** @throws Error where the loaded file differs from what was loaded, at the first of so many of the places. */
export function checkLoaded(
  contestant: Contestant,
  extents: Extents,
  queries: Int32Array,
  many: number,
): void {
  for (let i = 0; i < many; i++) {
    const { value, run } = truth(extents, queries[i]!);
    checkBlock(contestant, queries[i]!, value, run);
  }
}

/** @param run blocks to the end of the extent; 0 for a hole, about whose length nothing is asked. */
function checkBlock(contestant: Contestant, pgoff: number, value: number, run: number): void {
  const found = contestant.lookup(pgoff);
  if (found !== value) fail(`block ${pgoff} is ${value}, not ${found}`);
  if (contestant.translate === undefined) return;
  const translated = contestant.translate(pgoff);
  if (translated !== value) fail(`block ${pgoff} is ${value}, translated to ${translated}`);
  const said = contestant.run ?? 0;
  // A run may end at a segment's end: the caller asks again.
  const maximal = said === run || (said < run && (pgoff + said) % SEGMENT === 0);
  if (said < 1 || (run > 0 && !maximal)) fail(`from block ${pgoff} on are ${run} blocks, not ${said}`);
}

function runIn(plain: Int32Array, pgoff: number): number {
  if (plain[pgoff] === 0) return 0;
  let run = 1;
  while (pgoff + run < WIDTH && plain[pgoff + run] === plain[pgoff]! + run) run++;
  return run;
}

function checkWalk(contestant: Contestant, plain: Int32Array, pgoff: number): void {
  if (contestant.fiemap === undefined) return;
  const found = contestant.fiemap(pgoff, out);
  let at = pgoff;
  while (at > 0 && plain[at] !== 0 && plain[at - 1] === plain[at]! - 1) at--;
  let expected = 0;
  for (; at < WIDTH && expected < out.length / FIELDS; ) {
    const run = runIn(plain, at);
    if (run === 0) {
      at++;
      continue;
    }
    const field = expected * FIELDS;
    if (out[field] !== at || out[field + 1] !== plain[at] || out[field + 2] !== run)
      fail(`extent ${expected} from block ${pgoff} on is not ${at}+${run}`);
    expected++;
    at += run;
  }
  if (found !== expected) fail(`${expected} extents from block ${pgoff} on, not ${found}`);
}
