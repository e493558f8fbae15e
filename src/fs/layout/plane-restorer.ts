// Reads the lease plane back from the journal of a daemon that has died. Its identities are checked anew: a process that
// has ended since is a dead one, and what was its ends as it does at any death, once the filesystem is served again.
//
// What ends with the daemon: injected faults, the events of the past.
import type { FileHandle, LeaseId, PinId, ProcessId } from '../../base/units.js';
import { RECORD } from '../../journal/records.js';
import type { Restorer } from '../../journal/restorer.js';
import type { Effect, SavedLease, SavedPin } from '../../lease/index.js';
import type { SavedProcess } from '../../process/processes.js';
import type { SavedVirtual } from '../vfs/virtual.js';
import { carryOutThese, endHandle } from './ask.js';
import { restoreGrant, type SavedGrant } from './grant.js';
import type { LeasePlane } from './plane.js';
import {
  type LeaseFacts,
  readGranted,
  readLease,
  readPin,
  readProcess,
  readRegistration,
  readToken,
  readVirtual,
} from './plane-records.js';
import type { SupervisedPin } from './supervised.js';

export class PlaneRestorer implements Restorer {
  private readonly plane: LeasePlane;
  private readonly leases = new Map<LeaseId, SavedLease & LeaseFacts>();
  private readonly grants = new Map<LeaseId, SavedGrant>();
  private readonly pins = new Map<PinId, SavedPin>();
  private readonly forced = new Set<FileHandle>();
  private readonly processes = new Map<ProcessId, SavedProcess>();
  private readonly tokens = new Map<FileHandle, bigint>();
  private readonly supervisors = new Map<FileHandle, ProcessId>();
  private readonly registrations = new Map<PinId, SupervisedPin>();
  private readonly virtual = new Map<FileHandle, SavedVirtual>();
  private lastLease = 0;
  private lastPin = 0;
  private nextProcess = 1;
  private nextEvent = 1;
  /** Processes that ended while no daemon was there. */
  private readonly ended: ProcessId[] = [];

  readonly handlers: Restorer['handlers'] = {
    [RECORD.lease]: record => {
      const lease = readLease(record);
      this.leases.set(lease.id, lease);
    },
    [RECORD.leaseGone]: record => {
      const lease = record.f64() as LeaseId;
      this.leases.delete(lease);
      this.grants.delete(lease);
    },
    [RECORD.granted]: record => {
      const [lease, uid, blk, n] = readGranted(record);
      const grant = this.grants.get(lease);
      if (grant === undefined) this.grants.set(lease, { uid, runs: [blk, n] });
      else grant.runs.push(blk, n);
    },
    [RECORD.pin]: record => {
      const pin = readPin(record);
      this.pins.set(pin.id, pin);
    },
    [RECORD.pinGone]: record => {
      const pin = record.f64() as PinId;
      this.pins.delete(pin);
      this.registrations.delete(pin);
    },
    [RECORD.process]: record => {
      const process = readProcess(record);
      this.processes.set(process.id, process);
    },
    [RECORD.processGone]: record => {
      this.processes.delete(record.f64() as ProcessId);
    },
    [RECORD.token]: record => {
      const [fh, token] = readToken(record);
      this.tokens.set(fh, token);
    },
    [RECORD.tokenGone]: record => {
      this.tokens.delete(record.f64() as FileHandle);
    },
    [RECORD.forced]: record => {
      this.forced.add(record.f64() as FileHandle);
    },
    [RECORD.forcedGone]: record => {
      this.forced.delete(record.f64() as FileHandle);
    },
    [RECORD.planeNumbers]: record => {
      this.lastLease = record.f64();
      this.lastPin = record.f64();
      this.nextProcess = record.f64();
      this.nextEvent = record.f64();
    },
    [RECORD.supervisor]: record => {
      const fh = record.f64() as FileHandle;
      this.supervisors.set(fh, record.f64() as ProcessId);
    },
    [RECORD.supervisorGone]: record => {
      this.supervisors.delete(record.f64() as FileHandle);
    },
    [RECORD.registration]: record => {
      const held = readRegistration(record);
      this.registrations.set(held.pin, held);
    },
    [RECORD.virtualFile]: record => {
      const [fh, file] = readVirtual(record);
      this.virtual.set(fh, file);
    },
    [RECORD.virtualFileGone]: record => {
      this.virtual.delete(record.f64() as FileHandle);
    },
  };

  constructor(plane: LeasePlane) {
    this.plane = plane;
  }

  /** Behind the files and descriptions, and `Filesystem.show`. Changes nothing of the mount yet, and notifies no process. */
  finish(): void {
    const { plane } = this;
    const { processes, leases, recorder, supervision, sb } = plane;
    processes.next = this.nextProcess;
    // The pins of a process end some at a time.
    const pinners = new Set<ProcessId>();
    for (const { owner, process } of this.pins.values()) if (owner === 0) pinners.add(process);
    for (const saved of this.processes.values()) {
      const lives = processes.takeOver(saved);
      if (!lives || (!saved.alive && pinners.has(saved.id))) this.ended.push(saved.id);
    }
    leases.restore({
      leases: this.leases.values(),
      pins: this.pins.values(),
      forced: this.forced,
      lastLease: this.lastLease,
      lastPin: this.lastPin,
    });
    for (const lease of this.leases.values()) {
      const { id, kind, owner, breaking } = lease;
      recorder.knows(id, kind, owner, breaking && breaking.until - plane.breakTime);
      const grant = this.grants.get(id);
      if (grant !== undefined) restoreGrant(plane, lease, grant);
    }
    for (const [fh, token] of this.tokens) {
      plane.tokens.set(fh, token);
      plane.byToken.set(token, fh);
    }
    for (const [fh, process] of this.supervisors) supervision.add(fh, process);
    for (const held of this.registrations.values()) if (this.pins.has(held.pin)) supervision.hold(held);
    recorder.ring.goOn(this.nextEvent);
    for (const [fh, file] of this.virtual) sb.virtual?.reopen(fh, file);
  }

  /** The transport is attached, and serves no request yet: what has ended since ends, and breaks go on. */
  takeOver(): void {
    const { plane } = this;
    plane.recorder.restarted();
    for (const fh of this.closed()) endHandle(plane, fh);
    for (const process of this.ended) plane.died(process);
    carryOutThese(plane, this.owed());
  }

  /** The notices that the last daemon had left to a later turn. */
  private owed(): Effect[] {
    const found: Effect[] = [];
    for (const { id: lease, file, description, owner, breaking, notice, isOwed } of this.leases.values()) {
      if (!isOwed || breaking === undefined || !this.plane.leases.breaking(description)) continue;
      const { breaker, must } = breaking;
      found.push({
        effect: 'tell',
        rule: 'B1',
        ...{ lease, file, description, owner, breaker, must, notice },
      });
    }
    return found;
  }

  /** Descriptions that are closed, whose end the last daemon had put off: it looked at memory that is registered. */
  private closed(): Set<FileHandle> {
    const { supervision, sb } = this.plane;
    const isClosed = (fh: FileHandle): boolean => !sb.handles.has(fh);
    const closed = new Set<FileHandle>();
    for (const { zombie, description } of this.leases.values())
      if (!zombie && isClosed(description)) closed.add(description);
    for (const { id, owner } of this.pins.values())
      if (owner !== 0 && supervision.heldPin(id) === undefined && isClosed(owner)) closed.add(owner);
    return closed;
  }
}
