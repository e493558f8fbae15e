// Writes the lease plane into the journal: leases and pins as the machine marks them, once a commit; at once what changes
// rarely (tokens, supervisors, open virtual files); a process when a lease, a pin or a break first names it.
import type { FileHandle, LeaseId, PinId, ProcessId } from '../../base/units.js';
import type { Journal, Source } from '../../journal/journal.js';
import type { Log } from '../../journal/log.js';
import { RECORD } from '../../journal/records.js';
import type { Changes, Lease, Notebook, Pin } from '../../lease/index.js';
import type { SavedVirtual, VirtualKeeper } from '../vfs/virtual.js';
import type { LeasePlane } from './plane.js';
import {
  putGranted,
  putLease,
  putPin,
  putProcess,
  putRegistration,
  putSupervisor,
  putToken,
  putVirtual,
} from './plane-records.js';
import type { SupervisedPin } from './supervised.js';

export class PlaneJournal implements Source, VirtualKeeper {
  /** Pins that are being given their blocks: their request is unanswered, and asks again. */
  readonly filling = new Set<PinId>();
  private readonly plane: LeasePlane;
  private readonly journal: Pick<Journal, 'log' | 'isChanged'>;
  private readonly changes: Changes;
  private readonly changed: LeaseWriter;
  /** Processes that are written, with their start time as written. */
  private readonly named = new Map<ProcessId, number>();
  private lastLease = 0;
  private lastPin = 0;
  private nextProcess = 0;
  private nextEvent = 0;

  /** Behind the restorer: what it restored is in the journal. */
  constructor(plane: LeasePlane, journal: Pick<Journal, 'log' | 'isChanged'>) {
    this.plane = plane;
    this.journal = journal;
    const changed = (): void => {
      journal.isChanged = true;
    };
    this.changes = plane.leases.keepChanges(changed);
    plane.recorder.ring.added.push(changed);
    this.changed = new LeaseWriter(plane, this.filling, journal.log, process => this.name(process));
    for (const id of plane.processes.ids()) this.named.set(id, plane.process(id).start);
    plane.processes.forgotten = process => this.forgotten(process);
  }

  flush(log: Log): void {
    this.changed.log = log;
    this.changes.take(this.changed);
    const { leases, processes, recorder } = this.plane;
    const isSame =
      leases.lastLease === this.lastLease &&
      leases.lastPin === this.lastPin &&
      processes.next === this.nextProcess &&
      recorder.ring.next === this.nextEvent;
    if (!isSame) this.putNumbers(log);
  }

  *sweep(log: Log): Generator<void> {
    const { plane } = this;
    this.putNumbers(log);
    for (const process of this.named.keys()) {
      this.putProcess(log, process);
      yield;
    }
    const steps = plane.leases.sweep(new LeaseWriter(plane, this.filling, log, () => {}));
    while (steps.next().done !== true) yield;
    for (const [fh, token] of plane.tokens) {
      putToken(log, fh, token);
      yield;
    }
    for (const [lease, { grant, uid }] of plane.grants) {
      const { runs } = grant;
      for (let i = 0; i < runs.length; i += 2, yield) putGranted(log, lease, uid, runs[i]!, runs[i + 1]!);
    }
    for (const [fh, process] of plane.supervision.eachSupervisor()) putSupervisor(log, fh, process);
    for (const held of plane.supervision.eachHeld()) {
      putRegistration(log, held);
      yield;
    }
    for (const [fh, file] of plane.sb.virtual?.eachSaved() ?? []) {
      putVirtual(log, fh, file);
      yield;
    }
  }

  /** The pin has its blocks now. */
  filled(pin: PinId): void {
    this.filling.delete(pin);
    this.plane.leases.pinChanged(pin);
  }

  token(fh: FileHandle, token: bigint): void {
    putToken(this.journal.log, fh, token);
  }

  tokenGone(fh: FileHandle): void {
    this.journal.log.number(RECORD.tokenGone, fh);
  }

  /** Blocks of a layout that was granted. */
  granted(lease: LeaseId, uid: number, blk: number, n: number): void {
    putGranted(this.journal.log, lease, uid, blk, n);
  }

  supervisor(fh: FileHandle, process: ProcessId): void {
    this.name(process);
    putSupervisor(this.journal.log, fh, process);
  }

  supervisorGone(fh: FileHandle): void {
    this.journal.log.number(RECORD.supervisorGone, fh);
  }

  /** Of a supervisor's pin; gone with the pin. */
  registered(held: SupervisedPin): void {
    putRegistration(this.journal.log, held);
  }

  virtualFile(fh: FileHandle, file: SavedVirtual): void {
    putVirtual(this.journal.log, fh, file);
  }

  virtualFileGone(fh: FileHandle): void {
    this.journal.log.number(RECORD.virtualFileGone, fh);
  }

  /** The process has ended, and is named as a dead one from now on. */
  died(process: ProcessId): void {
    if (this.named.has(process)) this.putProcess(this.journal.log, process);
  }

  private forgotten(process: ProcessId): void {
    if (this.named.delete(process)) this.journal.log.number(RECORD.processGone, process);
  }

  private name(process: ProcessId): void {
    const start = this.named.get(process);
    if (start !== undefined && (start > 0 || this.plane.process(process).start === 0)) return;
    this.putProcess(this.journal.log, process);
  }

  private putProcess(log: Log, process: ProcessId): void {
    const saved = this.plane.processes.saved(process);
    if (saved === undefined) return;
    this.named.set(process, saved.start);
    putProcess(log, saved);
  }

  private putNumbers(log: Log): void {
    const { leases, processes, recorder } = this.plane;
    this.lastLease = leases.lastLease;
    this.lastPin = leases.lastPin;
    this.nextProcess = processes.next;
    this.nextEvent = recorder.ring.next;
    log.begin(RECORD.planeNumbers);
    log.f64(this.lastLease);
    log.f64(this.lastPin);
    log.f64(this.nextProcess);
    log.f64(this.nextEvent);
    log.end();
  }
}

class LeaseWriter implements Notebook {
  log: Log;
  private readonly plane: LeasePlane;
  private readonly filling: ReadonlySet<PinId>;
  private readonly name: (process: ProcessId) => void;

  /** @param name writes the process, if it is not written yet. */
  constructor(plane: LeasePlane, filling: ReadonlySet<PinId>, log: Log, name: (process: ProcessId) => void) {
    this.plane = plane;
    this.filling = filling;
    this.log = log;
    this.name = name;
  }

  lease(lease: Lease): void {
    this.name(lease.owner);
    if (lease.breaking !== undefined) this.name(lease.breaking.breaker);
    putLease(this.log, lease, this.plane.notices.isOwed(lease.id));
  }

  leaseGone(lease: LeaseId): void {
    this.log.number(RECORD.leaseGone, lease);
  }

  pin(pin: Pin): void {
    if (this.filling.size > 0 && this.filling.has(pin.id)) return;
    this.name(pin.process);
    putPin(this.log, pin);
  }

  pinGone(pin: PinId): void {
    this.log.number(RECORD.pinGone, pin);
  }

  forced(description: FileHandle, is: boolean): void {
    this.log.number(is ? RECORD.forced : RECORD.forcedGone, description);
  }
}
