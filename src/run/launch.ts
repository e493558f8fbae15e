// The process that becomes the command. `leasefs-launch` made it before Node.js began here, so that it has all that our parent
// left to us: descriptors, ignored signals, limits, and words that are no UTF-8. It is our child and waits for
// the mount's path; then it installs the filter, sends the listener and becomes the command.
import { POLLIN } from '../base/linux.js';
import { type Descriptor, native } from '../native/binding.js';
import { built } from '../native/built.js';

/** SOCKET:PID:WITNESS, for this process alone. */
const VARIABLE = 'LEASEFS_RUN_CHILD';

export class WaitingCommand {
  /** As a shell tells it: an exit code, or 128 plus the number of a signal. */
  readonly exit: Promise<number>;
  private socket: number;

  /** @param witness a socket: the process behind it knows which signals our whole process group gets. */
  private constructor(socket: number, pid: number, witness: number) {
    this.socket = socket;
    const pidfd = native.pidfdOpen(pid);
    // What is sent to us is meant for the command, now and until we end.
    native.forwardSignals(pidfd.fd, witness);
    native.close(witness);
    this.exit = new Promise(resolve => {
      const poller = native.poll(pidfd.fd, POLLIN, () => {
        poller.close();
        pidfd.close();
        resolve(codeOf(native.waitChild(pid)));
      });
    });
  }

  /** Undefined where Node.js was started without the launcher. */
  static ofLauncher(): WaitingCommand | undefined {
    const made = /^(\d+):(\d+):(\d+)$/.exec(process.env[VARIABLE] ?? '');
    delete process.env[VARIABLE];
    if (made === null) return undefined;
    return new WaitingCommand(Number(made[1]), Number(made[2]), Number(made[3]));
  }

  /**
   * Lets it become the command.
   * @param path of the mount
   * @returns the filter's listener, or undefined when there is none: the process has said why, or a signal has ended it.
   */
  start(path: string): Descriptor | undefined {
    try {
      const text = new TextEncoder().encode(path);
      if (native.sendMessage(this.socket, text.buffer as ArrayBuffer, text.length) < 0) return undefined;
      return native.receiveFd(this.socket);
    } catch {
      return undefined;
    } finally {
      this.close();
    }
  }

  /** Where it was not started, it ends. */
  close(): void {
    if (this.socket >= 0) native.close(this.socket);
    this.socket = -1;
  }
}

/** Starts this process anew, by the launcher. @returns the positive errno of a failure */
export function startByLauncher(): number {
  const program = built('leasefs-launch');
  const command = [program, process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  const env = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
  return -native.execute(program, command, env, []);
}

/** @param status of waitpid(2), or -errno: another part of this process has waited for it. */
function codeOf(status: number): number {
  if (status < 0) return UNKNOWN;
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

const UNKNOWN = 125;
