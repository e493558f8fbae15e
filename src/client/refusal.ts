// Why a call was refused: the daemon says it (REPORT), with the rule, the lease or pin that refuses, and what the caller can do.

import type { ReportedHolder } from '../abi/events.js';
import type { ReportedRefusal } from '../abi/reports.js';
import { errno, errnoName, FsError } from '../base/errno.js';
import type { Calls } from './calls.js';
import { readReportBy } from './report.js';

/** All undefined where no rule refused the call: EINTR, ENOTTY, the mount is gone. */
export interface Reason {
  /** The number of the rule (src/lease/README.md): `leasefs explain X1` prints it. */
  readonly rule?: string | undefined;
  /** The lease that refuses, or with `pin` the pin under it; undefined where none does. */
  readonly holder?: ReportedHolder | undefined;
  /** What the caller can do. */
  readonly remedy?: string | undefined;
}

/** A refused call of LeaseFile, with the daemon's reason. */
export class LeaseError extends FsError implements Reason {
  declare readonly remedy: string | undefined;
  readonly holder: ReportedHolder | undefined;

  /** @param code errno, positive or negative. */
  constructor(code: number, what: string, refusal: Reason = {}) {
    super(code, `${what}${reasonText(refusal)}`, refusal.rule);
    this.name = 'LeaseError';
    this.holder = refusal.holder;
    this.remedy = refusal.remedy;
  }
}

/** Of these the daemon knows nothing. */
const unknown: ReadonlySet<number> = new Set([errno.ENOTTY, errno.EINTR, errno.ENOTCONN]);

/**
 * The refusal behind `code`, which a call of this process on the file has just answered; undefined: it was no rule.
 * @param since Date.now() before the call: what is older belongs to another one.
 */
export function refusalOf(calls: Calls, code: number, since: number): ReportedRefusal | undefined {
  if (unknown.has(Math.abs(code))) return undefined;
  try {
    const { refusal } = readReportBy(calls, 'refusal');
    return refusal?.errno === errnoName(code) && refusal.time >= since ? refusal : undefined;
  } catch {
    // The errno is known all the same.
    return undefined;
  }
}

/** ' [X1]: pin 3 [0, 8192) of 4711 (server); wait until its end: it is unpinned or its owner dies'; '' without a rule. */
export function reasonText({ rule, holder, remedy }: Reason): string {
  if (rule === undefined) return '';
  const why = [holder && holderText(holder), remedy].filter(part => part !== undefined);
  return ` [${rule}]${why.length === 0 ? '' : `: ${why.join('; ')}`}`;
}

function holderText({ kind, lease, zombie, pin, off = 0, len = 0, pid, command }: ReportedHolder): string {
  const by = pid === 0 ? 'an unidentified process' : `${pid} (${command})`;
  if (pin === 0) return `kernel pin [${off}, ${off + len}) of ${by}`;
  if (pin !== undefined) return `pin ${pin} [${off}, ${off + len}) of ${by}`;
  return `${zombie ? 'zombie of ' : ''}'${kind}' lease ${lease} of ${by}`;
}
