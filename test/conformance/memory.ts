// Mappings, and the ways of reading and writing that are not read and write.
import { type Check, script } from './check.js';

export const memory: Readonly<Record<string, Check>> = {
  'private mappings are copies, read-only ones refuse stores, shared ones need a descriptor open for writing':
    script('private-mappings'),
  'a mapping past the end is SIGBUS, the rest of the last page is zero, and both change with the size':
    script('sigbus-past-the-end'),
  'msync, mremap, madvise(DONTNEED) and fork keep a shared mapping the file': script('shared-mappings'),
  'O_DIRECT reads what was written and mapped, and writes what they read': script('direct-io'),
  'splice, sendfile, tee and vmsplice carry the bytes': script('splices'),
  'readv, writev, preadv2 and RWF_APPEND': script('vectors'),
  'a file can be executed, and is busy for writers while it runs': script('executed-file'),
};
