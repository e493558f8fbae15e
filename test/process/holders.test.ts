// A1: every process that is seen to hold a file open, tried on tmpfs with real processes.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdersOf, usersOf } from '../../src/process/holders.js';
import { eventually } from '../support/actors.js';
import { timeFactor } from '../support/time-factor.js';

const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const dir = mkdtempSync('/dev/shm/leasefs-holders-');
const path = join(dir, 'f');
writeFileSync(path, Buffer.alloc(8192));
const { dev, ino } = statSync(path);

/** Runs `leasefs io` with the chain, then `look` once it says `until`. */
async function whileHeld(chain: string, until: string, look: (pid: number) => void): Promise<void> {
  const child = spawn(process.execPath, [cli, 'io', '-c', chain, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000 * timeFactor);
  const ended = new Promise(resolve => child.on('exit', resolve));
  try {
    let seen = '';
    for await (const data of child.stdout) {
      seen += data;
      if (seen.includes(until)) break;
    }
    look(child.pid!);
  } finally {
    child.kill('SIGKILL');
    clearTimeout(late);
    await ended;
  }
}

const test = suite('holders');
test.after(() => rmSync(dir, { recursive: true }));

test('A1: a process with a descriptor is named, with its command and the descriptor', async () => {
  await whileHeld('pread 0 1; sleep 600000', 'pread', pid => {
    const [holder, ...more] = holdersOf(dev, new Set([ino])).get(ino) ?? [];
    assert.equal(more, []);
    assert.is(holder?.pid, pid);
    assert.is(holder?.command, 'leasefs-io');
    assert.is(holder?.fds.length, 1);
    assert.is(holder?.mapped, false);
  });
});

test('A1: a mapping alone is seen too', async () => {
  await whileHeld('mmap 0 4k; close; sleep 600000', 'close', pid => {
    const [holder] = holdersOf(dev, new Set([ino])).get(ino) ?? [];
    assert.equal([holder?.pid, holder?.fds, holder?.mapped], [pid, [], true]);
  });
});

test('A1: a fork that holds the same description is named beside its parent', async () => {
  await whileHeld('fork { pread 0 1; sleep 120000 }; sleep 600000', '[1] pread', pid => {
    const holders = holdersOf(dev, new Set([ino])).get(ino) ?? [];
    assert.is(holders.length, 2);
    assert.ok(holders.some(holder => holder.pid === pid));
    for (const holder of holders) if (holder.pid !== pid) process.kill(holder.pid, 'SIGKILL');
  });
});

test('no process holds a file that is closed, and the caller itself is left out', async () => {
  const fd = openSync(path, 'r');
  await eventually('the end of those before', () => holdersOf(dev, new Set([ino])).size === 0);
  closeSync(fd);
  assert.is(holdersOf(dev, new Set()).size, 0);
});

test('A4: a process that merely stands in a directory keeps the mount busy and is named', async () => {
  const child = spawn('sleep', ['20'], { cwd: dir, stdio: 'ignore' });
  await new Promise(resolve => child.once('spawn', resolve));
  const users = usersOf(dev);
  child.kill('SIGKILL');
  assert.equal(
    users.filter(({ pid }) => pid === child.pid),
    [{ pid: child.pid, command: 'sleep' }],
  );
});

test.run();
