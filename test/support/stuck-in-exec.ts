// A process in exec(2) that closes a file of a server which does not answer: all that asks as ptrace(2) does waits (K29).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { isInExec } from '../../src/process/proc-text.js';
import { build } from '../run/build-caller.js';
import { eventually } from './actors.js';
import { cli, Mounted } from './mounted.js';

/** @param look is called while the process is in exec(2); `goOn` ends that. */
export async function whileInExec(look: (pid: number, goOn: () => void) => Promise<void>): Promise<void> {
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
    free = spawn('sh', ['-c', `sleep 60; kill -CONT ${stuck.pid}`], { stdio: 'ignore', detached: true });
    child.stdin.end('x');
    await eventually('exec', () => isInExec(pid));
    await look(pid, () => process.kill(stuck.pid, 'SIGCONT'));
    process.kill(stuck.pid, 'SIGCONT');
    assert.equal(await exited, [0, null]);
  } finally {
    if (free?.pid !== undefined) process.kill(-free.pid, 'SIGKILL');
    process.kill(stuck.pid, 'SIGCONT');
    child.kill('SIGKILL');
    await stuck.stop();
    rmSync(scratch, { recursive: true });
  }
}
