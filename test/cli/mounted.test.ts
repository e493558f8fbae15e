// The command line against a real mount: mounting, listings, refusals, the demo.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { cli, HASTY, Mounted, PATIENT } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const LIMIT_MS = 30_000 * timeFactor;

function leasefs(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });
  return { status, out: stdout.trimEnd().split('\n'), err: stderr.trimEnd() };
}
const isMounted = (path: string): boolean =>
  readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${path} `);

mountedSuite('command line on a mount', { args: PATIENT }, ({ test, mount }) => {
  let file: string;
  let number = 0;
  const running: ChildProcess[] = [];

  test.before.each(() => {
    file = mount.file(`f${number++}`);
    writeFileSync(file, Buffer.alloc(65536, 1));
  });
  test.after.each(async () => {
    for (const child of running.splice(0)) {
      const ended = new Promise(resolve => child.once('exit', resolve));
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended;
    }
  });

  const io = (...chain: string[]) => leasefs('io', ...chain.flatMap(verb => ['-c', verb]), file);
  /** A chain in a process that stays; resolves once it prints `until`. */
  async function holder(
    chain: string,
    until: string,
    path = file,
  ): Promise<{ pid: number; child: ChildProcess }> {
    const child = spawn(process.execPath, [cli, 'io', '-c', chain, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.push(child);
    let seen = '';
    for await (const data of child.stdout!.iterator({ destroyOnReturn: false })) {
      seen += data;
      if (seen.includes(until)) break;
    }
    return { pid: child.pid!, child };
  }

  test('X1: io prints the refusal of a pinned range, EDEADLK to the pinner, and exits 1', () => {
    const own = io('lease exclusive', 'pin 0 8k', 'fpunch 0 4k');
    assert.is(own.status, 1);
    assert.equal(own.out, ['lease exclusive: ok', own.out[1]!]);
    assert.match(own.out[1]!, /^pin 0 8192: id \d+$/);
    assert.match(
      own.err,
      /^fpunch 0 4096: EDEADLK: Resource deadlock avoided \[X1\]: pin \d+ \[0, 8192\) of \d+ \(leasefs-io\); unpin the range first: [^\n]*$/,
    );
    const other = io('lease exclusive', 'pin 0 8k', 'fork { truncate 0 }; wait');
    assert.is(other.status, 1);
    assert.match(
      other.err,
      /^\[1\] truncate 0: ETXTBSY: Text file busy \[X1\]: pin \d+ \[0, 8192\) of \d+ \(leasefs-io\); wait until its end: [^\n]*$/,
    );
  });

  test('N2, N6, L5: a fork may not pin, the pins outlive the mapping, a pinned lease is not released', () => {
    const { out, err } = leasefs(
      'io',
      '-k',
      '-c',
      'lease exclusive; pin 0 8k; fork { pin 0 4k }; wait; lease none; unpin all; lease none; getlease',
      file,
    );
    const [pin, lease, ...more] = err.split('\n').sort();
    assert.match(
      pin!,
      /^\[1\] pin 0 4096: EPERM: Operation not permitted \[N2\]: 'exclusive' lease \d+ of \d+ \(leasefs-io\); open the file again and take a lease of your own$/,
    );
    assert.match(lease!, /^lease none: EBUSY: Device or resource busy \[L5\]: pin \d+ \[0, 8192\) of /);
    assert.equal(more, []);
    assert.equal(out.slice(-3), ['unpin all: 1 removed', 'lease none: ok', 'getlease: none']);
  });

  test('N1: a pin without an unbreakable lease says which kind there is and what to take, in the log too', () => {
    const wanted = "take an 'exclusive' or 'shared' one first";
    const refused = 'pin 0 4096: EPERM: Operation not permitted [N1]';
    const none = io('pin 0 4k');
    assert.is(none.err, `${refused}: this process has no lease on the file: ${wanted}`);
    for (const kind of ['exclusive,breakable', 'shared,breakable']) {
      const breakable = io(`lease ${kind}`, 'pin 0 4k');
      assert.is(breakable.err, `${refused}: the lease here is '${kind}': ${wanted}`);
      const logged = `[N1]; the caller has a lease '${kind}' on the file: a pin needs 'exclusive' or 'shared'`;
      assert.ok(mount.log().includes(logged), mount.log());
    }
    for (const kind of ['exclusive', 'shared']) assert.is(io(`lease ${kind}`, 'pin 0 4k').status, 0);
  });

  test('a refusal on a terminal names the rule to look up, and `leasefs explain` has it', () => {
    const chain = 'lease exclusive; pin 0 8k; fpunch 0 4k';
    const command = `${process.execPath} ${cli} io -c '${chain}' ${file}`;
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      encoding: 'utf8',
      timeout: LIMIT_MS,
    });
    assert.match(stdout, /^fpunch 0 4096: EDEADLK: .* \[X1\]: .* \(leasefs explain X1\)\r?$/m);
    const { status, out } = leasefs('explain', 'x1');
    assert.is(status, 0);
    assert.is(out[0], 'X1');
    assert.match(out[1]!, 'The range meets a pin: refused for every process');
    assert.ok(out.some(line => line.startsWith('  Sources: R 02')));
    assert.ok(out.some(line => line.startsWith('  Example: A pins')));
    const { rule } = JSON.parse(leasefs('explain', '--json', 'N1').out.join('\n'));
    assert.is(rule.number, 'N1');
    assert.is(
      leasefs('explain', 'murphy').err,
      "leasefs explain: no rule murphy: 'leasefs explain' lists them",
    );
  });

  test('the spelling of 0.1 is still read, with a note', () => {
    const { status, out, err } = io('lease shared,unbreakable', 'getlease');
    assert.is(status, 0);
    assert.is(err, "leasefs io: 'shared,unbreakable' is called 'shared' now");
    assert.equal(out, ['lease shared: ok', 'getlease: shared']);
  });

  test('X3, X6: the exclusive owner truncates outside its pins', () => {
    const { status, err } = io(
      'lease exclusive',
      'pin 0 8k',
      'truncate 16k',
      'fpunch 8k 4k',
      'unpin all',
      'truncate 0',
    );
    assert.is(err, '');
    assert.is(status, 0);
  });

  test('B1: io reports a break while it sleeps', () =>
    Mounted.during(HASTY, async hasty => {
      const path = hasty.file('f');
      writeFileSync(path, 'abc');
      const { child } = await holder(
        'lease exclusive,breakable; sleep 600000',
        'lease exclusive,breakable: ok',
        path,
      );
      let said = '';
      child.stdout!.on('data', data => {
        said += data;
      });
      assert.is(leasefs('io', '-c', 'truncate 0', path).status, 0);
      await eventually('its end', () => said.includes('break over'), LIMIT_MS);
      assert.match(said, /^break: must become none within \d+ ms\nbreak over: the lease is none\n$/);
      child.kill('SIGKILL');
    }));

  test('B4: -n opens with O_NONBLOCK, what would wait is refused', async () => {
    await holder('lease exclusive,breakable; sleep 600000', 'lease exclusive,breakable: ok');
    const { status, err } = leasefs('io', '-n', '-c', 'truncate 0', file);
    assert.is(status, 1);
    assert.match(err, /^truncate 0: EAGAIN: Resource temporarily unavailable \[B4\]: [^\n]*$/);
  });

  test('A1: leases and pins name the process, the range, the state and who holds the file open', async () => {
    const { pid } = await holder('lease exclusive; pin 4k 8k; sleep 600000', 'pin');
    const leases = leasefs('leases', file);
    assert.match(leases.out[0]!, /^COMMAND\s+PID\s+KIND\s+STATE\s+PINS\s+LAYOUT\s+AGE\s+PATH\s+HOLDERS$/);
    assert.match(
      leases.out[1]!,
      new RegExp(
        `^leasefs-io\\s+${pid}\\s+exclusive\\s+held\\s+1\\s+-\\s+\\S+\\s+${file}\\s+${pid} leasefs-io$`,
      ),
    );
    const pins = leasefs('pins', mount.path);
    assert.match(
      pins.out[1]!,
      new RegExp(
        `leasefs-io\\s+${pid}\\s+\\[4k,12k\\)\\s+process\\s+held\\s+\\S+\\s+${file}\\s+${pid} leasefs-io$`,
      ),
    );
  });

  test('A1: a zombie of a deleted file is listed as such, its pin ends with its process', async () => {
    const { pid, child } = await holder('lease exclusive; pin 0 4k; close; sleep 600000', 'close');
    unlinkSync(file);
    const zombie = new RegExp(
      `^leasefs-io\\s+${pid}\\s+exclusive\\s+zombie.*\\(deleted, inode \\d+\\)\\s+in flight or hidden$`,
    );
    // The kernel releases the file after close(2) has returned.
    await eventually('the zombie', () => zombie.test(leasefs('leases', mount.path).out[1] ?? ''), LIMIT_MS);
    assert.match(leasefs('pins', mount.path).out[1]!, /zombie/);
    const ended = new Promise(resolve => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    await eventually('the end of its pin', () => leasefs('pins', mount.path).out[0] === 'no pins', LIMIT_MS);
    assert.equal(leasefs('leases', mount.path).out, ['no leases']);
  });

  test('--json begins with a version and carries the holders', async () => {
    const { pid } = await holder('lease shared; pin 0 4k; sleep 600000', 'pin');
    const leases = JSON.parse(leasefs('leases', '--json', mount.path).out.join('\n'));
    assert.equal(leases.version, { command: 'leasefs leases', major: 1, minor: 0 });
    assert.is(leases.mount, mount.path);
    assert.is(leases.leases[0].owner.pid, pid);
    assert.is(leases.leases[0].holders[0].pid, pid);
    const pins = JSON.parse(leasefs('pins', '--json', file).out.join('\n'));
    assert.is(pins.version.command, 'leasefs pins');
    assert.equal([pins.pins[0].off, pins.pins[0].len, pins.pins[0].holders[0].fds.length], [0, 4096, 1]);
    const status = JSON.parse(leasefs('status', '--json', mount.path).out.join('\n'));
    assert.is(status.status.pid, mount.pid);
    assert.is(status.status.leases, 1);
  });

  test('status is a page of pairs', () => {
    const { status, out } = leasefs('status', mount.path);
    assert.is(status, 0);
    assert.ok(
      out.some(line => /^data path +(passthrough|daemon)/.test(line)),
      out.join('\n'),
    );
    assert.ok(
      out.some(line => line.startsWith('leases ') && line.includes('10m00s')),
      out.join('\n'),
    );
  });

  test('A4: umount of a mount that is in use without a lease names the process', () => {
    const ownName = readFileSync('/proc/self/comm', 'utf8').trim();
    const fd = openSync(file, 'r');
    const { status, err } = leasefs('umount', mount.path);
    closeSync(fd);
    assert.is(status, 1);
    assert.match(
      err,
      new RegExp(
        `^leasefs umount: ${mount.path} is busy: in use by ${process.pid} ${ownName}\\. End .*--lazy$`,
      ),
    );
    assert.ok(isMounted(mount.path));
  });

  test('A1, A4: the holders are named though another server on the machine has stopped', async () => {
    const stopped = await Mounted.start();
    // With the inode number of a file here, as the last.
    const names = Array.from({ length: number + 1 }, (_, n) => stopped.file(`f${n}`));
    const fds = names.map(name => openSync(name, 'w'));
    const fd = openSync(file, 'r');
    try {
      await holder('lease exclusive; sleep 600000', 'lease exclusive: ok');
      process.kill(stopped.pid, 'SIGSTOP');
      const leases = leasefs('leases', file);
      const unmount = leasefs('umount', mount.path);
      // Holders come in the order of their pids, each in a line.
      assert.match(leases.out.join('\n'), new RegExp(`${process.pid} `), leases.err);
      assert.match(unmount.err, /is busy: /);
    } finally {
      process.kill(stopped.pid, 'SIGCONT');
      for (const each of [...fds, fd]) closeSync(each);
      await stopped.stop();
    }
  });

  test('A4: a pin whose file is closed keeps the mount too, and names its process', async () => {
    const { pid } = await holder('lease exclusive; pin 0 4k; close; sleep 600000', 'close');
    const { status, err } = leasefs('umount', mount.path);
    assert.is(status, 1);
    assert.match(err, new RegExp(`is busy: .*pin \\d+ by ${pid} leasefs-io`));
    assert.is(err.split('\n').length, 1);
  });

  test('mount in the background: ready when it returns, --log has the refusals, umount ends it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'leasefs-cli-'));
    const log = `${dir}.log`;
    assert.equal(leasefs('mount', '--size', '64m', '--log', log, dir), { status: 0, out: [''], err: '' });
    file = join(dir, 'f');
    writeFileSync(file, Buffer.alloc(8192));
    io('lease exclusive; pin 0 4k; fpunch 0 4k');
    assert.match(readFileSync(log, 'utf8'), /X1/);
    assert.is(leasefs('umount', dir).status, 0);
    assert.not(isMounted(dir));
    rmdirSync(dir);
    rmSync(log);
  });

  test('a lease that waits is given up by Ctrl-C, and the file goes on', async () => {
    const patient = await Mounted.start(...PATIENT);
    try {
      const path = patient.file('f');
      writeFileSync(path, 'x');
      await holder('lease shared,breakable; sleep 600000', 'lease shared,breakable: ok', path);
      const waiting = spawn(process.execPath, [cli, 'io', '-c', 'stat; lease exclusive,breakable', path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      running.push(waiting);
      const ended = new Promise(resolve => waiting.once('exit', (_, signal) => resolve(signal)));
      await new Promise(resolve => waiting.stdout!.once('data', resolve));
      await eventually('it waits', () => patient.report('status').waiters === 1);
      waiting.kill('SIGINT');
      assert.is(await ended, 'SIGINT');
      assert.is(leasefs('leases', path).out.length, 2, 'the holder alone is listed');
    } finally {
      for (const child of running.splice(0)) child.kill('SIGKILL');
      await patient.stop();
    }
  });

  test('the example in C: refused while it has its pin, then it yields', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'leasefs-cli-'));
    const native = new URL('../../../native/', import.meta.url).pathname;
    const program = join(dir, 'hello-lease');
    const built = spawnSync(
      'gcc',
      [
        '-Wall',
        '-Wextra',
        '-Werror',
        '-I',
        `${native}include`,
        '-o',
        program,
        `${native}examples/hello-lease.c`,
      ],
      { encoding: 'utf8', timeout: 120_000 },
    );
    assert.is(built.stderr, '');
    const child = spawn(program, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
    running.push(child);
    let said = '';
    child.stdout.on('data', data => {
      said += data;
    });
    const saying = (text: string): Promise<void> => eventually(text, () => said.includes(text), LIMIT_MS);
    const ended = new Promise(resolve => child.once('exit', resolve));
    await saying('Enter goes on');
    assert.match(io('truncate 0').err, /^truncate 0: ETXTBSY: Text file busy \[X\d\]: /);
    child.stdin.write('\n');
    await saying('breakable');
    assert.is(io('truncate 0').status, 0);
    assert.is(await ended, 0);
    assert.match(said, /break: the lease must become 2 within \d+ ms\nyielded\n$/);
    rmSync(dir, { recursive: true });
  });

  test('doctor tries everything and finds nothing fatal here', () => {
    const { status, out } = leasefs('doctor');
    assert.is(status, 0, out.join('\n'));
    for (const line of out) assert.match(line, /^(ok|--) {2}\S/);
    assert.ok(out.some(line => line.includes('passthrough')));
  });
});
