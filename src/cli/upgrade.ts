// `leasefs upgrade`: this build goes on with a mount that an older one serves.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { WireUpgrade } from '../abi/upgrade.js';
import { JOURNAL_VERSION } from '../journal/version.js';
import { textOf } from '../process/proc-text.js';
import { readMounted } from './mounted-path.js';
import { sealedOptions } from './sealed.js';
import { mainFile } from './temporary-mount.js';
import { CommandError, onlyArgument, parseOptions, type Verb } from './verb.js';
import { version } from './version.js';

/** ms until the old daemon must have ended. */
const LIMIT_MS = 10_000;
const LOOK_MS = 10;

export const verb: Verb = {
  name: 'upgrade',
  summary: 'let this build of leasefs go on with a mount',
  help: `usage: leasefs upgrade MNT

Run from the new build: its daemon takes the place of the one that serves MNT, which must
have been mounted with --keeper. Open files, mappings, leases and pins stay; calls wait for
the new daemon. The options of the mount stay as they are. A build whose journal the running
daemon does not know is refused, and the daemon serves on. Where the new daemon does not
begin, the old build goes on. Only a process that may ptrace(2) the daemon may do so: root,
or the user of an ordinary user's mount.`,

  async run(args) {
    const path = onlyArgument(parseOptions(args, {}).positionals, 'MNT');
    const { mountPoint, report: before } = readMounted(path, 'status');
    if (!before.keeper)
      throw new CommandError(`${mountPoint} has no keeper, so it ends with its daemon: mount --keeper`);
    const program = [process.execPath, ...sealedOptions(process.execArgv, process.env), mainFile];
    ask(mountPoint, { journal: JOURNAL_VERSION, program });
    const after = await nextDaemon(mountPoint, before.pid);
    if (!runs(after.pid, program))
      throw new CommandError(
        `${mountPoint}: the daemon of this build ended before it served, and leasefs ${after.version} goes on as daemon ${after.pid}: the log says why`,
      );
    console.log(
      `${mountPoint}: leasefs ${before.version} to ${version()}, daemon ${before.pid} to ${after.pid}`,
    );
    return 0;
  },
};

/** @throws CommandError with what the daemon says. */
function ask(mountPoint: string, upgrade: WireUpgrade): void {
  const fd = openSync(join(mountPoint, '.leasefs/upgrade'), 'r+');
  try {
    writeSync(fd, JSON.stringify(upgrade));
  } catch (error) {
    throw new CommandError(`${mountPoint} was not upgraded: ${reasonIn(fd) || (error as Error).message}`);
  } finally {
    closeSync(fd);
  }
}

function reasonIn(fd: number): string {
  const room = Buffer.alloc(4096);
  return room.toString('utf8', 0, readSync(fd, room, 0, room.length, 0)).trim();
}

async function nextDaemon(mountPoint: string, old: number) {
  const until = performance.now() + LIMIT_MS;
  for (;;) {
    const { report } = readMounted(mountPoint, 'status');
    if (report.pid !== old) return report;
    if (performance.now() > until) throw new CommandError(`${mountPoint}: daemon ${old} does not end`);
    await setTimeout(LOOK_MS);
  }
}

/** Whether the process is of that program; a process that is hidden is. */
function runs(pid: number, program: readonly string[]): boolean {
  const words = textOf(`/proc/${pid}/cmdline`);
  return words === '' || words.startsWith(`${program.join('\0')}\0`);
}
