// Reads the reports of a mount (src/abi/reports.ts).

import * as abi from '../abi/leasefs.js';
import { type ReportKind, type Reports, reportNumber } from '../abi/reports.js';
import { FsError } from '../base/errno.js';
import { Calls } from './calls.js';

/**
 * @param fd any descriptor of the mount: of a directory for the whole mount, of a file for that file.
 * @throws FsError ENOTTY when `fd` is not on a leasefs mount; EAGAIN when reports of this user take their share of the daemon's
 * heap.
 */
export function readReport<What extends ReportKind>(fd: number, what: What): Reports[What] {
  using calls = new Calls(fd);
  return readReportBy(calls, what);
}

export function readReportBy<What extends ReportKind>(calls: Calls, what: What): Reports[What] {
  const struct = abi.newStruct(abi.report);
  const parts: Uint8Array[] = [];
  let off = 0;
  for (let size = 1; off < size; ) {
    struct.setU32(abi.report.what, reportNumber(what));
    struct.setU32(abi.report.off, off);
    const result = calls.call(abi.LEASEFS_IOC_REPORT, struct.buffer);
    if (result < 0) throw new FsError(result, `reading the ${what} report`);
    const len = struct.u32(abi.report.len);
    size = struct.u32(abi.report.size);
    if (len === 0 || len > abi.LEASEFS_REPORT_MAX) break;
    parts.push(struct.data(abi.report.data).slice(0, len));
    off += len;
  }
  return JSON.parse(Buffer.concat(parts).toString('utf8'), decodeName) as Reports[What];
}

/** Names are bytes: the daemon writes one character (U+0000 to U+00FF) a byte. */
function decodeName(key: string, value: unknown): unknown {
  const isName = (key === 'path' || key === 'command') && typeof value === 'string';
  return isName ? Buffer.from(value, 'latin1').toString('utf8') : value;
}
