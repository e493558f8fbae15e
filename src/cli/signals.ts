// What signals do to a daemon: SIGINT and SIGTERM unmount (daemon.ts), SIGHUP begins a new log, and no other that can be
// caught ends it, stops it or opens a debugger: the files are in this process.
import { constants } from 'node:os';
import { guarded, type Log } from '../base/guarded.js';
import { native } from '../native/binding.js';

/** Their default would end the daemon; SIGUSR1's is Node's debugger. */
const IGNORED = [
  'SIGUSR1',
  'SIGUSR2',
  'SIGQUIT',
  'SIGALRM',
  'SIGVTALRM',
  'SIGPROF',
  'SIGPIPE',
  'SIGXCPU',
  'SIGXFSZ',
  'SIGPWR',
  'SIGSTKFLT',
] as const;
/** Of a background process group at a terminal: to write the log there would stop the daemon. */
const TERMINAL = [constants.signals.SIGTTIN, constants.signals.SIGTTOU];
/** Real-time signals; those below are the C library's. Node has no names for them. */
const FIRST_REAL_TIME = 34;
const LAST_REAL_TIME = 64;

/** @param reopen SIGHUP; false: there is no log to begin anew. */
export function ignoreSignals(log: Log, reopen: () => boolean): void {
  for (const signal of IGNORED) {
    process.on(
      signal,
      guarded(log, 'signal', () => log(`${signal} is ignored: SIGTERM unmounts`)),
    );
  }
  process.on(
    'SIGHUP',
    guarded(log, 'signal', () => {
      if (!reopen()) log('SIGHUP is ignored: there is no --log FILE to begin anew');
    }),
  );
  // The store probes by kernel leases whether its memory is in use (F20). An open during such a probe breaks the lease and
  // sends SIGIO, whose default action would kill the daemon.
  process.on('SIGIO', () => {});
  for (const signal of TERMINAL) native.ignoreSignal(signal);
  for (let signal = FIRST_REAL_TIME; signal <= LAST_REAL_TIME; signal++) native.ignoreSignal(signal);
}
