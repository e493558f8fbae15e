// The structs of native/include/leasefs.h and leasefs-private.h as offsets: what src/client sends and reads. The one table
// of the ABI in TypeScript; a test compares every number here with what a C compiler says of the headers.
// `bytes` is the size of a struct. Byte order is the machine's; little-endian wherever leasefs runs.

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
export const LEASEFS_HOLDER_FIRST = 256;

export const LEASEFS_XATTR_MAX = 128;
export const LEASEFS_MESSAGE_OPEN = 1;
export const LEASEFS_MESSAGE_CANCEL = 2;

/** struct leasefs_lease */
export const lease = {
  bytes: 56,
  version: 0,
  kind: 4,
  flags: 8,
  signal: 12,
  cookie: 16,
  description: 24,
  break_ms: 32,
} as const;

/** struct leasefs_pin */
export const pin = { bytes: 56, version: 0, flags: 4, off: 8, len: 16, owner: 24, id: 32 } as const;

/** struct leasefs_unpin */
export const unpin = { bytes: 32, version: 0, flags: 4, id: 8, count: 16 } as const;

/** struct leasefs_pin_info */
export const pinInfo = { bytes: 32, id: 0, off: 8, len: 16, pid: 24, flags: 28 } as const;

/** struct leasefs_pins */
export const pins = { bytes: 4128, version: 0, count: 4, after: 8, total: 16, pins: 32 } as const;

/** struct leasefs_report */
export const report = { bytes: 16032, version: 0, what: 4, off: 8, len: 12, size: 16, data: 32 } as const;

/** struct leasefs_extent */
export const extent = { bytes: 32, off: 0, len: 8, store: 16, flags: 24 } as const;

/** struct leasefs_layout */
export const layout = {
  bytes: 4184,
  version: 0,
  flags: 4,
  off: 8,
  len: 16,
  seq: 24,
  next: 32,
  count: 40,
  segment: 44,
  pid: 48,
  fd: 52,
  dev: 56,
  ino: 64,
  extents: 88,
} as const;

/** struct leasefs_supervise */
export const supervise = { bytes: 32, version: 0, fd: 4, pid: 8 } as const;

/** struct leasefs_lease_for */
export const leaseFor = {
  bytes: 48,
  version: 0,
  kind: 4,
  flags: 8,
  signal: 12,
  cookie: 16,
  start: 24,
  tid: 32,
} as const;

/** struct leasefs_pin_for */
export const pinFor = {
  bytes: 80,
  version: 0,
  holder: 4,
  ino: 8,
  off: 16,
  len: 24,
  start: 32,
  tid: 40,
  fd: 44,
  addr: 48,
  registered: 56,
  id: 64,
} as const;

/** struct leasefs_message */
export const message = { bytes: 8, id: 0, code: 4 } as const;

/** struct leasefs_open */
export const open = { bytes: 160, version: 0, fd: 4, description: 8, key: 32 } as const;

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
export const LEASEFS_IOC_SUPERVISE = iowr(0x90, supervise.bytes);
export const LEASEFS_IOC_SETLEASE_FOR = iowr(0x91, leaseFor.bytes);
export const LEASEFS_IOC_PIN_FOR = iowr(0x92, pinFor.bytes);
