// How many CPUs this process may use: its affinity, and the quota of its control groups (cgroups(7), v1 and v2).
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** CPUs of the affinity mask now, at most `quota`. */
export const usableCpus = (quota: number): number => Math.min(availableParallelism(), quota);

/**
 * What the process's control groups allow, in CPUs; Infinity without a limit. Read before the daemon mounts: no path here may lie below its own mount.
 * @param read the text of a file, '' when there is none
 */
export function cpuQuota(read: (path: string) => string = readText): number {
  const quotas = limitsOf(read('/proc/self/cgroup')).map(files => {
    const [quota, period] = files.map(read).join(' ').split(' ');
    const cpus = Number(quota) / Number(period);
    return cpus > 0 ? cpus : Number.POSITIVE_INFINITY;
  });
  return Math.min(...quotas);
}

/**
 * From lines `id:controllers:/path` of /proc/PID/cgroup the files, one or two, with quota and period of each group that
 * counts: its own, and those above it.
 */
function limitsOf(text: string): string[][] {
  return text.split('\n').flatMap(line => {
    const [, controllers = '-', path = ''] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    const above = withAbove(path);
    if (controllers === '') return above.map(group => [`/sys/fs/cgroup${group}/cpu.max`]);
    if (!controllers.split(',').includes('cpu')) return [];
    return above.map(group =>
      ['quota', 'period'].map(what => `/sys/fs/cgroup/cpu${group}/cpu.cfs_${what}_us`),
    );
  });
}

/** `/a/b`: `/a/b`, `/a` and the empty path, which is the root. */
function withAbove(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '');
  return Array.from({ length: parts.length + 1 }, (_, n) =>
    parts
      .slice(0, parts.length - n)
      .map(part => `/${part}`)
      .join(''),
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
