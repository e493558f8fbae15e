// How long the channel looks for the next request before it sleeps. A sleep and a wake of an idle CPU take 20 to 60 us,
// often more than all else of a request; a client that asks again within that time gets its answer sooner, at the price of
// CPU time. Pure: the session says after each wait how long it was.
//
// It promises: nothing is spun where the daemon has one CPU, nor while no request comes. Spins that end without a request
// soon stop: the client needs this very CPU, or the machine is busy. Then the policy tries again, after more requests each
// time.

import type { ReportedStatus } from '../abi/reports.js';

/** us to spin; auto: up to AUTO_US where it pays; 0: never. */
export type Spin = 'auto' | number;

/** About what a sleep and a wake take: who spins so long at most spends at most twice the better of both. */
export const AUTO_US = 50;
/** A request that comes later than this after a spin says that the client paused. It cost 0.5 % of that time. */
const PAUSE_US = 10_000;
/** A spin in vain takes so much of the trust that a success adds 1 to. After a rest there is trust for one of them. */
const VAIN = 2;
const MOST_TRUST = 8;
/** Requests without a spin after the trust is gone: doubled each time, up to the most, and the least after full trust. */
const LEAST_REST = 8;
const MOST_REST = 4096;

export class Spinning {
  private readonly spin: Spin;
  private readonly cpus: () => number;
  /** us to look for the next request. */
  limit = 0;
  private trust = 0;
  /** Requests that came soon since the last spin, and how many it takes to try again. */
  private soon = 0;
  private rest = LEAST_REST;
  private found = 0;
  private vain = 0;
  private us = 0;

  /** @param cpus how many CPUs the daemon may use now; asked before spinning begins (again). */
  constructor(spin: Spin, cpus: () => number) {
    this.spin = spin;
    this.cpus = cpus;
    if (spin !== 'auto') this.limit = spin;
  }

  get counts(): ReportedStatus['spin'] {
    const { spin, found, vain, us } = this;
    return { mode: spin === 'auto' ? spin : spin === 0 ? 'off' : `${spin} us`, found, vain, us };
  }

  /** A request came `waited` us after the last answer; `limit` is then for the next one. */
  came(waited: number): void {
    const { limit } = this;
    if (limit > 0) this.count(waited, limit);
    if (this.spin !== 'auto') return;
    if (limit === 0) this.rests(waited);
    else if (waited <= limit) this.succeeds();
    else if (waited < PAUSE_US) this.fails();
  }

  private count(waited: number, limit: number): void {
    if (waited <= limit) {
      this.found++;
      this.us += waited;
    } else {
      this.vain++;
      this.us += limit;
    }
  }

  private rests(waited: number): void {
    if (waited >= PAUSE_US || ++this.soon < this.rest) return;
    this.soon = 0;
    if (this.cpus() < 2) return;
    this.trust = VAIN;
    this.limit = AUTO_US;
  }

  private succeeds(): void {
    if (this.trust === MOST_TRUST) return;
    if (++this.trust === MOST_TRUST) this.rest = LEAST_REST;
  }

  private fails(): void {
    this.trust -= VAIN;
    if (this.trust > 0) return;
    this.limit = 0;
    this.rest = Math.min(this.rest * 2, MOST_REST);
  }
}
