// Runs of random.c under `leasefs run`, each compared at its end with what the kernel and the daemon know: no buffer that /proc
// lists is without a pin, no pin is without its buffer, leases are those of F_GETLEASE, and the end of the processes ends all.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import * as assert from 'uvu/assert';
import { readKindName } from '../../src/abi/kinds.js';
import { parseBuffers, RING } from '../../src/process/registered-buffers.js';
import type { RunReport } from '../../src/run/report.js';
import { eventually } from '../support/actors.js';
import type { Mounted } from '../support/mounted.js';
import { launched, reporting } from './launched.js';

/** Of random.c. */
const FILES = 3;
const PAGE = 4096;
const SIZE = 16 * PAGE;
const placeOf = (file: number): number => 0x2000_0000_0000 + file * 0x1_0000_0000;

/** 'FILE PAGE' */
type Pages = ReadonlySet<string>;

/** @param output where the report of the run goes. */
export async function randomRuns(
  mount: Mounted,
  program: string,
  output: string,
  seeds: readonly number[],
): Promise<void> {
  const words = [...reporting(mount.path, output), program, '{}'];
  const child = spawn(launched.program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the program has ended');
    return value;
  };
  for (const seed of seeds) {
    child.stdin.write(`${seed}\n`);
    try {
      await compare(mount, seed % 2 === 0, next, () => child.stdin.write('\n'));
    } catch (error) {
      child.stdin.end();
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    }
  }
  child.stdin.end();
  assert.equal(await exited, [0, null]);
  const report = JSON.parse(readFileSync(output, 'utf8')) as RunReport;
  const ended = ({ ended }: { readonly ended: boolean }) => ended;
  assert.ok(report.pins.every(ended), 'a pin that has not ended');
  assert.ok(report.zombies.every(ended), 'a zombie that has not ended');
  assert.not(report.leases.some(({ end }) => end === 'held'));
  assert.not(report.unleased.some(({ letThrough }) => letThrough));
  assert.is(report.lost, 0);
}

async function compare(
  mount: Mounted,
  onlyListed: boolean,
  next: () => Promise<string>,
  goOn: () => void,
): Promise<void> {
  const [word, ...pids] = (await next()).split(' ');
  assert.is(word, 'finished');
  await eventually('the end of the breaks', () =>
    mount.report('leases').leases.every(({ state }) => state !== 'breaking'),
  );
  let listed: Pages = new Set();
  await eventually('rings that no other process looks at', () => {
    const seen = listedBy(pids);
    listed = seen ?? listed;
    return seen !== undefined;
  });
  const pinned = pinnedPages(mount);
  const unseen = [...listed].filter(page => !pinned.has(page));
  assert.equal(unseen, [], `registered, and no pin: ${unseen.join(', ')}`);
  if (onlyListed) {
    let stale: string[] = [];
    await eventually('the end of the pins that ended', () => {
      stale = [...pinnedPages(mount)].filter(page => !listed.has(page));
      return stale.length === 0;
    }).catch(error => {
      throw new Error(`${error.message}: pins of ${stale.join(', ')}`);
    });
  }
  goOn();
  const reported = new Set<string>();
  for (let line = await next(); line !== 'reported'; line = await next()) {
    const [what, file, kind] = line.split(' ');
    assert.is(what, 'lease', line);
    reported.add(`/random-${file} ${readKindName(Number(kind))}`);
  }
  const expected = [...reported].sort().join();
  let held = '';
  // The supervisor has a copy of the file of a process that was killed in a lease call, until that call is answered.
  await eventually('the end of leases of killed processes', () => {
    const { leases } = mount.report('leases');
    const kinds = leases.filter(({ state }) => state === 'held').map(({ path, kind }) => `${path} ${kind}`);
    held = [...new Set(kinds)].sort().join();
    return held === expected;
  }).catch(error => {
    throw new Error(`${error.message}: ${held} instead of ${expected}`);
  });
  goOn();
  assert.is(await next(), 'over');
  await eventually(
    'the end of all leases and pins',
    () => mount.report('leases').leases.length === 0 && mount.report('pins').pins.length === 0,
  );
}

/** The pages of the files that some ring of the processes lists; undefined: one is being looked at, by the daemon. */
function listedBy(pids: readonly string[]): Pages | undefined {
  const pages = new Set<string>();
  for (const pid of pids) {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      if (readlinkSync(`/proc/${pid}/fd/${fd}`) !== RING) continue;
      const buffers = parseBuffers(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'));
      if (buffers === 'busy') return undefined;
      for (const { address, length } of buffers)
        for (let at = address; at < address + length; at += PAGE) add(pages, at);
    }
  }
  return pages;
}

function add(pages: Set<string>, address: number): void {
  for (let file = 0; file < FILES; file++) {
    const off = address - placeOf(file);
    if (off >= 0 && off < SIZE) pages.add(`${file} ${off / PAGE}`);
  }
}

function pinnedPages(mount: Mounted): Pages {
  const pages = new Set<string>();
  for (const { path, off, len } of mount.report('pins').pins)
    for (let at = off; at < off + len; at += PAGE) pages.add(`${path?.replace('/random-', '')} ${at / PAGE}`);
  return pages;
}
