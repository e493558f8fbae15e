// `leasefs mount`: starts the daemon. Without --foreground it is a child in its own session. It reports through a pipe that
// the mount answers, or in one line why it does not; then the command ends.
import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { url } from 'node:inspector';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { native } from '../native/binding.js';
import { DaemonLog, openLog } from './daemon-log.js';
import { type MountCommand, parseMountCommand } from './mount-options.js';
import { absolute } from './mounts.js';
import { remount } from './remount.js';
import { seal, sealedEnvironment, sealedOptions } from './sealed.js';
import { CommandError, errorLine, type Verb } from './verb.js';

/** ms until a daemon that does not report counts as failed. */
const START_LIMIT_MS = 30_000;
const READY = 'ready';
/** Where the child finds the pipe, and the descriptor of --while-fd. */
const CHILD_READY_FD = 3;
const CHILD_WHILE_FD = 4;

export const verb: Verb = {
  name: 'mount',
  summary: 'mount a leasefs on a directory',
  help: `usage: leasefs mount [OPTIONS] MNT

Mounts an empty filesystem on the directory MNT and returns when it is ready.
Files live in memory and are gone with the mount.

  -o OPTION[,OPTION]...    ro, noexec, nosuid, nodev, noatime, allow_other, ... as mount(8);
                           noacl: no POSIX ACLs; noxattr: neither ACLs nor other extended
                           attributes, which saves the requests for them; poll: poll(2)
                           of a file reports breaks, which makes buffered io_uring slow;
                           export: file handles lead to files (NFS), which harms an
                           overlayfs on it from Linux 6.16 on; kernel_cache: pooled files
                           that are open for writing use the page cache, several times as
                           fast; but a refused write then drops what other processes have
                           stored into its pages through mappings; uid=, gid= and mode=
                           of the root directory; and the options below, as in
                           -o size=4g,store=pooled, for /etc/fstab
  --size SIZE              bytes the files may take: 512m, 4g (default: half of the memory);
                           'leasefs resize' changes it, and -o remount,size=SIZE
  --huge never|within_size|advise|always
                           huge pages of the direct store, as huge= of tmpfs(5) (default:
                           advise)
  --noswap                 the direct store is not swapped out, as noswap of tmpfs(5)
                           (Linux 6.4)
  --inodes N               files, directories and hard links: 10000, 1m (default:
                           as many as half of the heap holds, which NODE_OPTIONS=
                           --max-old-space-size=MIB sets); 1 KiB of extended
                           attributes counts for one
  --lease-break-time MS    time to answer a break before it is forced (default: the sysctl
                           fs.lease-break-time if it is above 0, else 45000)
  --store auto|direct|pooled
                           direct: each file is memory of its own, which the kernel serves
                           by passthrough; pooled: files share memory, through the daemon.
                           auto (default): direct where passthrough works
  --transport kernel|fuse-native
                           fuse-native: through that npm package, by path: no holes; leases
                           and pins by a socket (default: kernel)
  --spin US|auto|off       look for the next request for up to US microseconds before the
                           daemon sleeps: quicker answers on two CPUs and more, for CPU
                           time. auto (default): 50, while most requests come within them,
                           never where the daemon has one CPU; 'leasefs status' counts
  --show-control           show the directory .leasefs in listings of the root: it is always
                           there (leases, pins, events, stats, metrics, pid/PID/file_pins)
  --allow-inject           root and the mount's user may ask for faults: 'leasefs inject'
  --semantics default|rfc-v2
                           rfc-v2: the exclusive owner may not truncate either (rule X3)
  --unseen-pins refuse|warn|allow
                           what a layout change does where a process maps the file and holds
                           what may have pinned it unseen, as an RDMA region (rule N12;
                           default: refuse)
  -f, --foreground         stay, log to stderr, unmount at SIGINT or SIGTERM
  --log FILE               append the log to FILE (default: none in the background); SIGHUP
                           begins it anew, for a log that is rotated by rename
  --ready-fd N             for supervisors: write 'ready' and a newline to descriptor N when
                           the mount answers, or why it does not
  --while-fd N             for supervisors: when the other end of descriptor N, a pipe or a
                           socket, is closed, detach the mount and remove the directory MNT

In /etc/fstab:  none  /mnt/l  fuse.leasefs  size=4g,nofail  0 0

A dead leasefs mount on MNT (its daemon was killed) is cleaned up first.`,

  run: args => {
    const command = parseMountCommand(args);
    if (command.remount !== undefined) {
      remount(command, command.remount.size);
      return Promise.resolve(0);
    }
    if (command.foreground || url() !== undefined) {
      const { readyFd, whileFd } = command;
      seal(sealedEnvironment(process.env), ...[readyFd, whileFd].filter(fd => fd !== undefined));
    }
    return command.foreground ? serveHere(command) : serveInBackground(command);
  },
};

async function serveHere(command: MountCommand): Promise<number> {
  const log = logTo(command.logFile, path => new DaemonLog(path));
  const tell = (line: string): void => {
    if (command.readyFd === undefined) return;
    try {
      writeSync(command.readyFd, `${line}\n`);
      closeSync(command.readyFd);
    } catch (error) {
      throw new CommandError(
        `descriptor ${command.readyFd} of --ready-fd has no reader: ${errorLine(error)}`,
      );
    }
  };
  const { serve } = await import('./daemon.js');
  let started = false;
  try {
    return await serve({
      ...command.options,
      mountPoint: absolute(command.mountPoint),
      ready: notice => {
        started = true;
        tellSystemd();
        tell(notice === undefined ? READY : `${READY} ${notice}`);
      },
      log,
      whileFd: command.whileFd,
    });
  } catch (error) {
    if (!started) tell(errorLine(error));
    throw error;
  }
}

/** sd_notify(3), for a unit of Type=notify. */
function tellSystemd(): void {
  const { NOTIFY_SOCKET } = process.env;
  if (NOTIFY_SOCKET) native.sendDatagram(NOTIFY_SOCKET, 'READY=1');
}

async function serveInBackground(command: MountCommand): Promise<number> {
  // Node's own last words go there too.
  const log = logTo(command.logFile ?? '/dev/null', openLog);
  const child = spawn(
    process.execPath,
    [...sealedOptions(process.execArgv, process.env), process.argv[1]!, ...foregroundArguments(command)],
    {
      env: sealedEnvironment(process.env),
      // It keeps no directory busy.
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log, 'pipe', command.whileFd ?? 'ignore'],
    },
  );
  closeSync(log);
  const late = setTimeout(() => child.kill('SIGKILL'), START_LIMIT_MS);
  const ended = new Promise<string>(resolve => {
    child.on('error', error => resolve(error.message));
    child.on('exit', (code, signal) => resolve(`it ended with ${signal ?? `exit code ${code}`}`));
  });
  const said = (await text(child.stdio[CHILD_READY_FD] as NodeJS.ReadableStream)).trimEnd();
  clearTimeout(late);
  if (said === READY || said.startsWith(`${READY} `)) {
    const notice = said.slice(READY.length + 1);
    if (notice !== '') process.stderr.write(`leasefs mount: ${notice}\n`);
    child.unref();
    return 0;
  }
  if (said !== '') throw new CommandError(said);
  throw new CommandError(`the daemon did not start: ${await ended}. 'leasefs mount --foreground' shows more`);
}

function foregroundArguments({ options, mountPoint, logFile, whileFd }: MountCommand): string[] {
  return [
    'mount',
    '--foreground',
    `--ready-fd=${CHILD_READY_FD}`,
    ...(whileFd === undefined ? [] : [`--while-fd=${CHILD_WHILE_FD}`]),
    `--size=${options.size}`,
    ...(options.huge === undefined ? [] : [`--huge=${options.huge}`]),
    ...(options.swap ? [] : ['--noswap']),
    ...(options.inodes === undefined ? [] : [`--inodes=${options.inodes}`]),
    `--lease-break-time=${options.breakTimeMs}`,
    `--semantics=${options.semantics}`,
    `--unseen-pins=${options.unseenPins}`,
    `--store=${options.store}`,
    `--transport=${options.transport}`,
    `--spin=${options.spin === 0 ? 'off' : options.spin}`,
    ...(options.showControl ? ['--show-control'] : []),
    ...(options.allowInject ? ['--allow-inject'] : []),
    '-o',
    `uid=${options.root.uid},gid=${options.root.gid},mode=${options.root.mode.toString(8)}`,
    ...options.mountOptions.flatMap(word => ['-o', word]),
    ...(logFile === undefined ? [] : ['--log', resolve(logFile)]),
    '--',
    absolute(mountPoint),
  ];
}

function logTo<Path, Made>(path: Path, make: (path: Path) => Made): Made {
  try {
    return make(path);
  } catch (error) {
    throw new CommandError(`cannot write the log: ${(error as Error).message}`);
  }
}
