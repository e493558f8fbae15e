// When the daemon looks for the next request before it sleeps: waits go in, the time to spin comes out.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AUTO_US, Spinning } from '../../src/fuse/spinning.js';

const test = suite('spinning');

const SOON = 10;
const LATE = 300;
const PAUSE = 50_000;

const auto = (cpus = 2): Spinning => new Spinning('auto', () => cpus);

/** Gives it `n` requests that came after `waited` us; how many of them it spun for. */
function feed(spinning: Spinning, waited: number, n: number): number {
  let spins = 0;
  for (let i = 0; i < n; i++) {
    if (spinning.limit > 0) spins++;
    spinning.came(waited);
  }
  return spins;
}

test('auto begins after some requests that came soon, and never with one CPU', () => {
  const spinning = auto();
  assert.is(spinning.limit, 0);
  feed(spinning, SOON, 20);
  assert.is(spinning.limit, AUTO_US);
  for (const cpus of [1, 0.5, 1.5]) assert.is(feed(auto(cpus), SOON, 10_000), 0);
});

test('auto: requests that come after pauses are no reason to begin', () => {
  assert.is(feed(auto(), PAUSE, 10_000), 0);
});

test('auto: where every spin is in vain, as on the CPU of the client, less and less is spun', () => {
  const spinning = auto();
  feed(spinning, SOON, 100);
  assert.ok(feed(spinning, LATE, 10) <= 4, 'it stops at once');
  assert.is(spinning.limit, 0);
  feed(spinning, LATE, 10_000);
  assert.ok(feed(spinning, LATE, 100_000) <= 30, 'a try in thousands');
});

test('auto: a client that pauses keeps its trust; a spin of 50 us in 50 ms is little', () => {
  const spinning = auto();
  for (let i = 0; i < 50; i++) {
    feed(spinning, SOON, 30);
    feed(spinning, PAUSE, 1);
  }
  assert.is(spinning.limit, AUTO_US);
  feed(spinning, PAUSE, 1000);
  assert.ok(spinning.counts!.us <= 50 * 30 * SOON + 1050 * AUTO_US);
});

test('auto: when it pays again, it is found out', () => {
  const spinning = auto();
  feed(spinning, LATE, 50_000);
  const before = feed(spinning, SOON, 10_000);
  assert.ok(before > 5000, `${before} of 10,000 spun for`);
  assert.is(feed(spinning, SOON, 100), 100);
});

test('auto: one request in ten that is late does not end it, one in two does', () => {
  const spinning = auto();
  feed(spinning, SOON, 100);
  let spins = 0;
  for (let i = 0; i < 100; i++) spins += feed(spinning, SOON, 9) + feed(spinning, LATE, 1);
  assert.is(spins, 1000);
  spins = 0;
  for (let i = 0; i < 1000; i++) spins += feed(spinning, SOON, 1) + feed(spinning, LATE, 1);
  assert.ok(spins < 200, `${spins} of 2000`);
});

test('auto: a row of late requests now and then costs a few spins each time', () => {
  const spinning = auto();
  feed(spinning, LATE, 50_000);
  feed(spinning, SOON, 10_000);
  let spins = 0;
  for (let i = 0; i < 100; i++) spins += feed(spinning, SOON, 95) + feed(spinning, LATE, 5);
  assert.ok(spins > 7500, `${spins} of 10,000`);
});

test('auto: a smaller affinity ends it at the next try, and not before', () => {
  let cpus = 2;
  const spinning = new Spinning('auto', () => cpus);
  feed(spinning, SOON, 100);
  cpus = 1;
  feed(spinning, LATE, 10);
  assert.is(feed(spinning, SOON, 10_000), 0);
});

test('a given time is spun always, and off never', () => {
  const given = new Spinning(70, () => 1);
  assert.is(given.limit, 70);
  assert.is(feed(given, LATE, 1000), 1000);
  assert.equal(given.counts, { mode: '70 us', found: 0, vain: 1000, us: 70_000 });
  const off = new Spinning(0, () => 2);
  assert.is(feed(off, SOON, 1000), 0);
  assert.equal(off.counts, { mode: 'off', found: 0, vain: 0, us: 0 });
});

test('the counts say what was found, what not, and the time of both', () => {
  const spinning = auto();
  feed(spinning, SOON, 8);
  feed(spinning, SOON, 5);
  feed(spinning, LATE, 1);
  feed(spinning, PAUSE, 1);
  assert.equal(spinning.counts, { mode: 'auto', found: 5, vain: 2, us: 5 * SOON + 2 * AUTO_US });
});

test.run();
