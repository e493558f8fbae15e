// `fork { ... }` of `leasefs io`: a chain in a child process that inherits, as after fork(2), the open file description
// under the same number, the mappings (mapped anew, at the same file offsets) and the ring.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { FsError } from '../../base/errno.js';
import { NO_DEBUGGER } from '../../base/no-debugger.js';
import { native } from '../../native/binding.js';
import { UsageError } from '../verb.js';
import { type Forked, type IoOptions, IoProcess, type Ring } from './io-process.js';
import { type Command, programText } from './program.js';

/** What the child gets besides its chain, as JSON. */
interface Inherited {
  readonly name: string;
  readonly openFlags: number;
  /** -1: closed. */
  readonly fd: number;
  /** What names its description (LeaseFile), '0' where nothing does. */
  readonly description: string;
  readonly mappings: readonly (readonly [off: number, length: number])[];
  readonly ring: InheritedRing | undefined;
}

interface InheritedRing {
  readonly fd: number;
  /** Uring.shape(), base64. */
  readonly shape: string;
  readonly off: number;
  readonly length: number;
}

/** Starts the child; it runs beside this process until `wait`. */
export function fork(io: IoProcess, body: readonly Command[]): Forked {
  const { path, openFlags, keepGoing, name: parent } = io.options;
  const name = [...(parent === '' ? [] : [parent]), ++io.forked].join('.');
  const fd = io.isOpen ? io.file.fd : -1;
  const inherited: Inherited = {
    name,
    openFlags,
    fd,
    description: `${fd < 0 ? 0n : descriptionOf(io)}`,
    mappings: fd < 0 ? [] : io.mappings.map(({ off, length }) => [off, length] as const),
    ring: io.ring && inheritable(io.ring),
  };
  const stdio: ('ignore' | 'inherit' | number)[] = ['ignore', 'inherit', 'inherit'];
  for (const shared of [fd, inherited.ring?.fd ?? -1]) {
    if (shared < 0) continue;
    while (stdio.length <= shared) stdio.push('ignore');
    stdio[shared] = shared;
  }
  const child = spawn(
    process.execPath,
    [
      NO_DEBUGGER,
      ...process.execArgv,
      fileURLToPath(new URL('../main.js', import.meta.url)),
      'io',
      '--inherited',
      JSON.stringify(inherited),
      '-c',
      programText(body),
      ...(keepGoing ? ['-k'] : []),
      '--',
      path,
    ],
    { stdio },
  );
  const ended = new Promise<number>(resolve => {
    child.on('error', error => {
      io.print(`fork: ${error.message}`);
      resolve(1);
    });
    child.on('exit', code => resolve(code ?? 1));
  });
  const forked: Forked = { name, child, ended };
  io.forks.push(forked);
  return forked;
}

/** 0n on other filesystems. */
function descriptionOf(io: IoProcess): bigint {
  try {
    return io.file.getLease().description;
  } catch (error) {
    if (error instanceof FsError) return 0n;
    throw error;
  }
}

const inheritable = ({ uring, off, length }: Ring): InheritedRing => {
  return { fd: uring.fd, shape: Buffer.from(uring.shape()).toString('base64'), off, length };
};

/** The child's side. */
export function inherit(text: string, options: Omit<IoOptions, 'name' | 'openFlags'>): IoProcess {
  let inherited: Inherited;
  try {
    inherited = JSON.parse(text) as Inherited;
  } catch {
    throw new UsageError('--inherited is for the processes that fork makes');
  }
  const { name, openFlags, fd, description, mappings, ring } = inherited;
  const io = new IoProcess({ ...options, name, openFlags });
  if (fd >= 0) io.adoptFile(fd, BigInt(description));
  for (const [off, length] of mappings) io.map(off, length);
  if (ring !== undefined) {
    const shape = new Uint8Array(Buffer.from(ring.shape, 'base64')).buffer;
    io.ring = { uring: native.adoptUring(ring.fd, shape), off: ring.off, length: ring.length };
  }
  return io;
}
