// Which names a file may have.
import { errno } from '../../base/errno.js';
import { NAME_MAX } from '../../base/linux.js';
import type { Name } from '../../base/units.js';

/** 0, or why the name cannot be one: -ENAMETOOLONG beyond 255 bytes, -EINVAL for '', '.', '..' and '/'. */
export function badName(name: Name): number {
  if (name.length > NAME_MAX) return -errno.ENAMETOOLONG;
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0'))
    return -errno.EINVAL;
  return 0;
}
