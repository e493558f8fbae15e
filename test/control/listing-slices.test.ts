// Listings and reports are made in slices: how many rows in a turn of the event loop, and that all are there. No mount.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHARED } from '../../src/abi/kinds.js';
import type { Gather } from '../../src/base/gather.js';
import { type InodeNumber, type Name, ROOT_INO } from '../../src/base/units.js';
import { ControlTree } from '../../src/control/tree.js';
import { Attr, Caller, Opened, PARKED } from '../../src/fs/operations.js';
import { unmounted } from '../support/unmounted.js';

const test = suite('listings in slices');

const FILES = 200;
/** Rows of a slice (kept-text.ts). */
const ROWS = 32;
const O_RDWR = 2;

/** A filesystem with 200 files, each with a lease, and as many with a pin as RLIMIT_MEMLOCK allows. */
function leased() {
  const made = unmounted(1000);
  const { filesystem, caller } = made;
  filesystem.show(
    new ControlTree({ filesystem, mountPoint: '/mnt', listed: true, allowInject: false, upgrade: undefined }),
  );
  const attr = new Attr();
  const opened = new Opened();
  let pinned = 0;
  for (let n = 0; n < FILES; n++) {
    assert.is(filesystem.create(caller, ROOT_INO, `f${n}` as Name, 0o644, O_RDWR, attr, opened), 0);
    const { fh } = opened;
    const data = new ArrayBuffer(1);
    assert.is(filesystem.write(caller, attr.ino, fh, 0, 1, data, 0, false), 1);
    const request = { kind: SHARED, nonblock: true, signal: 0, cookie: 0n } as const;
    assert.is(filesystem.setLease(caller, attr.ino, fh, request), 0);
    if (filesystem.pin(caller, attr.ino, fh, { off: 0, len: 4096, owner: undefined }) > 0) pinned++;
  }
  const find = (dir: InodeNumber, name: string): InodeNumber => {
    assert.is(filesystem.lookup(caller, dir, name as Name, attr), 0);
    return attr.ino;
  };
  const top = find(ROOT_INO, '.leasefs');
  /** The file's text, and what each turn of the event loop has looked at: paths of files. */
  const read = async (name: string) => {
    const ino = find(top, name);
    assert.is(filesystem.open(caller, ino, 0, opened), 0);
    const { fh } = opened;
    const out = new ArrayBuffer(1 << 20);
    const steps: number[] = [];
    let paths = 0;
    const { plane } = filesystem;
    const pathOf = plane.pathOf.bind(plane);
    plane.pathOf = (...args) => {
      paths++;
      return pathOf(...args);
    };
    let answer = PARKED;
    made.retry = () => {
      paths = 0;
      answer = filesystem.read(caller, ino, fh, 0, out.byteLength, out, 0, {} as Gather, false);
      steps.push(paths);
    };
    made.retry();
    while (answer === PARKED) await new Promise(resolve => setImmediate(resolve));
    plane.pathOf = pathOf;
    filesystem.release(fh);
    return { text: Buffer.from(out, 0, answer).toString(), steps };
  };
  assert.ok(pinned > 0);
  return { filesystem, read, pinned };
}

test('each of .leasefs has all rows, 32 of them a turn', async () => {
  const { filesystem, read, pinned } = leased();
  for (const name of ['leases', 'pins']) {
    const { text, steps } = await read(name);
    const rows = text.trimEnd().split('\n').slice(1);
    const all = name === 'leases' ? FILES : pinned;
    assert.is(rows.length, all);
    for (const [n, row] of rows.entries()) assert.ok(row.endsWith(` /f${n}`), row);
    assert.ok(Math.max(...steps) <= ROWS, `${name}: ${steps}`);
    assert.ok(steps.length >= all / ROWS, `${name}: ${steps}`);
    const json = await read(`${name}.json`);
    assert.ok(Math.max(...json.steps) <= ROWS, `${name}.json: ${json.steps}`);
    const content = JSON.parse(json.text) as Record<string, { path: string }[]>;
    assert.equal(
      content[name]!.map(({ path }) => path),
      Array.from({ length: all }, (_, n) => `/f${n}`),
    );
    assert.is(json.text, `${JSON.stringify(content, null, 2)}\n`);
  }
  const { text, steps } = await read('stats');
  assert.match(text, new RegExp(`^leases ${FILES}$`, 'm'));
  assert.match(text, new RegExp(`^pinnedBytes ${pinned * 4096}$`, 'm'));
  assert.is(Math.max(...steps), 0, 'no path is needed for numbers');
  filesystem.destroy();
});

test('a process that has made no pin is no entry of pid, and no path is needed to say so', () => {
  const { filesystem } = leased();
  const { plane } = filesystem;
  let paths = 0;
  plane.pathOf = () => {
    paths++;
    return '/';
  };
  const caller = Object.assign(new Caller(), { tid: process.pid });
  const attr = new Attr();
  filesystem.lookup(caller, ROOT_INO, '.leasefs' as Name, attr);
  filesystem.lookup(caller, attr.ino, 'pid' as Name, attr);
  const { ino } = attr;
  assert.is(filesystem.lookup(caller, ino, '999999999' as Name, attr), -2);
  assert.is(filesystem.lookup(caller, ino, `${process.pid}` as Name, attr), 0);
  const names: string[] = [];
  const sink = { add: (name: Name) => names.push(name) > 0 };
  assert.is(filesystem.opendir(caller, ino, 0, new Opened()), 0);
  assert.is(filesystem.readdir(caller, ino, 0 as never, 0, false, sink), 0);
  assert.equal(names, ['.', '..', `${process.pid}`]);
  assert.is(paths, 0);
  filesystem.destroy();
});

test.run();
