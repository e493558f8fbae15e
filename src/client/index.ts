// leasefs/client: layout leases and pins for Node programs, by the calls of native/include/leasefs.h.

export type {
  EventName,
  LostEvents,
  ReportedEvent,
  ReportedHolder,
} from '../abi/events.js';
export { type Injection, parseInjection, type TimedInjection } from '../abi/injection.js';
export { isLeaseKind, type LeaseKind, leaseKinds } from '../abi/kinds.js';
export type {
  ReportedLease,
  ReportedPin,
  ReportedProcess,
  ReportedRefusal,
  ReportedStatus,
  Reports,
} from '../abi/reports.js';
export { FsError } from '../base/errno.js';
export type { BreakWatch, LeaseBreak } from './break-watch.js';
export type { DirectMapping } from './direct-mapping.js';
export { type EventOptions, type EventWatch, events, watchEvents } from './events.js';
export { inject, injectAll } from './injection.js';
export type { FileLayout, LayoutExtent, SegmentAddress } from './layout.js';
export { LeaseFile, type LeaseState, type Pin, type PinOptions, type SetLeaseOptions } from './lease-file.js';
export { LeaseError, type Reason, reasonText } from './refusal.js';
export { readReport } from './report.js';
