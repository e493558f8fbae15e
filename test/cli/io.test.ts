// `leasefs io` as a program, on tmpfs: output, exit codes, forks, the loss that leasefs exists to refuse.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const dir = mkdtempSync('/dev/shm/leasefs-io-test-');
const file = join(dir, 'f');

function leasefs(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    timeout: 120_000,
    input,
  });
  return { status, out: stdout.trimEnd().split('\n'), err: stderr.trimEnd() };
}
const io = (...chain: string[]) => leasefs(['io', '-f', ...chain.flatMap(verb => ['-c', verb]), file]);

const test = suite('io');

test.before.each(() => {
  rmSync(file, { force: true });
});
test.after(() => {
  rmSync(dir, { recursive: true });
});

test('each verb that succeeds prints one line of a fixed form', () => {
  const { status, out, err } = io(
    'truncate 64k',
    'pwrite 0 8k; pwrite -S 0x11 16k 4k',
    'pread 0 8k',
    'pread 60k 8k',
    'pread 64k 1',
    'extents',
    'close',
    'open',
    'stat',
  );
  assert.is(err, '');
  assert.is(status, 0);
  assert.equal(out.slice(0, -1), [
    'truncate 65536: ok',
    'pwrite 0 8192: 8192 bytes of 0xcd',
    'pwrite 16384 4096: 4096 bytes of 0x11',
    'pread 0 8192: 8192 bytes, all 0xcd',
    'pread 61440 8192: 4096 bytes, all 0x00',
    'pread 65536 1: 0 bytes',
    'extents: 0 8192 data',
    'extents: 8192 8192 hole',
    'extents: 16384 4096 data',
    'extents: 20480 45056 hole',
    'close: ok',
    'open: ok',
  ]);
  assert.match(out.at(-1)!, /^stat: size 65536, allocated 12288, inode \d+, mode 100644, links 1$/);
});

test('a refused verb tells the errno and ends the chain with 1; -k goes on', () => {
  const stopped = io('fzero 0 4k', 'truncate 5');
  assert.is(stopped.status, 1);
  assert.is(stopped.err, 'fzero 0 4096: EOPNOTSUPP: Operation not supported');
  assert.equal(stopped.out, ['']);
  const kept = leasefs(['io', '-k', '-c', 'close; truncate 4; open; truncate 5', file]);
  assert.is(kept.status, 1);
  assert.match(kept.err, /^truncate 4: EBADF: Bad file descriptor \(.*'open' opens it\)$/);
  assert.equal(kept.out, ['close: ok', 'open: ok', 'truncate 5: ok']);
});

test('leases and pins are refused on another filesystem, with the reason', () => {
  for (const verb of ['lease exclusive,breakable', 'getlease', 'pin 0 4k', 'unpin all']) {
    const { status, err } = io('truncate 4k', verb);
    assert.is(status, 1);
    assert.match(err, /: ENOTTY: .* \(not a file of a leasefs mount\)$/);
  }
});

test('an unknown verb and wrong arguments run nothing and exit 2', () => {
  const { status, err } = io('truncate 4k', 'fly');
  assert.is(status, 2);
  assert.match(err, /'fly' is no verb of io: lease, /);
  assert.not(existsSync(file));
  assert.is(leasefs(['io', '-q', file]).status, 2);
  assert.is(leasefs(['io', '-c', 'stat']).status, 2);
});

test('a file that is not there is created by -f only', () => {
  const { status, err } = leasefs(['io', '-c', 'stat', file]);
  assert.is(status, 1);
  assert.match(err, /^open .*: ENOENT: No such file or directory \(-f creates it\)$/);
});

test('a store through the mapping is what pread sees; beyond the end it is refused, not fatal', () => {
  const { status, out, err } = io('truncate 8k', 'mmap 0 64k', 'mwrite 4k 4k', 'pread 4k 4k', 'mwrite 8k 1');
  assert.is(status, 1);
  assert.is(out.at(-1), 'pread 4096 4096: 4096 bytes, all 0xcd');
  assert.match(err, /^mwrite 8192 1: EFAULT/);
});

test('-r opens and maps for reading', () => {
  writeFileSync(file, 'x'.repeat(4096));
  const { status, out, err } = leasefs(['io', '-r', '-c', 'mmap 0 4k; pread 0 4k; pwrite 0 1', file]);
  assert.is(status, 1);
  assert.is(out.at(-1), 'pread 0 4096: 4096 bytes, all 0x78');
  assert.is(err, 'pwrite 0 1: EBADF: Bad file descriptor');
});

test('F8: a hole punched under a registered buffer loses what the device writes, on tmpfs', () => {
  const { status, out } = io(
    'truncate 1m; mmap 0 1m',
    'uring-register 0 1m',
    'uring-read 0 4k',
    'fpunch 0 4k',
    'uring-read 0 4k',
    'uring-read 4k 4k',
  );
  assert.is(status, 0);
  assert.equal(out.slice(-4), [
    'uring-read 0 4096: 4096 bytes of 0xd1 from the device, the file agrees',
    'fpunch 0 4096: ok',
    'uring-read 0 4096: 4096 bytes of 0xd1 from the device, THE FILE DISAGREES: it reads 0x00 at 0',
    'uring-read 4096 4096: 4096 bytes of 0xd1 from the device, the file agrees',
  ]);
});

test('MADV_REMOVE punches without asking, on tmpfs', () => {
  const { status, out } = io('truncate 8k; mmap 0 8k; mwrite 0 8k', 'madvise-remove 0 4k', 'pread 0 4k');
  assert.is(status, 0);
  assert.is(out.at(-1), 'pread 0 4096: 4096 bytes, all 0x00');
});

test('a fork shares description, mapping and ring, nests, and runs beside its parent until wait', () => {
  const { status, out, err } = io(
    'truncate 1m; mmap 0 1m; uring-register 0 1m',
    'fork { mwrite 0 4k; uring-read 8k 4k; close; uring-read 12k 4k; fork { stat }; sleep 100 }',
    'pwrite 4k 4k; wait; pread 0 8k; pread 8k 8k',
  );
  assert.is(err, "[1.1] stat: EBADF: Bad file descriptor (the file is closed: 'open' opens it)");
  assert.is(status, 1, 'the refusal of a fork counts');
  assert.equal(out.filter(line => line.startsWith('[1] ')).slice(0, 4), [
    '[1] mwrite 0 4096: 4096 bytes of 0xcd',
    '[1] uring-read 8192 4096: 4096 bytes of 0xd1 from the device, the file agrees',
    '[1] close: ok',
    '[1] uring-read 12288 4096: 4096 bytes of 0xd1 from the device, the file agrees',
  ]);
  const wait = out.indexOf('wait: [1] exited 1');
  assert.ok(wait > out.indexOf('[1] sleep 100: ok'));
  assert.ok(out.indexOf('pwrite 4096 4096: 4096 bytes of 0xcd') < out.indexOf('[1] sleep 100: ok'));
  assert.equal(out.slice(wait + 1), [
    'pread 0 8192: 8192 bytes, all 0xcd',
    'pread 8192 8192: 8192 bytes, all 0xd1',
  ]);
});

test('io waits at its end for forks without a `wait`', () => {
  const { status, out } = io('truncate 8k', 'fork { sleep 100; pwrite 0 4k }');
  assert.is(status, 0);
  assert.is(out.at(-1), '[1] pwrite 0 4096: 4096 bytes of 0xcd');
  assert.is(readFileSync(file)[4095], 0xcd);
});

test('without -c the verbs come from standard input, a fork over several lines', () => {
  const good = leasefs(['io', '-f', file], 'truncate 8k\nfork {\n pwrite 0 4k\n}\nwait\n');
  assert.is(good.status, 0);
  assert.equal(good.out.slice(-2), ['[1] pwrite 0 4096: 4096 bytes of 0xcd', 'wait: [1] exited 0']);
  assert.is(leasefs(['io', file], 'fzero 0 1\ntruncate 5\n').status, 1);
  assert.is(readFileSync(file).length, 8192, 'the chain ended at the refusal');
  assert.is(leasefs(['io', file], 'fly\n').status, 2);
});

test.run();
