// leasefs/client: layout leases and pins for Node programs, by the calls of native/include/leasefs.h.

export { isLeaseKind, type LeaseKind, leaseKinds } from '../abi/kinds.js';
export { FsError } from '../base/errno.js';
export type { BreakWatch, LeaseBreak } from './break-watch.js';
export type { DirectMapping } from './direct-mapping.js';
export {
  type EventName,
  type EventOptions,
  events,
  type LostEvents,
  type ReportedEvent,
  type ReportedHolder,
} from './events.js';
export {
  type Injection,
  inject,
  injectAll,
  parseInjection,
  type TimedInjection,
} from './injection.js';
export type { FileLayout, LayoutExtent, SegmentAddress } from './layout.js';
export { LeaseFile, type LeaseState, type Pin, type PinOptions, type SetLeaseOptions } from './lease-file.js';
export {
  type ReportedLease,
  type ReportedPin,
  type ReportedProcess,
  type ReportedStatus,
  type Reports,
  readReport,
} from './report.js';
