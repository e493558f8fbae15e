// B7: a call that would deadlock does not wait. Kernel counterpart: posix_locks_deadlock in fs/locks.c. The wait graph
// is read off the waiters and the pending breaks: a parked call waits for the owners of all leases of its file that
// are being broken, except its own process.
import type { ProcessId } from '../base/units.js';
import type { Lease } from './records.js';
import type { LeaseState } from './state.js';

/**
 * Whether `process` would wait for itself if it waited for the owners of `leases`. One waiting thread counts as a
 * waiting process. Cost: each waiting process that can be reached, once.
 */
export function wouldDeadlock(state: LeaseState, process: ProcessId, leases: readonly Lease[]): boolean {
  const seen = new Set<ProcessId>();
  const next = leases.map(lease => lease.owner);
  for (let owner = next.pop(); owner !== undefined; owner = next.pop()) {
    if (owner === process) return true;
    if (seen.has(owner)) continue;
    seen.add(owner);
    for (const { file } of state.parties.get(owner)?.waiters ?? []) {
      for (const lease of file.leases) if (lease.breaking !== undefined) next.push(lease.owner);
    }
  }
  return false;
}
