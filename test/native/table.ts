// What the addon exports, and which kinds of arguments each function and method takes: the fuzzer calls all of it, and what
// is not here fails a test. A kind is what table-values.ts makes.
import type { Channel, Descriptor, native, Poller, Uring } from '../../src/native/binding.js';

/**
 * Kinds that are never any value, with the reason: a free one would end, replace or stop this process, or disturb the
 * machine. Their wrong values are harmless too.
 */
export const restricted = {
  taken: 'the call closes it: a descriptor that was made for the call, or a number that none has',
  fd: 'the number of a descriptor of Node.js would change that one: those that stay open, or a number that none has',
  file: 'to read waits for ever where nothing is ready, and on a pidfd: the memory file, or a number that none has',
  socket: 'to receive waits for ever, to send may: sockets with O_NONBLOCK',
  nowhere: 'mount, unmount, load or execute what is there: paths that lead nowhere',
  signal: 'ends this process: 0, and numbers that are no signal',
  handled: 'is ignored from then on, SIGSEGV of a sanitizer too: numbers that are no signal',
  forward: 'all signals of this process go there from then on: no process',
  command: 'F_SETFL makes a descriptor wait or sends SIGIO: the others',
  request: 'some freeze a filesystem: those that ask',
  advice: 'some poison pages of the machine: the others',
  ms: 'waits: 0 or 1 ms',
  bytes: 'takes that memory: little, or more than there can be',
  entries: 'takes that memory: few, or more than are allowed',
  pid: 'the memory of others is none of ours: this process, or none',
} as const;

export type Kind =
  | keyof typeof restricted
  | 'ring'
  | 'number'
  | 'off'
  | 'flag'
  | 'text'
  | 'path'
  | 'option'
  | 'buffer'
  | 'mapping'
  | 'doubles'
  | 'pieces'
  | 'texts'
  | 'memories'
  | 'fds'
  | 'callback'
  | 'bigint';

export type Exported = keyof typeof native;

/** `scratch` is an array, `pageSize` a number. */
export const functions: Readonly<Record<Exclude<Exported, 'scratch' | 'pageSize'>, readonly Kind[]>> = {
  abstractName: ['fd'],
  accept: ['socket', 'doubles'],
  adoptFuse: ['taken', 'bytes', 'entries'],
  adoptUring: ['taken', 'buffer'],
  clock: [],
  close: ['taken'],
  closeAside: ['taken'],
  connectMessages: ['text'],
  connectStream: ['text'],
  copyFileRange: ['fd', 'off', 'fd', 'off', 'off'],
  dup: ['fd'],
  execute: ['nowhere', 'texts', 'texts', 'fds'],
  fadvise: ['fd', 'off', 'off', 'number'],
  fallocate: ['fd', 'number', 'off', 'off'],
  fallocateGuarded: ['fd', 'number', 'off', 'off'],
  fcntl: ['fd', 'command', 'number'],
  fileCreate: ['fd', 'off'],
  fileId: ['fd', 'doubles'],
  fileOpen: ['fd', 'off'],
  fileRemove: ['fd', 'off', 'fd'],
  fileStatScratch: ['fd', 'off'],
  flagsOf: ['fd'],
  forwardSignals: ['forward', 'fd'],
  fstat: ['fd', 'doubles'],
  fstatScratch: ['fd'],
  ftruncate: ['fd', 'off'],
  ftruncateAside: ['fd', 'off'],
  getxattr: ['fd', 'text', 'buffer'],
  gettid: [],
  hasCapability: ['pid', 'number', 'fd'],
  ignoreSignal: ['handled'],
  ioctl: ['fd', 'request', 'buffer'],
  ioctlAsync: ['fd', 'request', 'buffer'],
  isMountedAt: ['nowhere', 'off'],
  listenMessages: [],
  listenStreams: ['fd'],
  loadLibrary: ['nowhere'],
  lseek: ['fd', 'number', 'number'],
  madvise: ['mapping', 'off', 'off', 'advice'],
  map: ['fd', 'off', 'bytes', 'number'],
  mapAnonymous: ['bytes'],
  mapPieces: ['pieces', 'number', 'number'],
  memfdCreate: ['text'],
  memlockOf: ['pid'],
  mount: ['text', 'nowhere', 'text', 'number', 'text'],
  msync: ['mapping', 'off', 'off'],
  open: ['path', 'number', 'number'],
  openFuse: ['path', 'bytes', 'entries'],
  pidfdGetfd: ['fd', 'number'],
  pidfdOpen: ['pid'],
  pidfdOpenThread: ['pid'],
  pidfdSignal: ['fd', 'signal', 'bigint'],
  poll: ['socket', 'number', 'callback'],
  pollWait: ['fd', 'number', 'ms'],
  populate: ['fd', 'off', 'off'],
  pread: ['fd', 'buffer', 'off', 'off', 'off'],
  presentPages: ['fd', 'off', 'off'],
  punchAside: ['fd', 'off', 'off'],
  pwrite: ['fd', 'buffer', 'off', 'off', 'off'],
  raiseFileLimit: [],
  readMemory: ['pid', 'off', 'buffer'],
  receiveFd: ['socket'],
  receiveMessage: ['socket', 'buffer', 'doubles'],
  receiveRecord: ['socket', 'buffer', 'doubles'],
  sameDescription: ['pid', 'number', 'pid', 'number'],
  sendDatagram: ['text', 'text', 'fd'],
  sendFd: ['socket', 'fd'],
  sendMessage: ['socket', 'buffer', 'off'],
  sendRecord: ['socket', 'buffer', 'off', 'fd'],
  setImmutable: ['fd', 'flag'],
  socketDomain: ['fd'],
  socketpair: [],
  syncFileRange: ['fd', 'off', 'off'],
  threadOf: ['pid', 'pid'],
  tmpfsConfigure: ['fd', 'option', 'option'],
  tmpfsMake: ['text', 'option', 'option'],
  tmpfsSpace: ['fd', 'doubles'],
  umount: ['nowhere', 'number'],
  umountMount: ['nowhere', 'off', 'number'],
  unmap: ['mapping'],
  uring: ['entries'],
  uringRegister: ['ring', 'number'],
  uverbsRegions: ['fd'],
  waitChild: ['pid'],
};

/** Getters take nothing. */
export const methods: {
  readonly Descriptor: Readonly<Record<keyof Descriptor, readonly Kind[]>>;
  readonly Poller: Readonly<Record<keyof Poller, readonly Kind[]>>;
  readonly Channel: Readonly<Record<keyof Channel, readonly Kind[]>>;
  readonly Uring: Readonly<Record<keyof Uring, readonly Kind[]>>;
} = {
  Descriptor: { fd: [], close: [], release: [] },
  Poller: { close: [], unref: [] },
  Channel: {
    request: [],
    reply: [],
    fd: [],
    lost: [],
    skipsTurns: [],
    start: ['callback', 'callback'],
    spin: ['number'],
    send: ['number'],
    sendv: ['number', 'memories', 'doubles', 'number'],
    backingOpen: ['fd'],
    backingClose: ['number'],
    close: [],
  },
  Uring: {
    fd: [],
    register: ['mapping', 'off', 'off'],
    unregister: [],
    readFixed: ['file', 'off', 'off', 'off'],
    shape: [],
    close: [],
  },
};
