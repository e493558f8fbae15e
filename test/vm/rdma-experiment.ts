// The experiment of native/examples/rdma.c on a ground, and what its answers mean.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ground } from '../support/mounts.js';
import { must } from './host.js';

const native = fileURLToPath(new URL('../../../native/', import.meta.url));
const LIMIT_MS = 60_000;

/** `none`: the file system has no record of the memory. */
export type LeaseBy = 'none' | 'fcntl' | 'ioctl';

/** What each step answered: 'ok', an errno name, a byte; '-' if it was not tried. */
export interface Answers {
  readonly lease: string;
  readonly register: string;
  readonly punch: string;
  readonly write: string;
  readonly device: string;
  readonly file: string;
}

export class RdmaExperiment {
  private readonly directory = mkdtempSync(join(tmpdir(), 'leasefs-rdma-'));
  private readonly program = join(this.directory, 'rdma');

  constructor() {
    const source = join(native, 'examples/rdma.c');
    const flags = ['-Wall', '-Wextra', '-Werror', '-O1', '-I', join(native, 'include')];
    must('gcc', ...flags, source, '-o', this.program, '-libverbs');
  }

  run(ground: Ground, lease: LeaseBy): Answers {
    const [command, ...args] = [
      ...ground.prefix,
      this.program,
      ...(lease === 'none' ? [] : ['--lease', lease]),
      join(ground.directory, 'registered'),
    ];
    const { status, stdout, stderr } = spawnSync(command!, args, { encoding: 'utf8', timeout: LIMIT_MS });
    if (status !== 0) throw new Error(`${command}: ${stderr.trim() || `exit ${status}`}\n${stdout}`);
    const steps = new Map(stdout.split('\n').map(line => line.split(': ') as [string, string]));
    const of = (step: string): string => steps.get(step) ?? '-';
    return {
      lease: of('lease'),
      register: of('ibv_reg_mr'),
      punch: of('punch by another process'),
      write: of('RDMA WRITE'),
      device: of('the device sees'),
      file: of('the file holds'),
    };
  }

  clear(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One line. */
export function reading({ register, punch, write, device, file }: Answers): string {
  if (register === 'EOPNOTSUPP')
    return 'no RDMA here: the kernel pins no fs-dax memory for long, and says so';
  if (register === 'EPERM') return 'no lease, no region: registering is refused, and says so';
  if (register !== 'ok') return `registering is refused: ${register}`;
  if (write !== 'ok') return `registered, but the device could not write: ${write}`;
  if (punch === 'ok' && device !== file)
    return 'data lost: the device went on writing to a page that is no longer the file’s, and no process was refused or notified';
  if (punch !== 'ok' && device === file)
    return `kept: the punch was refused with ${punch}, what the device wrote is in the file`;
  return 'the file has what the device wrote';
}
