// The directed histories of the rules, replayed against the pure machine: verdict, rule of refusals, which holders are notified,
// which waiters are woken and in which order, what goes and what stays.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { amended, type Event, type History, load } from './directed.js';
import { type Outcome, World } from './world.js';
import type { Seen } from './world-files.js';

function perform(world: World, event: Event): Outcome {
  const { op, p, d, f } = event;
  switch (op) {
    case 'open':
      return world.open(p, d, f, event);
    case 'dup':
      return world.dup(p, d);
    case 'fork':
      return world.fork(p, event.child);
    case 'pass':
      return world.pass(p, d, event.q);
    case 'close':
      return world.close(p, d);
    case 'exit':
      return world.exit(p);
    case 'setlease':
      return world.setlease(p, d, event.kind);
    case 'pin':
      return world.pin(p, d, event.lo, event.hi, event.own, event.id);
    case 'unpin':
      return world.unpin(p, d, event.id);
    case 'kpin':
      return world.kpin(p, f, event.lo, event.hi, event.id);
    case 'truncate':
      return d === undefined ? world.truncate(p, event.size, f) : world.ftruncate(p, event.size, d);
    case 'fallocate':
      return world.fallocate(p, d, event.mode, event.lo, event.hi);
    case 'write':
      return world.write(p, d, event.lo, event.hi);
    case 'writeback':
      return world.writeback(p, d, event.lo, event.hi);
    case 'chown':
      return world.chown(f, event.uid);
    case 'signal':
      return world.signal(p);
    case 'tick':
      return world.tick(event.dt);
    case 'unlink':
      // Allowed, and it ends nothing (Words).
      return world.tick(0);
    default:
      throw new Error(`unknown event ${op}`);
  }
}

/** For `ok` the rule says only where the reference stopped; a release is no event to its own caller; ENOSPC leaves no pin. */
function comparable(effects: readonly Seen[], { op }: Event): Seen[] {
  return effects
    .filter(seen => !(op === 'setlease' && seen.ended !== undefined) && seen.unpinned !== -1)
    .map(seen => (seen.verdict === 'ok' ? { ...seen, rule: '' } : seen));
}

function replay({ world: spec, title, steps }: History): void {
  const world = new World(spec);
  for (const [index, { event, expect }] of steps.entries()) {
    const where = `step ${index + 1} ${JSON.stringify(event)}`;
    if (event.op === 'getlease') {
      assert.equal([{ lease: world.getlease(event.p, event.d), rule: 'L8' }], expect.effects, where);
      continue;
    }
    const { verdict, rule } = perform(world, event);
    const amendment = amended[`${title}, step ${index + 1}`];
    assert.is(verdict, amendment ?? expect.verdict, where);
    if (verdict !== 'ok') assert.is(rule, expect.rule, where);
    assert.equal(comparable(world.effects(), event), comparable(expect.effects, event), where);
  }
}

const test = suite('directed histories, pure');
const all = load();
/** B6 is the kernel's inode lock: here every call arrives. */
const pure = all.filter(history => history.rule !== 'B6');

for (const history of pure) test(`${history.rule}: ${history.title}`, () => replay(history));

test('all 125 directed histories are here, and all but the one of B6 are replayed', () => {
  assert.is(all.length, 125);
  assert.is(pure.length, 124);
});

test.run();
