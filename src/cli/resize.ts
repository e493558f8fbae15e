// `leasefs resize`: another --size for a mount that is there.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOption } from './mount-options.js';
import { readMounted } from './mounted-path.js';
import { readableSize } from './sizes.js';
import { CommandError, parseOptions, UsageError, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'resize',
  summary: 'change what the files of a mount may take',
  help: `usage: leasefs resize MNT SIZE

Changes --size of a mount, as \`mount -o remount,size=\` does on tmpfs: 512m, 4g. SIZE cannot
be less than what the files take now. Only root and the user of the mount may do so.
Programs read and write the number of bytes in MNT/.leasefs/size.`,

  run(args) {
    const [path, text, ...more] = parseOptions(args, {}).positionals;
    if (path === undefined || text === undefined || more.length > 0)
      throw new UsageError('MNT and SIZE are expected');
    const size = sizeOption(text, 'SIZE');
    const mountPoint = resize(path, size);
    const now = Number(readFileSync(join(mountPoint, '.leasefs/size'), 'latin1'));
    console.log(`${mountPoint}: ${readableSize(now)}`);
    return Promise.resolve(0);
  },
};

/** Of the mount that `path` is on; its root directory. @throws CommandError */
export function resize(path: string, size: number): string {
  const { mountPoint } = readMounted(path, 'status');
  const fd = openSync(join(mountPoint, '.leasefs/size'), 'r+');
  try {
    writeSync(fd, String(size));
  } catch (error) {
    throw new CommandError(
      `${mountPoint} was not resized: ${why(mountPoint, size, error as NodeJS.ErrnoException)}`,
    );
  } finally {
    closeSync(fd);
  }
  return mountPoint;
}

function why(mountPoint: string, size: number, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EPERM') return 'EPERM: only root and the user who mounted it may';
  if (code !== 'EINVAL') return message;
  const { used } = readMounted(mountPoint, 'status').report;
  return size < used
    ? `EINVAL: its files take ${readableSize(used)}: remove some first`
    : 'EINVAL: the pooled store cannot be larger than the memory of the machine, or its first --size if that is more';
}
