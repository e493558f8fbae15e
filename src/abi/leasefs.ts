// native/include/leasefs.h and leasefs-private.h in TypeScript: the one table of their numbers and structs, for the daemon,
// leasefs/client and leasefs run. A test compares it with what a C compiler says of the headers. `bytes` is a struct's size.

import { bytes, reserved, StructView, s32, u32, u64, type Versioned } from './struct.js';

export const LEASEFS_ABI = 1;

export const LEASEFS_F_LAYOUT = 16;
export const LEASEFS_F_EXCLUSIVE = 32;
export const LEASEFS_F_UNBREAK = 64;
export const LEASEFS_SHARED_BREAKABLE = 16;
export const LEASEFS_EXCLUSIVE_BREAKABLE = 17;
export const LEASEFS_SHARED = 80;
export const LEASEFS_EXCLUSIVE = 48;
export const LEASEFS_UNLCK = 2;

export const LEASEFS_NONBLOCK = 1;
export const LEASEFS_CANCEL = 2;
export const LEASEFS_UNDO = 4;
export const LEASEFS_TRY = 8;
export const LEASEFS_PIN_BY_PROCESS = 0;
export const LEASEFS_PIN_BY_DESCRIPTION = 1;
export const LEASEFS_UNPIN_ALL = 1;
export const LEASEFS_PIN_INFO_DESCRIPTION = 1;
export const LEASEFS_PIN_INFO_MINE = 2;
export const LEASEFS_PIN_INFO_ZOMBIE = 4;
export const LEASEFS_PINS_MAX = 128;
export const LEASEFS_REPORT_STATUS = 1;
export const LEASEFS_REPORT_LEASES = 2;
export const LEASEFS_REPORT_PINS = 3;
export const LEASEFS_REPORT_REFUSAL = 4;
export const LEASEFS_REPORT_MAX = 16000;
export const LEASEFS_LAYOUT_LIST = 1;
export const LEASEFS_LAYOUT_SEQ = 2;
export const LEASEFS_EXTENT_UNWRITTEN = 1;
export const LEASEFS_EXTENTS_MAX = 128;
export const LEASEFS_HOLDER_BUFFER = 1;
export const LEASEFS_HOLDER_RING = 2;
export const LEASEFS_HOLDER_RINGS = 3;
export const LEASEFS_HOLDER_SOCKET = 4;
export const LEASEFS_HOLDER_REGION = 5;
export const LEASEFS_HOLDER_GROUP = 6;
export const LEASEFS_HOLDER_MEMORY = 7;
export const LEASEFS_HOLDER_QUEUES = 8;
export const LEASEFS_HOLDER_FIRST = 256;
export const LEASEFS_HOLDER_ENDS = 512;
export const LEASEFS_HOLDER_GOES_ON = 1024;

export const LEASEFS_ADDRESS_MAX = 96;
export const LEASEFS_XATTR_MAX = 128;
export const LEASEFS_MESSAGE_OPEN = 1;
export const LEASEFS_MESSAGE_CANCEL = 2;

/** struct leasefs_lease */
export const lease = {
  bytes: 56,
  version: u32(0),
  kind: u32(4),
  flags: u32(8),
  signal: s32(12),
  cookie: u64(16),
  description: u64(24),
  break_ms: u32(32),
  reserved: reserved(36, 56),
} as const;

/** struct leasefs_pin */
export const pin = {
  bytes: 56,
  version: u32(0),
  flags: u32(4),
  off: u64(8),
  len: u64(16),
  owner: u64(24),
  id: u64(32),
  reserved: reserved(40, 56),
} as const;

/** struct leasefs_unpin */
export const unpin = {
  bytes: 32,
  version: u32(0),
  flags: u32(4),
  id: u64(8),
  count: u32(16),
  reserved: reserved(20, 32),
} as const;

/** struct leasefs_pin_info */
export const pinInfo = {
  bytes: 32,
  id: u64(0),
  off: u64(8),
  len: u64(16),
  pid: s32(24),
  flags: u32(28),
} as const;

/** struct leasefs_pins */
export const pins = {
  bytes: 4128,
  version: u32(0),
  count: u32(4),
  after: u64(8),
  total: u64(16),
  reserved: reserved(24, 32),
  pins: bytes(32, LEASEFS_PINS_MAX * pinInfo.bytes),
} as const;

/** struct leasefs_report */
export const report = {
  bytes: 16032,
  version: u32(0),
  what: u32(4),
  off: u32(8),
  len: u32(12),
  size: u32(16),
  reserved: reserved(20, 32),
  data: bytes(32, LEASEFS_REPORT_MAX),
} as const;

/** struct leasefs_extent */
export const extent = {
  bytes: 32,
  off: u64(0),
  len: u64(8),
  store: u64(16),
  flags: u32(24),
  reserved: reserved(28, 32),
} as const;

/** struct leasefs_layout */
export const layout = {
  bytes: 4184,
  version: u32(0),
  flags: u32(4),
  off: u64(8),
  len: u64(16),
  seq: u64(24),
  next: u64(32),
  count: u32(40),
  segment: u32(44),
  pid: s32(48),
  fd: s32(52),
  dev: u64(56),
  ino: u64(64),
  reserved: reserved(72, 88),
  extents: bytes(88, LEASEFS_EXTENTS_MAX * extent.bytes),
} as const;

/** struct leasefs_watch */
export const watch = {
  bytes: 128,
  version: u32(0),
  reserved: reserved(4, 24),
  token: u64(24),
  address: bytes(32, LEASEFS_ADDRESS_MAX),
} as const;

/** struct leasefs_notice */
export const notice = {
  bytes: 16,
  kind: u32(0),
  break_ms: u32(4),
  error: s32(8),
  readable: u32(12),
} as const;

/** Bytes. */
export const LEASEFS_SUPERVISE_TOKEN = 16;

/** struct leasefs_supervise */
export const supervise = {
  bytes: 32,
  version: u32(0),
  fd: s32(4),
  pid: s32(8),
  token: bytes(12, LEASEFS_SUPERVISE_TOKEN),
  reserved: reserved(28, 32),
} as const;

/** struct leasefs_lease_for */
export const leaseFor = {
  bytes: 48,
  version: u32(0),
  kind: u32(4),
  flags: u32(8),
  signal: s32(12),
  cookie: u64(16),
  start: u64(24),
  tid: s32(32),
  held: u32(36),
  identity: u64(40),
} as const;

/** struct leasefs_pin_for */
export const pinFor = {
  bytes: 88,
  version: u32(0),
  holder: u32(4),
  ino: u64(8),
  off: u64(16),
  len: u64(24),
  start: u64(32),
  tid: s32(40),
  fd: s32(44),
  addr: u64(48),
  registered: u64(56),
  id: u64(64),
  identity: u64(72),
  part: u32(80),
  reserved: reserved(84, 88),
} as const;

/** struct leasefs_message; `code` of an answer is 0 or -errno. */
export const message = { bytes: 8, id: u32(0), code: u32(4) } as const;

/** struct leasefs_open */
export const open = {
  bytes: 160,
  version: u32(0),
  fd: s32(4),
  description: u64(8),
  reserved: reserved(16, 32),
  key: bytes(32, LEASEFS_XATTR_MAX),
} as const;

/** LEASEFS_XATTR */
export const xattr = 'system.leasefs';

/** _IOWR('Y', number, struct of `size` bytes) */
const iowr = (number: number, size: number): number =>
  ((3 << 30) | (size << 16) | (0x59 << 8) | number) >>> 0;

export const LEASEFS_IOC_SETLEASE = iowr(0x80, lease.bytes);
export const LEASEFS_IOC_GETLEASE = iowr(0x81, lease.bytes);
export const LEASEFS_IOC_PIN = iowr(0x82, pin.bytes);
export const LEASEFS_IOC_UNPIN = iowr(0x83, unpin.bytes);
export const LEASEFS_IOC_GETPINS = iowr(0x84, pins.bytes);
export const LEASEFS_IOC_REPORT = iowr(0x85, report.bytes);
export const LEASEFS_IOC_LAYOUT = iowr(0x86, layout.bytes);
export const LEASEFS_IOC_WATCH = iowr(0x87, watch.bytes);
export const LEASEFS_IOC_SUPERVISE = iowr(0x90, supervise.bytes);
export const LEASEFS_IOC_SETLEASE_FOR = iowr(0x91, leaseFor.bytes);
export const LEASEFS_IOC_PIN_FOR = iowr(0x92, pinFor.bytes);

/** A zeroed struct with its version. */
export function newStruct(table: Versioned): StructView {
  const struct = new StructView(new ArrayBuffer(table.bytes));
  struct.setU32(table.version, LEASEFS_ABI);
  return struct;
}
