// `leasefs mount`: starts the daemon. Without --foreground it is a child in its own session. It reports through a pipe that
// the mount answers, or in one line why it does not; then the command ends.
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { url } from 'node:inspector';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { KeeperLink } from '../keeper/link.js';
import { inheritedBySystemd } from '../keeper/systemd-store.js';
import { native } from '../native/binding.js';
import { DaemonLog, openLog } from './daemon-log.js';
import { becomeKeeper, freePlace, keeperCommand, keptBySystemd, linkToKeeper, needKeeper } from './keeper.js';
import { type MountCommand, parseMountCommand } from './mount-options.js';
import { absolute } from './mounts.js';
import { ReadyLine } from './ready-line.js';
import { remount } from './remount.js';
import { seal, sealedEnvironment, sealedOptions } from './sealed.js';
import { CommandError, errorLine, type Verb } from './verb.js';

/** ms until a daemon that does not report counts as failed. */
const START_LIMIT_MS = 60_000;
const READY = 'ready';
/** Where the child finds the pipe, the descriptor of --while-fd, and the socket to the keeper. */
const CHILD_READY_FD = 3;
const CHILD_WHILE_FD = 4;
const CHILD_KEEPER_FD = 5;

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

  --keeper                 the mount outlives its daemon: a small process, the keeper, holds
                           it and starts the next daemon when one dies (Linux 6.9); in a
                           unit of systemd with FileDescriptorStoreMax= systemd does
  --no-keeper              the mount ends with its daemon (default)

In /etc/fstab:  none  /mnt/l  fuse.leasefs  size=4g,nofail  0 0

A dead leasefs mount on MNT (its daemon was killed) is cleaned up first.`,

  run: args => {
    const command = parseMountCommand(args);
    if (command.remount !== undefined) {
      remount(command, command.remount.size);
      return Promise.resolve(0);
    }
    if (command.keeper) needKeeper();
    if (command.keeper && command.foreground && !keptBySystemd(true)) startKeeperHere(command);
    if (command.foreground || url() !== undefined) {
      const { readyFd, whileFd, keeperFd } = command;
      const fds = [readyFd, whileFd, keeperFd, ...inheritedBySystemd(process.env)];
      seal(sealedEnvironment(process.env), ...fds.filter(fd => fd !== undefined));
    }
    return command.foreground ? serveHere(command) : serveInBackground(command);
  },
};

async function serveHere(command: MountCommand): Promise<number> {
  const log = logTo(command.logFile, path => new DaemonLog(path));
  const keeper = linkToKeeper(command.keeperFd, command.keeper);
  const readyLine = new ReadyLine(command.readyFd, keeper);
  const { serve } = await import('./daemon.js');
  let started = false;
  try {
    return await serve({
      ...command.options,
      // To look at the mount that is taken over would wait for this very process.
      mountPoint: keeper?.takesOver ? resolve(command.mountPoint) : absolute(command.mountPoint),
      ready: notice => {
        started = true;
        if (keeper !== undefined) readyLine.check();
        if (keeper === undefined) tellSystemd();
        else keeper.serving();
        readyLine.tell(notice === undefined ? READY : `${READY} ${notice}`);
      },
      log,
      whileFd: whileFdOf(command, keeper),
      keeper,
    });
  } catch (error) {
    if (!started) readyLine.tell(errorLine(error));
    throw error;
  }
}

/** One of an earlier daemon is no descriptor of this process. */
const whileFdOf = ({ whileFd }: MountCommand, keeper: KeeperLink | undefined): number | undefined =>
  keeper?.takesOver ? keeper.kept.get('while')?.fd : whileFd;

/** sd_notify(3), for a unit of Type=notify. */
function tellSystemd(): void {
  const { NOTIFY_SOCKET } = process.env;
  if (NOTIFY_SOCKET) native.sendDatagram(NOTIFY_SOCKET, 'READY=1');
}

async function serveInBackground(command: MountCommand): Promise<number> {
  // Node's own last words go there too.
  const log = logTo(command.logFile ?? '/dev/null', openLog);
  const daemon = daemonCommand(command, {
    ready: CHILD_READY_FD,
    while: command.whileFd === undefined ? undefined : CHILD_WHILE_FD,
    keeper: command.keeper ? CHILD_KEEPER_FD : undefined,
  });
  const [program, ...args] = command.keeper ? keeperCommand(CHILD_KEEPER_FD, daemon) : daemon;
  const child = spawn(program, args, {
    env: sealedEnvironment(process.env),
    // It keeps no directory busy.
    cwd: '/',
    detached: true,
    stdio: ['ignore', log, log, 'pipe', command.whileFd ?? 'ignore'],
  });
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
  const end = await ended;
  const why = child.killed ? `it was not ready within ${START_LIMIT_MS / 1000} s` : end;
  throw new CommandError(`the daemon did not start: ${why}. 'leasefs mount --foreground' shows more`);
}

/** --foreground: this process becomes the keeper, so that it is what a unit or a container has started. */
function startKeeperHere(command: MountCommand): never {
  const { readyFd, whileFd } = command;
  const fds = [readyFd, whileFd].filter(fd => fd !== undefined);
  const place = freePlace(fds);
  const daemon = daemonCommand(command, { ready: readyFd, while: whileFd, keeper: place });
  return becomeKeeper(keeperCommand(place, daemon), fds);
}

/** The descriptors of a daemon. */
interface DaemonFds {
  readonly ready: number | undefined;
  readonly while: number | undefined;
  readonly keeper: number | undefined;
}

/** A daemon as a command of its own, sealed. */
function daemonCommand(command: MountCommand, fds: DaemonFds): [string, ...string[]] {
  const options = sealedOptions(process.execArgv, process.env);
  return [process.execPath, ...options, process.argv[1]!, ...foregroundArguments(command, fds)];
}

function foregroundArguments({ options, mountPoint, logFile }: MountCommand, fds: DaemonFds): string[] {
  const numbered = (name: keyof DaemonFds): string[] =>
    fds[name] === undefined ? [] : [`--${name}-fd=${fds[name]}`];
  return [
    'mount',
    '--foreground',
    ...numbered('ready'),
    ...numbered('while'),
    ...numbered('keeper'),
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
