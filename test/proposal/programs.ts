// The programs of the scenarios, compiled below dist/ when a source is newer: a virtual machine sees those that the host
// compiled, and its own compiler is slow.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** test/proposal of the sources: this file runs from dist/. */
const sources = fileURLToPath(new URL('../../../test/proposal/', import.meta.url));
const native = join(sources, '../../native');
const built = fileURLToPath(new URL('programs/', import.meta.url));

/** What they are linked with: the proposal's fcntl and what registers memory, or the ioctls of leasefs.h. */
export type Calls = 'fcntl' | 'ioctl';
/** With which device memory is registered: a ring, or a queue pair of RDMA. */
export type Device = 'uring' | 'rdma';
/** `static`: with everything, so that nothing can be preloaded into them. */
export type Linkage = 'dynamic' | 'static';

export const scenarioNames: readonly string[] = readdirSync(join(sources, 'scenarios'))
  .map(file => basename(file, '.c'))
  .sort();

const parts = (calls: Calls, device: Device): readonly string[] =>
  calls === 'fcntl' ? ['lease-fcntl.c', `memory-${device}.c`] : ['lease-ioctl.c', 'memory-ioctl.c'];

/** A directory of them, by their names. */
export function programsOf(calls: Calls, device: Device, linkage: Linkage): string {
  const programs = join(built, [process.arch, calls, device, linkage].join('-'));
  if (modified(programs) > newest(sources, join(native, 'include'), join(native, 'examples')))
    return programs;
  mkdirSync(built, { recursive: true });
  const work = mkdtempSync(`${programs}.`);
  try {
    compileInto(work, calls, device, linkage);
    rmSync(programs, { recursive: true, force: true });
    renameSync(work, programs);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return programs;
}

function compileInto(work: string, calls: Calls, device: Device, linkage: Linkage): void {
  const flags = ['-Wall', '-Wextra', '-Werror', '-O1', '-I', join(native, 'include')];
  const objects = parts(calls, device).map(file => {
    const object = join(work, `${file}.o`);
    compile(...flags, '-c', join(sources, file), '-o', object);
    return object;
  });
  const last = [
    ...(linkage === 'static' ? ['-static'] : []),
    ...(calls === 'fcntl' && device === 'rdma' ? ['-libverbs'] : []),
  ];
  for (const name of scenarioNames)
    compile(...flags, join(sources, `scenarios/${name}.c`), ...objects, '-o', join(work, name), ...last);
}

function compile(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('gcc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc ${args.join(' ')}: ${stderr ?? error}`);
}

const modified = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newest(...directories: readonly string[]): number {
  return Math.max(
    ...directories.flatMap(directory =>
      readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(name =>
        modified(join(directory, name)),
      ),
    ),
  );
}
