// The daemon's log: lines to a file, a terminal or a pipe. It never waits for a reader: a line that cannot be written now is
// dropped. No user can fill it: the lines that one user causes are bounded (log-limit.ts). Both are counted.
import { closeSync, constants, fstatSync, open, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { guarded } from '../base/guarded.js';
import { POLLOUT } from '../base/linux.js';
import { native } from '../native/binding.js';
import { LogLimit } from './log-limit.js';

const { O_APPEND, O_CREAT, O_NOCTTY, O_NONBLOCK, O_RDWR, O_WRONLY } = constants;
const MODE = 0o644;
/** ms after which the log reports how many lines were left out. */
const TELL_MS = 1000;

/**
 * Opens a log without waiting for a reader: a FIFO without one is opened for reading too, which never waits.
 * @throws the errors of open(2)
 */
export function openLog(path: string): number {
  return openSync(path, flagsFor(path), MODE);
}

function flagsFor(path: string): number {
  const isFifo = statSync(path, { throwIfNoEntry: false })?.isFIFO() ?? false;
  return (isFifo ? O_RDWR : O_WRONLY | O_CREAT) | O_APPEND | O_NONBLOCK | O_NOCTTY;
}

export class DaemonLog {
  private readonly path: string | undefined;
  private readonly limit = new LogLimit();
  private fd: number;
  /** Of a line that the pipe took a part of. */
  private rest = Buffer.alloc(0);
  private lost = 0;
  private timer: NodeJS.Timeout | undefined;
  /** Whether a descriptor is of a file on our own mount: to write there would wait for ourselves. */
  isOurs: (fd: number) => boolean = () => false;

  /** @param path undefined: standard error. */
  constructor(path: string | undefined) {
    this.path = path;
    this.fd = path === undefined ? unblocked(2) : openLog(path);
  }

  /** @param uid who caused it; undefined: no user in particular. */
  readonly line = (text: string, uid = -1): void => {
    if (this.limit.admits(uid, performance.now())) this.write(text);
    else
      this.timer ??= setTimeout(
        guarded(
          text => this.write(text),
          'log timer',
          () => this.tell(),
        ),
        TELL_MS,
      ).unref();
  };

  /** Begins the file anew, which may have another name by now (log rotation); false: there is none. */
  readonly reopen = (): boolean => {
    const { path } = this;
    if (path === undefined) return false;
    // Not in this thread: the file may lie on a slow filesystem, or on our own mount.
    open(
      path,
      O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY,
      MODE,
      guarded(this.line, 'log timer', (error: Error | null, fd: number) => {
        if (error !== null) return this.write(`SIGHUP: the old log goes on: ${error.message}`);
        if (this.isOurs(fd)) {
          closeSync(fd);
          return this.write(`SIGHUP: the old log goes on: ${path} is on this very mount`);
        }
        closeSync(this.fd);
        this.fd = fd;
        this.rest = Buffer.alloc(0);
        this.write('SIGHUP: the log begins anew');
      }),
    );
    return true;
  };

  private tell(): void {
    this.timer = undefined;
    for (const text of this.limit.takeLeftOut()) this.write(text);
  }

  private write(text: string): void {
    const missing = this.lost === 0 ? '' : `lost: ${this.lost} lines that could not be written\n`;
    const bytes = Buffer.concat([this.rest, Buffer.from(`${missing}${text}\n`)]);
    const whole = this.rest.length;
    const written = this.put(bytes);
    if (written > whole) {
      this.lost = 0;
      this.rest = bytes.subarray(written);
    } else {
      this.lost++;
      this.rest = Buffer.from(bytes.subarray(written, whole));
    }
  }

  /** How many bytes were taken; 0 where it would wait, on a full disk and of a closed terminal. */
  private put(bytes: Buffer): number {
    try {
      return native.pollWait(this.fd, POLLOUT, 0) > 0 ? writeSync(this.fd, bytes) : 0;
    } catch {
      return 0;
    }
  }
}

/** A new description of a file that may block, so that O_NONBLOCK affects no other writer; a socket has none. */
function unblocked(fd: number): number {
  const stat = fstatSync(fd);
  if (!stat.isFIFO() && !stat.isCharacterDevice()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY);
  } catch {
    return fd;
  }
}

/** The mount that a descriptor is on, as mountinfo numbers it, without asking the filesystem. */
export function mountIdOf(fd: number): number {
  const [, id] = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
  return Number(id);
}
