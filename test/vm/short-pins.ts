// Pins that are not for long, where fs-dax waits instead of refusing: short-pin.c on a ground.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ground } from '../support/mounts.js';
import { timeFactor } from '../support/time-factor.js';
import { must } from './host.js';

const source = fileURLToPath(new URL('../../../test/vm/short-pin.c', import.meta.url));
const LIMIT_SECONDS = 60 * timeFactor;
/** How long the device takes for a read. */
export const SLOW_SECONDS = 3;
const DEVICE = '/dev/nullb0';

export interface Truncation {
  /** 'ok' or an errno name. */
  readonly answer: string;
  readonly returned: 'at once' | 'after the read';
}

export class ShortPins {
  private readonly directory = mkdtempSync(join(tmpdir(), 'leasefs-short-pin-'));
  private readonly program = join(this.directory, 'short-pin');

  constructor() {
    const delay = `completion_nsec=${SLOW_SECONDS}000000000`;
    must('modprobe', 'null_blk', 'nr_devices=1', 'queue_mode=2', 'irqmode=2', delay, 'gb=1');
    must(
      'gcc',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-O1',
      `-DLIMIT_SECONDS=${LIMIT_SECONDS}`,
      source,
      '-o',
      this.program,
    );
  }

  /** A truncate while a direct read into the file's memory is under way. */
  truncate({ directory, prefix }: Ground): Truncation {
    const [command, ...args] = [...prefix, this.program, join(directory, 'read-into'), DEVICE];
    const { status, stdout, stderr } = spawnSync(command!, args, {
      encoding: 'utf8',
      timeout: LIMIT_SECONDS * 1000,
    });
    const [, answer, returned] = /^truncate: (\w+)\nreturned: (at once|after the read)$/m.exec(stdout) ?? [];
    if (status !== 0 || answer === undefined)
      throw new Error(`short-pin: ${stderr.trim() || `exit ${status}`}`);
    return { answer, returned: returned as Truncation['returned'] };
  }

  clear(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
