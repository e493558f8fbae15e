// Debian's stock kernels for virtual machines: downloaded as packages and unpacked below the cache, never installed.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { apt, cached, inCache, keep, must, say } from './host.js';
import type { Processor } from './processor.js';

export interface Kernel {
  /** As uname -r. */
  readonly release: string;
  readonly image: string;
  /** A directory that holds lib/modules. */
  readonly root: string;
}

/** The newest kernel of a series, '6.12' or, with larger pages, '6.12-16k'; of those in the cache, else of those that apt offers. */
export function kernelOf(series: string, processor: Processor): Kernel {
  const name = newest(cached().filter(name => isStock(name, series, processor)));
  const root = name === undefined ? download(series, processor) : inCache(name);
  const [release] = readdirSync(join(root, 'lib/modules'));
  return { release: release!, image: join(root, 'boot', `vmlinuz-${release}`), root };
}

/** Whether a package is a kernel of a series for the processor: no real-time, no cloud kernel. */
function isStock(name: string, series: string, { debian }: Processor): boolean {
  const [version, pages] = series.split('-');
  const end = pages === undefined ? debian : `${debian}-${pages}`;
  const stock = new RegExp(`^linux-image-${version!.replace('.', '\\.')}\\.[0-9][^ ]*-${end}$`);
  return stock.test(name) && !/-(rt|cloud)-/.test(name);
}

function download(series: string, processor: Processor): string {
  const name = newest(
    must(...apt('apt-cache', processor), 'pkgnames', `linux-image-${series.split('-')[0]}.`)
      .split('\n')
      .filter(name => isStock(name, series, processor)),
  );
  if (name === undefined)
    throw new Error(
      `apt offers no kernel ${series}: run apt-get update; 6.12 is in bookworm-security and bookworm-backports`,
    );
  say(`downloading ${name}`);
  return keep(name, (to, work) => {
    must('env', '-C', work, ...apt('apt-get', processor), 'download', '-q', name);
    const archive = readdirSync(work).find(file => file.endsWith('.deb'))!;
    must('dpkg', '-x', join(work, archive), to);
    const [release] = readdirSync(join(to, 'lib/modules'));
    must('depmod', '-b', to, release!);
  });
}

/** The greatest by the numbers in it. */
function newest(names: readonly string[]): string | undefined {
  return [...names].sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}
