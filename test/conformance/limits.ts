// Permissions and limits: groups, umask, inherited bits, file size limits, long and odd paths, descriptors without a file.
import { type Check, script } from './check.js';

export const limits: Readonly<Record<string, Check>> = {
  'a supplementary group opens what its mode lets it': script('supplementary-group'),
  'umask, and the group and setgid bit of a setgid directory': script('umask-and-setgid'),
  'chown: what only the owner may, and the bits that it clears': script('chown'),
  'chown to -1, -1 sets nothing and moves the ctime': script('chown-to-nothing'),
  'a sticky directory: only the owners remove and rename': script('sticky-directory'),
  'fallocate and copy_file_range by others than root take setuid and setgid':
    script('setuid-taken-by-fallocate'),
  'RLIMIT_FSIZE: a short write, then SIGXFSZ and EFBIG; truncate too': script('file-size-limit'),
  'sizes: the largest offset, and beyond it': script('largest-sizes'),
  'birth time stays, and comes by statx': script('birth-time'),
  'long paths, dot and dot-dot, empty names, trailing slashes': script('long-paths'),
  'O_PATH names a file and opens nothing; openat, fchdir and /proc/self/fd go through it':
    script('path-descriptors'),
  'many links of one file, and names with every byte': script('many-links'),
  'a directory whose every name is renamed while it is read comes to an end, and is seen whole after rewinddir':
    script('readdir-beside-renames'),
  'a removed directory takes no more names, and is there while it is open': script('removed-directory'),
};
