// A process in exec(2) that closes a file of a server which does not answer: what asks as ptrace(2) does waits for it (K29). No
// daemon waits.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import * as assert from 'uvu/assert';
import { isInExec } from '../../src/process/proc.js';
import { build } from '../run/build-caller.js';
import { eventually } from '../support/actors.js';
import { cli, Mounted } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

mountedSuite('a process in exec', { needs: ['gcc'] }, ({ test, mount }) => {
  test('R18: its file_pins are read when it has gone on, and the mount serves others', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'leasefs-exec-'));
    chmodSync(scratch, 0o755);
    const stuck = await Mounted.start();
    // Under the supervisor the server of the file gets each close.
    const child = spawn(
      process.execPath,
      [cli, 'run', '--at', stuck.path, '--', build(scratch, 'execing'), stuck.path],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    );
    const exited = once(child, 'exit');
    let free: ChildProcess | undefined;
    try {
      const pid = Number(`${(await once(child.stdout, 'data'))[0]}`);
      process.kill(stuck.pid, 'SIGSTOP');
      // A daemon that waits nevertheless, and all that look at the process, are freed.
      free = spawn('sh', ['-c', `sleep 10; kill -CONT ${stuck.pid}`]);
      child.stdin.end('x');
      await eventually('exec', () => isInExec(pid));
      const reads = (): number => mount.report('status').requests.READ ?? 0;
      const before = reads();
      const reader = spawn('cat', [mount.file(`.leasefs/pid/${pid}/file_pins`)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const read = text(reader.stdout);
      await eventually('its read', () => reads() > before);
      statfsSync(mount.path);
      assert.ok(isInExec(pid), 'the daemon did not wait for it');
      process.kill(stuck.pid, 'SIGCONT');
      assert.is(await read, '');
      assert.equal(await exited, [0, null]);
    } finally {
      free?.kill();
      process.kill(stuck.pid, 'SIGCONT');
      child.kill('SIGKILL');
      await stuck.stop();
      rmSync(scratch, { recursive: true });
    }
  });
});
