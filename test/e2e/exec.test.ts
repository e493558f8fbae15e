// A process in exec(2) that closes a file of a server which does not answer. No daemon waits for it.
import { spawn } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import * as assert from 'uvu/assert';
import { isInExec } from '../../src/process/proc-text.js';
import { eventually } from '../support/actors.js';
import { whileInExec } from '../support/stuck-in-exec.js';
import { mountedSuite } from '../support/suites.js';

mountedSuite('a process in exec', { needs: ['gcc', 'flush-at-close'] }, ({ test, mount }) => {
  test('R18: its file_pins are read when it has gone on, and the mount serves others', async () => {
    await whileInExec(async (pid, goOn) => {
      const reads = (): number => mount.report('status').requests.READ ?? 0;
      const before = reads();
      const reader = spawn('cat', [mount.file(`.leasefs/pid/${pid}/file_pins`)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const read = text(reader.stdout);
      await eventually('its read', () => reads() > before);
      statfsSync(mount.path);
      assert.ok(isInExec(pid), 'the daemon did not wait for it');
      goOn();
      assert.is(await read, '');
    });
  });
});
