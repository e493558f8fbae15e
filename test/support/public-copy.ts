// The built project where any user can load it: the clone may lie below a home that is closed. A user is given to a process
// when it starts: process.setuid throws in a Node.js whose libuv may use io_uring.
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const project = fileURLToPath(new URL('../../..', import.meta.url));

/** Copies what the package has, and what npm puts beside it, to `directory`. */
export function copyProject(directory: string): void {
  for (const path of ['bin', 'dist/src', 'node_modules/lru-cache'])
    cpSync(join(project, path), join(directory, path), { recursive: true });
  for (const path of [
    'package.json',
    'native/build/Release/leasefs.node',
    'native/build/Release/leasefs-launch',
    'native/build/Release/leasefs-keeper',
  ]) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    copyFileSync(join(project, path), join(directory, path));
  }
}

let copy: string | undefined;

/** The command, for any user. */
export const publicCli = (): string => fileURLToPath(publicModule('cli/main'));

/** The same as a program, `bin/leasefs`. */
export const publicCommand = (): string => join(dirname(publicCli()), '../../../bin/leasefs');

/** The URL of a module below src, 'client/index', in a copy that is gone with this process. */
export function publicModule(name: string): string {
  if (copy === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'leasefs-public-'));
    chmodSync(made, 0o755);
    process.on('exit', () => rmSync(made, { recursive: true }));
    copyProject(made);
    copy = made;
  }
  return pathToFileURL(join(copy, 'dist/src', `${name}.js`)).href;
}
