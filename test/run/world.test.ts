// The world of a program under `leasefs run` is its own: what it inherits, which signals reach it and how often, and what is
// left when the run is ended at any moment, also by SIGKILL.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { cli, stores } from '../support/mounted.js';
import { mountedSuite, needing, suiteNeeding } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';
import { asOrdinaryUser } from './ordinary-user.js';

const LIMIT_MS = 60_000 * timeFactor;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const leasefs = join(root, 'bin/leasefs');
const script = (name: string): string => join(root, 'test/run', name);

mountedSuite('the world of leasefs run', {}, ({ test, mount }) => {
  test('descriptors, ignored signals, limits, bytes of words and of the environment are those without run', () => {
    const folder = mkdtempSync(join(tmpdir(), 'leasefs-world-'));
    try {
      const words = [folder, leasefs, 'run', '--at', mount.path, '--output', join(folder, 'report')];
      const { status, stderr } = spawnSync('sh', [script('inherits.sh'), ...words], {
        encoding: 'utf8',
        timeout: LIMIT_MS,
      });
      assert.is(status, 0, stderr);
      const without = readFileSync(join(folder, 'without'), 'latin1');
      const under = readFileSync(join(folder, 'with'), 'latin1');
      assert.match(without, /Max open files +777 /);
      assert.match(without, '3 -> ');
      const expected = without.replace('{}x', `${mount.path}x`).split('\n');
      const lines = under.split('\n');
      assert.is(lines.length, expected.length);
      const differing = lines.flatMap((line, n) => (line === expected[n] ? [] : [[line, expected[n]]]));
      assert.equal(differing, []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  const signals = (how: string) =>
    spawnSync('python3', [script('signals.py'), how, leasefs, mount.path], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });

  needing(test, 'python3')(
    'a Ctrl-C, and a signal to the process group, arrive once, and one that is sent to run alone arrives too',
    () => {
      const { stdout, stderr } = signals('count');
      assert.is(stdout, '4 0\n', stderr);
    },
  );

  needing(test, 'python3')('signals that are blocked and pending are those without run', () => {
    const { stdout, stderr } = signals('inherit');
    const [without, under] = stdout.trimEnd().split('\n\n');
    assert.match(without!, /^ShdPnd:\t0000000200004000$/m, stderr);
    assert.is(under, without, stderr);
  });

  test('the command reads from our standard input, and waits there: what comes late arrives', async () => {
    const args = [cli, 'run', '--at', mount.path, '--', 'sh', '-c', 'echo up; sleep 0.3; exec cat'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'], timeout: LIMIT_MS });
    let said = '';
    for await (const piece of child.stdout) {
      said += piece;
      // Now the supervisor is there; the answer comes when cat has found nothing at first.
      if (said === 'up\n') setTimeout(() => child.stdin.end('late'), 1000);
    }
    assert.is(said, 'up\nlate');
  });

  test('a pipe of the program is as its parent made it: no O_NONBLOCK', async () => {
    const look = 'cat /proc/$$/fdinfo/1 /proc/$$/fdinfo/2 | grep flags';
    const child = spawn(leasefs, ['run', '--at', mount.path, '--', 'sh', '-c', look], {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
    });
    let said = '';
    child.stdout!.setEncoding('utf8').on('data', data => {
      said += data;
    });
    await once(child, 'close');
    const flags = [...said.matchAll(/flags:\s*(\d+)/g)].map(([, octal]) => Number.parseInt(octal!, 8));
    assert.is(flags.length, 2);
    for (const value of flags) assert.is(value & 0o4000, 0);
  });
});

/** Whose run it is, and how it is started. */
const users = [
  { who: 'root', needs: [], through: (_: string) => [leasefs] },
  { who: 'an ordinary user', needs: ['fuse3', 'unshare'], through: asOrdinaryUser },
] as const;

for (const { who, needs, through } of users) {
  suiteNeeding(`the end of leasefs run by ${who}`, ['mount', ...needs], test => {
    const scratch = mkdtempSync(join(tmpdir(), 'leasefs-end-'));
    chmodSync(scratch, 0o777);
    test.after(() => rmSync(scratch, { recursive: true }));

    /** A run with a directory for temporary files of its own, where its mount is. */
    const begin = (store: string, ...command: readonly string[]) => {
      const folder = mkdtempSync(join(scratch, 'tmp-'));
      chownSync(folder, 1000, 1000);
      chmodSync(folder, 0o777);
      const [program, ...words] = [...through(scratch), 'run', '--store', store, '--', ...command];
      const child = spawn(program!, words, {
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: LIMIT_MS,
        cwd: '/',
        env: { ...process.env, TMPDIR: folder },
      });
      return { folder, child, ended: once(child, 'exit') };
    };

    /** The processes of leasefs that serve a mount in the folder. */
    const daemonsOf = (folder: string): number[] =>
      readdirSync('/proc')
        .map(Number)
        .filter(
          pid => pid > 0 && commandLine(pid).includes('--foreground') && commandLine(pid).includes(folder),
        );

    const nothingLeft = (folder: string): boolean =>
      readdirSync(folder).length === 0 && daemonsOf(folder).length === 0;

    const moments = [
      ['SIGTERM', 15, 'before it mounts'],
      ['SIGINT', 2, 'before it mounts'],
      ['SIGHUP', 1, 'when it is mounted'],
    ] as const;

    // What is inherited and what is left does not depend on the store: an ordinary user has the pooled one.
    for (const store of who === 'root' ? stores.slice(0, 1) : (['pooled'] as const)) {
      for (const [signal, number, moment] of moments) {
        test(`${signal} ${moment}: the program ends by it, and nothing stays, ${store}`, async () => {
          const { folder, child, ended } = begin(store, 'sleep', '1000');
          await eventually(moment, () =>
            moment === 'before it mounts'
              ? readdirSync(folder).length > 0
              : readOr(`/proc/${child.pid}/mountinfo`).includes(folder),
          );
          child.kill(signal);
          assert.equal(await ended, [128 + number, null]);
          await eventually('the end of the daemon', () => nothingLeft(folder));
        });
      }

      test(`a signal after the end of the program changes nothing, ${store}`, async () => {
        const { folder, child, ended } = begin(store, 'sh', '-c', 'echo $$');
        const [line] = await once(child.stdout!, 'data');
        await eventually('the end of the program', () => !existsSync(`/proc/${Number(`${line}`)}`));
        child.kill('SIGTERM');
        assert.equal(await ended, [0, null]);
        await eventually('the end of the daemon', () => nothingLeft(folder));
      });

      test(`SIGKILL of the supervisor: the program goes on, mount, daemon and directory go, ${store}`, async () => {
        const go = mkdtempSync(join(scratch, 'go-'));
        chmodSync(go, 0o755);
        const program = `cd "$LEASEFS_MNT" && echo data >file && exec 5<file && echo ready
          until [ -e ${go}/now ]; do sleep 0.05; done; cat <&5`;
        const { folder, child, ended } = begin(store, 'sh', '-c', program);
        let said = '';
        child.stdout!.setEncoding('utf8').on('data', data => {
          said += data;
        });
        await eventually('its file', () => said === 'ready\n');
        const closed = once(child.stdout!, 'close');
        child.kill('SIGKILL');
        assert.equal(await ended, [null, 'SIGKILL']);
        await eventually('no mount', () => readdirSync(folder).length === 0);
        writeFileSync(join(go, 'now'), '');
        await closed;
        assert.is(said, 'ready\ndata\n');
        await eventually('the end of the daemon', () => nothingLeft(folder));
      });

      test(`SIGKILL of the supervisor while it mounts: nothing stays, ${store}`, async () => {
        const { folder, child, ended } = begin(store, 'sleep', '1000');
        await eventually('the daemon', () => daemonsOf(folder).length > 0);
        child.kill('SIGKILL');
        await ended;
        await eventually('nothing', () => nothingLeft(folder));
      });
    }
  });
}

const commandLine = (pid: number): string => readOr(`/proc/${pid}/cmdline`);

function readOr(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
