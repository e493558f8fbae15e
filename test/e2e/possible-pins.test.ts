// N12: what a process holds that pins memory unseen, here an AF_XDP socket, makes what it maps of a file a possible pin.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { cli, Mounted } from '../support/mounted.js';
import { BLOCK } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const program = fileURLToPath(new URL('../../../test/support/umem.py', import.meta.url));
const SIZE = 8 * BLOCK;

/** A process that has a socket of AF_XDP with memory. */
class Umem {
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  private constructor(path: string, length: number, ofFile: boolean) {
    this.child = spawn('python3', [program, path, `${length}`, ofFile ? '1' : '0'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.answers = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  static async start(path: string, length: number, ofFile = true): Promise<Umem> {
    const umem = new Umem(path, length, ofFile);
    const { value } = await umem.answers.next();
    assert.match(`${value}`, 'ready');
    return umem;
  }

  get pid(): number {
    return this.child.pid!;
  }

  async ask(what: 'truncate' | 'socket'): Promise<string> {
    this.child.stdin!.write(`${what}\n`);
    const { value } = await this.answers.next();
    return `${value}`;
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}

const needs = ['python3', 'af-xdp'] as const;
mountedSuite('possible pins', { store: 'direct', needs }, ({ test, mount }) => {
  let files = 0;
  let umem: Umem | undefined;

  const newFile = (on: Mounted = mount): string => {
    const path = on.file(`f${files++}`);
    writeFileSync(path, Buffer.alloc(SIZE, 1));
    return path;
  };
  const truncated = (path: string, size = 0): string => {
    try {
      truncateSync(path, size);
      return 'ok';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code!;
    }
  };
  const run = (...args: readonly string[]): string =>
    spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' }).stdout;

  test.after.each(async () => {
    await umem?.end();
    umem = undefined;
  });

  test('N12: what the process maps is refused to others, EDEADLK to itself; the rest of the file goes on', async () => {
    const path = newFile();
    umem = await Umem.start(path, 4 * BLOCK);
    assert.is(truncated(path), 'ETXTBSY');
    assert.is(statSync(path).size, SIZE);
    assert.match(
      mount.log(),
      new RegExp(
        `\\[X1\\]; possible pin \\[0, 16384\\) of ${umem.pid} \\(python3\\), .* by AF_XDP socket \\d+: .*\\[N12\\]`,
      ),
    );
    assert.is(await umem.ask('truncate'), 'EDEADLK');
    assert.is(truncated(path, 4 * BLOCK), 'ok');
  });

  test('N12: it ends with the socket, and with the process', async () => {
    const path = newFile();
    umem = await Umem.start(path, SIZE);
    assert.is(truncated(path), 'ETXTBSY');
    assert.is(await umem.ask('socket'), 'closed');
    assert.is(truncated(path, 4 * BLOCK), 'ok');
    await umem.end();
    umem = await Umem.start(path, 4 * BLOCK);
    assert.is(truncated(path), 'ETXTBSY');
    await umem.end();
    await eventually('the process to be gone', () => truncated(path) === 'ok');
  });

  test('N12: a private mapping and another file are no possible pins', async () => {
    const path = newFile();
    const other = newFile();
    umem = await Umem.start(path, SIZE, false);
    assert.is(truncated(path), 'ok');
    assert.is(truncated(other), 'ok');
  });

  test('N12: pins and status list it as possible', async () => {
    const path = newFile();
    umem = await Umem.start(path, SIZE);
    assert.match(
      run('pins', path),
      new RegExp(`python3 +${umem.pid} +AF_XDP socket \\d+ possible +\\[0,32k\\) +${path}\n`),
    );
    const [pin] = JSON.parse(run('pins', '--json', path)).unleased;
    assert.equal([pin.by, pin.possible, pin.pid], ['AF_XDP socket', true, umem.pid]);
    assert.match(run('status', mount.path), `${umem.pid} python3 (AF_XDP socket ${pin.ring}, possible)`);
  });

  for (const policy of ['warn', 'allow'] as const) {
    test(`N12: --unseen-pins=${policy} makes the change`, () =>
      Mounted.during(['--store', 'direct', '--unseen-pins', policy], async there => {
        const path = newFile(there);
        umem = await Umem.start(path, SIZE);
        assert.is(truncated(path), 'ok');
        assert.is(
          /allowed: truncate to 0 .* in spite of a possible pin/.test(there.log()),
          policy === 'warn',
        );
        await umem.end();
      }));
  }
});
