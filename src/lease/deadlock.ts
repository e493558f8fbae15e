// B7: no circle waits. Who waits for whom is read off the waiters and the breaks that are pending now: a waiting call
// waits for the owners of all leases of its file that are being broken, its own process's excepted.
import type { ProcessId } from '../base/units.js';
import type { Lease, LeaseState } from './state.js';

/**
 * Whether `process` would wait for itself if it waited for the owners of `leases`. Any thread that waits makes its
 * process wait. Cost: the waiting processes that can be reached, each once.
 */
export function closesCircle(state: LeaseState, process: ProcessId, leases: readonly Lease[]): boolean {
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
