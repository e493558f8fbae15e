// The bindings of native/include, in Python, Go and Rust: the same story by each, and pytest's fixture.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { cli, PATIENT } from '../support/mounted.js';
import { mountedSuite, needing } from '../support/suites.js';
import { buildGo, must, run } from './installed.js';

const top = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const include = top('native/include');
const stories = top('test/programs/bindings');

mountedSuite('bindings', { args: PATIENT }, ({ test, mount }) => {
  let scratch: string;
  test.before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'leasefs-bindings-'));
  });
  test.after(() => rmSync(scratch, { recursive: true }));

  const truncate = (path: string): string =>
    spawnSync('truncate', ['-s', '0', path], { encoding: 'utf8' }).stderr;

  /** Its lines are 'pinned', 'watching' and 'answered'. */
  async function tell(name: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
    const path = mount.file(name);
    writeFileSync(path, Buffer.alloc(65536, 1));
    const [program, ...args] = command;
    const child = spawn(program!, [...args, path], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    const ended = once(child, 'exit');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const line = async (): Promise<unknown> => (await lines.next()).value;
    try {
      assert.is(await line(), 'pinned');
      assert.match(truncate(path), 'Text file busy');
      child.stdin.end('\n');
      assert.is(await line(), 'watching');
      // truncate(1) opens with O_NONBLOCK and does not wait.
      const breaking = must(['python3', '-c', 'import os, sys; os.truncate(sys.argv[1], 0)', path]);
      assert.is(await line(), 'answered');
      await breaking;
      assert.equal(await ended, [0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  }

  needing(test, 'python3')('Python', () =>
    tell('python', ['python3', '-B', join(stories, 'story.py')], { PYTHONPATH: include }),
  );

  needing(test, 'go')('Go', async () => {
    const program = join(scratch, 'story-go');
    await buildGo(scratch, join(stories, 'story.go'), program);
    await tell('go', [program]);
  });

  needing(test, 'rustc')('Rust', async () => {
    const program = join(scratch, 'story-rust');
    await must(['rustc', '-D', 'warnings', '--edition', '2021', '-o', program, join(stories, 'story.rs')]);
    await tell('rust', [program]);
  });

  test('leasefs include-dir names their directory', async () => {
    assert.is(await must([process.execPath, cli, 'include-dir']), `${include}\n`);
  });

  needing(test, 'pytest')("pytest's fixture mounts for the session, or skips", async () => {
    const tests = join(scratch, 'pytest');
    mkdirSync(tests);
    writeFileSync(join(tests, 'conftest.py'), 'pytest_plugins = ["leasefs"]\n');
    writeFileSync(
      join(tests, 'test_it.py'),
      `import os, leasefs as l

def test_lease(leasefs):
    fd = os.open(leasefs / "f", os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, 8192)
    l.set_lease(fd, l.EXCLUSIVE)
    assert l.pin(fd, 0, 8192) > 0
    os.close(fd)
`,
    );
    const pytest = [
      'python3',
      '-B',
      '-m',
      'pytest',
      '-p',
      'no:cacheprovider',
      '--rootdir',
      tests,
      '-q',
      tests,
    ];
    const where = { PYTHONPATH: include, LEASEFS_REQUIRE: '0' };
    const withCommand = `${top('bin')}:${process.env.PATH}`;
    assert.match(await must(pytest, { ...where, PATH: withCommand }), '1 passed');
    const nowhere = { ...where, PATH: '/usr/bin:/bin' };
    assert.match(await must(pytest, nowhere), '1 skipped');
    const { code, stdout } = await run(pytest, { ...nowhere, LEASEFS_REQUIRE: '1' });
    assert.is(code, 1);
    assert.match(stdout, 'leasefs is not installed');
    assert.match(await must(pytest, { ...nowhere, LEASEFS_MNT: mount.path }), '1 passed');
  });
});
