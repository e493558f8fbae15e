// `leasefs run`: a command and its children on a leasefs, unmodified, their lease calls answered and their registrations
// of memory checked (src/run); then what was seen, and an exit code for CI.
import { openSync, writeFileSync } from 'node:fs';
import { errnoText } from '../base/errno.js';
import { comesWithin } from '../base/within.js';
import {
  type EventWatch,
  injectAll,
  type LostEvents,
  type ReportedEvent,
  type TimedInjection,
  watchEvents,
} from '../client/index.js';
import { linkOf } from '../process/proc-text.js';
import { startByLauncher, WaitingCommand } from '../run/launch.js';
import { MountLink } from '../run/mount-link.js';
import { Outcomes } from '../run/outcomes.js';
import { type RefusalLine, type RunReport, reportOf } from '../run/report.js';
import { findings, junitOf, textOf } from '../run/report-forms.js';
import { Supervisor } from '../run/supervisor.js';
import { readInjections } from './inject.js';
import { jsonLine } from './json.js';
import { absolute } from './mounts.js';
import { parseRunCommand, type RunOptions } from './run-options.js';
import { mountTemporarily } from './temporary-mount.js';
import { CommandError, errorLine, UsageError, type Verb } from './verb.js';

/** Exit codes of our own: 125 as env(1) and timeout(1); 77 is a skipped test to automake, TAP and meson. */
const EXIT_FAILED = 125;
const EXIT_SKIPPED = 77;
/** ms between reads of events, which cost the daemon a request each; it keeps thousands. */
const EVENTS_MS = 20;
/** ms for processes that are just ending when the command has ended. */
const STRAGGLERS_MS = 1000;

export const verb: Verb = {
  name: 'run',
  summary: 'run an unmodified program under the proposal: F_SETLEASE works, registered memory is a pin',
  help: `usage: leasefs run [OPTIONS] -- CMD [ARG...]

Runs CMD and all its children on a fresh leasefs. LEASEFS_MNT in the environment is its
path, which also replaces {} in the arguments. fcntl F_SETLEASE, F_GETLEASE and F_SETSIG
work with F_LAYOUT (16), F_EXCLUSIVE (32) and F_UNBREAK (64). Registering memory of its
files with io_uring, RDMA or AF_XDP is a pin, which needs an unbreakable lease. Only those
calls are stopped; all others run at full speed. It needs no root.

  --at MNT             an existing mount of yours instead of a fresh one
  --policy strict|report|off
                       strict (default): refuse pins that the rules refuse, EPERM without a
                       lease; report: allow and report them; off: ignore registrations
  --fail-on WHAT[,WHAT]...
                       exit 125 after a zombie, unleased-pin, late-break or refusal
  --json               the report as JSON
  --junit FILE         the report as a JUnit test suite too
  --output FILE        where the report goes (default: standard error)
  --inject FILE        faults to inject, a JSON list: see 'leasefs inject --help'; "after"
                       is counted in ms from the start of CMD
  --size, --store, --semantics, --lease-break-time
                       as 'leasefs mount' takes them

The exit code is CMD's, or 128 plus the number of the signal that ended it. If this machine
lacks what is needed (FUSE, seccomp) it is 77, a skipped test; with LEASEFS_REQUIRE=1, 125.`,

  async run(args) {
    const options = parseRunCommand(args);
    const injections = options.inject === undefined ? [] : readInjections(options.inject);
    const files = openReports(options);
    const waiting = WaitingCommand.ofLauncher() ?? withLauncher();
    try {
      return await onMount(options, injections, files, waiting);
    } finally {
      waiting.close();
    }
  },
};

/** Descriptors of the files that reports go to; undefined: there is none. */
interface ReportFiles {
  readonly output: number | undefined;
  readonly junit: number | undefined;
}

/** Before the command starts. @throws UsageError */
function openReports({ output, junit }: RunOptions): ReportFiles {
  const opened = (option: string, path: string | undefined): number | undefined => {
    try {
      return path === undefined ? undefined : openSync(path, 'w');
    } catch (error) {
      throw new UsageError(`${option}: ${errorLine(error)}`);
    }
  };
  return { output: opened('--output', output), junit: opened('--junit', junit) };
}

async function onMount(
  options: RunOptions,
  injections: readonly TimedInjection[],
  files: ReportFiles,
  waiting: WaitingCommand,
): Promise<number> {
  // The numbers of processes would be those of others.
  if (linkOf('/proc/self') !== `${process.pid}`)
    return lacking('/proc is of another pid namespace: mount one of this namespace (unshare --mount-proc)');
  let mounted: Mounted;
  try {
    mounted = await mountFor(options);
  } catch (error) {
    if (options.at !== undefined) throw error;
    return lacking(errorLine(error));
  }
  try {
    return await supervised(options, injections, files, mounted, waiting);
  } finally {
    await mounted.unmount();
  }
}

/** `bin/leasefs` starts Node.js by the launcher; without that this process begins anew. */
function withLauncher(): never {
  const why = errnoText(startByLauncher());
  throw new CommandError(`the launcher cannot be started: \`npm run build\` makes it (${why})`);
}

interface Mounted {
  readonly path: string;
  readonly notice: string;
  readonly unmount: () => Promise<void>;
}

async function mountFor({ at, mount }: RunOptions): Promise<Mounted> {
  if (at !== undefined) return { path: absolute(at), notice: '', unmount: async () => {} };
  return mountTemporarily(mount);
}

function lacking(why: string): number {
  const required = process.env.LEASEFS_REQUIRE === '1';
  console.error(`leasefs run: ${why}${required ? '' : '; skipped, LEASEFS_REQUIRE=1 makes this a failure'}`);
  return required ? EXIT_FAILED : EXIT_SKIPPED;
}

async function supervised(
  options: RunOptions,
  injections: readonly TimedInjection[],
  files: ReportFiles,
  { path, notice }: Mounted,
  waiting: WaitingCommand,
): Promise<number> {
  const link = new MountLink(path);
  const started = performance.now();
  const events: (ReportedEvent | LostEvents)[] = [];
  const registered = new Outcomes();
  const notSeen: RefusalLine[] = [];
  const watch = watched(path, events);
  const listener = waiting.start(path);
  if (listener === undefined) {
    const code = await waiting.exit;
    return code === EXIT_FAILED ? lacking('no seccomp user notification here') : code;
  }
  let ended: () => void = () => {};
  const allEnded = new Promise<void>(resolve => {
    ended = resolve;
  });
  const supervisor = new Supervisor(listener, link, {
    policy: options.policy,
    unleased: pin => registered.unleased.add(pin),
    outcome: (judged, outcome) => registered.set(judged, outcome),
    refused: line => notSeen.push(line),
    ended: () => ended(),
  });
  const stopInjecting = injectAll(path, injections, ({ do: name }, error) => {
    console.error(`leasefs run: cannot inject ${name}: ${errorLine(error)}`);
  });
  const code = await waiting.exit;
  const goesOn = !(await comesWithin(allEnded, STRAGGLERS_MS));
  stopInjecting();
  supervisor.close();
  const isServed = link.settle() >= 0;
  link.close();
  watch?.close();
  const report = reportOf(events, { command: options.command, code, goesOn, notice }, registered, notSeen);
  tell(options, files, report, (performance.now() - started) / 1000);
  if (watch === undefined)
    console.error(`leasefs run: ${path} tells no events, only unleased pins were seen`);
  if (!isServed) {
    console.error(`leasefs run: the daemon of ${path} ended during the run: the report is not complete`);
    return EXIT_FAILED;
  }
  const failed = [...options.failOn].some(failure => findings(report, failure).length > 0);
  return failed ? EXIT_FAILED : code;
}

/** Undefined where the mount has none. */
function watched(path: string, events: (ReportedEvent | LostEvents)[]): EventWatch | undefined {
  try {
    return watchEvents(path, event => events.push(event), EVENTS_MS);
  } catch {
    return undefined;
  }
}

function tell(
  { json, failOn }: RunOptions,
  { output, junit }: ReportFiles,
  report: RunReport,
  seconds: number,
): void {
  const text = json ? jsonLine('run', report) : textOf(report).join('\n');
  if (output === undefined) console.error(text);
  else writeFileSync(output, `${text}\n`);
  if (junit !== undefined) writeFileSync(junit, junitOf(report, failOn, seconds));
}
