// Memory regions of an unmodified program under `leasefs run`, by what lies behind them: several files, plain memory, a
// file of another file system, all at once; and what `.leasefs/pid/PID/file_pins` shows during that. In the virtual machine
// of `npm run test:vm` only.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { Mounted } from '../support/mounted.js';
import { under } from '../support/mounts.js';
import { timeFactor } from '../support/time-factor.js';
import { must } from './host.js';
import { bringUpRdma } from './rdma-device.js';

const source = fileURLToPath(new URL('../../../test/vm/regions.c', import.meta.url));
const LIMIT_MS = 60_000 * timeFactor;
const PART = 64 << 10;
const DEVICE = /^\d+: \/dev\/infiniband\/uverbs0\n/;
const test = suite('RDMA regions by what lies behind them');

/** regions.c under the supervisor: a line in, a line out. */
class Program {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  private readonly late: NodeJS.Timeout;

  constructor(program: string, mount: Mounted) {
    const [command, ...args] = [...under(mount), program];
    this.child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const reader: Interface = createInterface(this.child.stdout!);
    this.lines = reader[Symbol.asyncIterator]();
    this.late = setTimeout(() => this.child.kill('SIGKILL'), LIMIT_MS);
  }

  async line(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error('the program ended');
    return value;
  }

  do(...words: readonly (string | number)[]): Promise<string> {
    this.child.stdin!.write(`${words.join(' ')}\n`);
    return this.line();
  }

  /** The number of the mapping. */
  async map(...parts: readonly string[]): Promise<string> {
    const [verdict, mapping] = (await this.do('map', ...parts)).split(' ');
    assert.is(verdict, 'ok');
    return mapping!;
  }

  async end(): Promise<void> {
    clearTimeout(this.late);
    const ended = new Promise(resolve => this.child.once('close', resolve));
    this.child.stdin!.end();
    await ended;
  }
}

if (process.env.LEASEFS_VM === undefined) test.skip('not in the virtual machine: npm run test:vm');
else {
  bringUpRdma();
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-regions-'));
  const compiled = join(scratch, 'regions');
  must('gcc', '-Wall', '-Wextra', '-Werror', '-O1', source, '-o', compiled, '-libverbs');
  let mount: Mounted;
  let program: Program;
  let pid: string;

  test.before(async () => {
    mount = await Mounted.start();
  });
  test.before.each(async () => {
    program = new Program(compiled, mount);
    pid = await program.line();
  });
  test.after.each(() => program.end());
  test.after(async () => {
    await mount.stop();
    rmSync(scratch, { recursive: true });
  });

  /** Path and range of each pin. */
  const pinned = (): string[] =>
    mount
      .report('pins')
      .pins.map(({ path, off, len }) => `${path} ${off} ${len}`)
      .sort();
  const shown = (): string => readFileSync(mount.file(`.leasefs/pid/${pid}/file_pins`), 'utf8');

  test('N1: a region over two files needs a lease on each, and pins both', async () => {
    const [a, b] = [mount.file('a'), mount.file('b')];
    const both = await program.map(a, b);
    assert.is(await program.do('lease', a), 'ok');
    assert.is(await program.do('register', both), 'EPERM', 'one of them has no lease');
    assert.equal(pinned(), [], 'nothing of it is pinned');
    assert.is(await program.do('lease', b), 'ok');
    assert.is(await program.do('register', both), 'ok');
    assert.equal(pinned(), [`/a 0 ${PART}`, `/b 0 ${PART}`]);
    const [device, ...paths] = shown().trimEnd().split('\n');
    assert.match(`${device}\n`, DEVICE);
    assert.equal(paths.sort(), [`   ${a}`, `   ${b}`]);
    assert.is(await program.do('deregister', both), 'ok');
    await eventually('no pin is left', () => pinned().length === 0);
  });

  test('two regions of a device stand below it, and go one by one', async () => {
    const [c, d] = [mount.file('c'), mount.file('d')];
    const [first, second] = [await program.map(c), await program.map(d)];
    for (const file of [c, d]) assert.is(await program.do('lease', file), 'ok');
    for (const mapping of [first, second]) assert.is(await program.do('register', mapping), 'ok');
    assert.match(shown(), DEVICE);
    assert.ok(shown().includes(`   ${c}\n`) && shown().includes(`   ${d}\n`), shown());
    assert.is(await program.do('deregister', first), 'ok');
    await eventually('one pin is left', () => pinned().length === 1);
    assert.match(shown().replace(DEVICE, ''), new RegExp(`^ {3}${d}\n$`));
  });

  test('plain memory and files of other file systems are not listed', async () => {
    for (const part of ['-', join(scratch, 'elsewhere')])
      assert.is(await program.do('register', await program.map(part)), 'ok');
    assert.equal(pinned(), []);
  });

  test('of a region over all of them what is ours is pinned, under its lease', async () => {
    const ours = mount.file('e');
    const all = await program.map('-', join(scratch, 'elsewhere'), ours, '-');
    assert.is(await program.do('register', all), 'EPERM');
    assert.is(await program.do('lease', ours), 'ok');
    assert.is(await program.do('register', all), 'ok');
    assert.equal(pinned(), [`/e 0 ${PART}`]);
    assert.match(shown().replace(DEVICE, ''), new RegExp(`^ {3}${ours}\n$`));
  });
}

test.run();
