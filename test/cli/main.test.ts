// The command as a whole: help, versions, exit codes, errors in one line.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { allVerbs, verbs } from '../../src/cli/verbs.js';

const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const names = Object.keys(verbs);

function leasefs(...args: string[]) {
  return spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', timeout: 120_000 });
}

const test = suite('main');

test('help lists every verb and exits 0; no verb at all exits 2', () => {
  for (const words of [['help'], ['--help'], ['-h']]) {
    const { status, stdout } = leasefs(...words);
    assert.is(status, 0);
    for (const verb of names) assert.match(stdout, new RegExp(`^  ${verb} `, 'm'));
  }
  assert.is(leasefs().status, 2);
});

test('every verb has a help that fits a terminal of 92 columns', async () => {
  for (const { name, help } of await allVerbs()) {
    assert.match(help, new RegExp(`^usage: leasefs ${name}`));
    for (const line of help.split('\n')) assert.ok(line.length <= 92, line);
  }
  const { status, stdout } = leasefs('pins', '--help');
  assert.is(status, 0);
  assert.match(stdout, /^usage: leasefs pins/);
  assert.is(leasefs('help', 'pins').stdout, stdout);
});

test('--version is that of package.json, and says where it comes from', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  assert.is(leasefs('--version').stdout, `leasefs ${version} (checkout)\n`);
});

test('an addon that is not there or does not load is one line with what to do: exit 1', () => {
  for (const [path, why] of [
    ['/does/not/exist', 'there is none'],
    [cli, 'file too short'],
  ] as const) {
    const addon = path === cli ? `${tmpdir()}/leasefs-no-addon-${process.pid}.node` : path;
    if (path === cli) writeFileSync(addon, 'no addon');
    const { status, stderr } = spawnSync(process.execPath, [cli, 'status', '/'], {
      encoding: 'utf8',
      env: { ...process.env, LEASEFS_ADDON: addon },
    });
    rmSync(addon, { force: true });
    assert.is(status, 1);
    assert.match(
      stderr,
      new RegExp(`^leasefs status: no addon for linux-.*${why}.*: apt-get install g\\+\\+ .*\n$`),
    );
  }
});

test('an unknown verb is answered by the list, a wrong option by the help: exit 2', () => {
  const unknown = leasefs('mont', '/tmp');
  assert.is(unknown.status, 2);
  assert.match(unknown.stderr, 'mount, umount, status');
  const wrong = leasefs('pins', '--jason', '/tmp');
  assert.is(wrong.status, 2);
  assert.match(wrong.stderr, /leasefs pins: .*--jason/);
  assert.match(wrong.stderr, "'leasefs pins --help' tells more");
});

test('a path that is not there or not on leasefs is one line with what to do: exit 1', () => {
  for (const verb of ['status', 'leases', 'pins']) {
    for (const path of ['/proc', '/does/not/exist', cli]) {
      const { status, stderr, stdout } = leasefs(verb, path);
      assert.is(status, 1);
      assert.is(stdout, '');
      assert.is(stderr, `leasefs ${verb}: ${path} is not on a leasefs mount; \`leasefs mount\` makes one\n`);
    }
  }
});

test('umount of what is no leasefs is one line: exit 1', () => {
  assert.is(
    leasefs('umount', '/proc').stderr,
    'leasefs umount: /proc is a mount of type proc, not a leasefs\n',
  );
  const { status, stderr } = leasefs('umount', '/does/not/exist');
  assert.is(status, 1);
  assert.is(stderr, 'leasefs umount: /does/not/exist is not mounted\n');
});

test('a log that cannot be written is one line: exit 1', () => {
  const { status, stderr } = leasefs('mount', '--log', '/does/not/exist/log', '/does/not/exist');
  assert.is(status, 1);
  assert.match(stderr, /^leasefs mount: cannot write the log: .*\n$/);
});

test.run();
