// Where the demo can be shown: here, in a user namespace, or in a virtual machine.
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NO_DEBUGGER } from '../../base/no-debugger.js';
import { mainFile } from '../temporary-mount.js';
import { CommandError } from '../verb.js';

/** In a clone; the npm package has no test/. */
const vm = fileURLToPath(new URL('../../../test/vm/main.js', import.meta.url));

/** @throws CommandError with what to do where /dev/fuse is missing or closed. */
export function requireFuse(): void {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const remedy =
      code === 'ENOENT' || code === 'ENXIO' || code === 'ENODEV'
        ? 'load it by `modprobe fuse`, give it to a container by `--device /dev/fuse`'
        : 'open it by `chmod 666 /dev/fuse`, give it to a container by `--device /dev/fuse`';
    throw new CommandError(
      `${code}: cannot open /dev/fuse: ${remedy}, or see the demo in a virtual machine by --vm`,
    );
  }
}

const succeeds = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

const IN_NAMESPACE = ['--user', '--map-root-user', '--mount'];

/** An ordinary user without fusermount3, whom the kernel lets mount in a user namespace. */
export const needsNamespace = (): boolean =>
  process.geteuid?.() !== 0 &&
  spawnSync('fusermount3', ['-V'], { stdio: 'ignore' }).error !== undefined &&
  succeeds('unshare', ...IN_NAMESPACE, 'true');

/** The demo as root of a user namespace; its exit code. */
export const inNamespace = (args: readonly string[]): number =>
  runHere('unshare', ...IN_NAMESPACE, process.execPath, NO_DEBUGGER, mainFile, 'demo', ...args);

/** The demo in a virtual machine; its exit code. */
export function inVm(args: readonly string[]): number {
  if (!existsSync(vm))
    throw new CommandError('--vm boots by test/vm, which a clone of leasefs has and the npm package has not');
  return runHere(process.execPath, vm, '--', process.execPath, 'dist/src/cli/main.js', 'demo', ...args);
}

function runHere(command: string, ...args: readonly string[]): number {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined) throw new CommandError(`${command}: ${error.message}`);
  return status ?? 1;
}
