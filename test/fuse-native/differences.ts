// The checks of test/conformance that come out otherwise through the fuse-native package: how, and why. A check that is
// not here must pass, one that is must fail just so: what the package learns is to be taken out.
export interface Difference {
  /** What the failed check says. */
  readonly says: RegExp;
  readonly why: string;
}

export const differences: Readonly<Record<string, Difference>> = {
  'names are bytes: not UTF-8, 255 of them, 256 are too many': {
    says: /EILSEQ/,
    why: 'the package decodes names from UTF-8, and what is none is lost',
  },
  'many links of one file, and names with every byte': {
    says: /Errno 84/,
    why: 'the same',
  },
  'rename with NOREPLACE and EXCHANGE': {
    says: /Errno 22.*renameat2/,
    why: 'libfuse 2 carries no flags of renameat2',
  },
  'rename with WHITEOUT leaves a device 0:0 at the old name': {
    says: /Errno 22.*renameat2/,
    why: 'the same',
  },
  'what another user makes is theirs: files, directories, links, fifos; they may change it': {
    says: /PermissionError/,
    why: 'the package does not hand over the caller: what is made belongs to the user who mounted',
  },
  'times before 1970 and after 2106, in nanoseconds': {
    says: /Errno 22/,
    why: 'the package has milliseconds without a sign',
  },
  'times: each alone by OMIT, both by NOW, of a symbolic link itself': {
    says: /AssertionError: \(1000, 1000\)/,
    why: 'the package hands over the access time twice, and for one time alone libfuse 2 asks nothing',
  },
  'xattrs: create, replace, list, remove, too small, none': {
    says: /Errno 84/,
    why: 'names of xattrs are decoded from UTF-8 too',
  },
  'fallocate, holes and SEEK_DATA': {
    says: /Errno 95.*fallocate/,
    why: 'the package carries no fallocate',
  },
  'fallocate and copy_file_range by others than root take setuid and setgid': {
    says: /AssertionError: 95/,
    why: 'the same',
  },
  'sizes: the largest offset, and beyond it': {
    says: /AssertionError/,
    why: 'the package carries no lseek: all of a file is data',
  },
  'unlinked while open: no longer in its directory': {
    says: /fuse_hidden/,
    why: 'libfuse 2 renames what is open instead of unlinking it, and close(2) does not wait for the end of that',
  },
  'O_TMPFILE has no name until it is linked': {
    says: /Errno 95/,
    why: 'libfuse 2 carries no tmpfile',
  },
  'chown to -1, -1 sets nothing and moves the ctime': {
    says: /AssertionError/,
    why: 'libfuse 2 asks nothing when there is nothing to set',
  },
  'birth time stays, and comes by statx': {
    says: /AssertionError: \(.*'0\.0/,
    why: 'libfuse 2 carries no statx',
  },
  'a removed directory takes no more names, and is there while it is open': {
    says: /FileNotFoundError/,
    why: 'libfuse 2 asks by path, and there is none any more',
  },
};
