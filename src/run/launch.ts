// Starts a command under the filter: `leasefs-launch` installs it, sends the listener over a socket and becomes the
// command, so that it is a child of ours with our standard streams, its environment and its exit code.
import { type ChildProcess, spawn } from 'node:child_process';
import { type Descriptor, native } from '../native/binding.js';
import { built } from '../native/built.js';

const launcher = built('leasefs-launch');
/** Where the launcher finds its end of the socket. */
const SOCKET_FD = 3;

interface Launched {
  readonly child: ChildProcess;
  /** The listener, or undefined when the launcher could not install the filter: it has said why and ended with 125. */
  readonly listener: Descriptor | undefined;
}

/** @throws an Error of spawn's when the launcher is not built. */
export function launch(command: readonly string[], env: NodeJS.ProcessEnv): Launched {
  const [ours, its] = native.socketpair();
  try {
    const child = spawn(launcher, [`${SOCKET_FD}`, ...command], {
      stdio: ['inherit', 'inherit', 'inherit', its.fd],
      env,
    });
    // Else its end would never be seen.
    its.close();
    return { child, listener: child.pid === undefined ? undefined : receive(ours) };
  } finally {
    ours.close();
    its.close();
  }
}

function receive(socket: Descriptor): Descriptor | undefined {
  try {
    return native.receiveFd(socket.fd);
  } catch {
    return undefined;
  }
}
