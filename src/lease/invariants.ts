// What holds between any two calls, as executable code: tests call it after each step.
import { EXCLUSIVE_BREAKABLE, NONE, SHARED_BREAKABLE } from '../abi/kinds.js';
import type { RangeIndex } from '../extent/range-index.js';
import { breakTarget, isUnbreakable } from './compatible.js';
import type { FileRecord, Lease, Waiter } from './records.js';
import type { LeaseState } from './state.js';

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`lease invariant broken: ${what}`);
}

export function checkState(state: LeaseState): void {
  let live = 0;
  let leases = 0;
  let pins = 0;
  let waiters = 0;
  for (const file of state.files.values()) {
    must(file.leases.length > 0 || file.waiters.size > 0, `file ${file.ino} has neither lease nor waiter`);
    checkCoexistence(file);
    for (const lease of file.leases) {
      checkLease(state, file, lease);
      leases++;
      if (!lease.zombie) live++;
      pins += lease.pins.size;
    }
    checkPins(file);
    for (const waiter of file.waiters) checkWaiter(state, file, waiter);
    waiters += file.waiters.size;
  }
  must(live === state.byDescription.size, 'live leases and their descriptions are as many');
  must(leases - live === state.zombies, 'zombies are counted');
  must(pins === state.pins.size, 'every pin is under one lease');
  must(waiters === state.waiters.size, 'every waiter is on one file');
  checkPending(state);
  checkParties(state);
  checkOwnersAndCharges(state);
}

/** L3: two unbreakable leases are compatible, and an exclusive lease is compatible with no other. */
function checkCoexistence({ ino, leases }: FileRecord): void {
  leases.forEach((lease, i) => {
    for (const other of leases.slice(i + 1)) {
      must(other.id > lease.id, `leases of file ${ino} are in order of age`);
      must(
        breakTarget(lease.kind, other.kind) === lease.kind,
        `leases ${lease.id} and ${other.id} are compatible`,
      );
    }
  });
}

function checkLease(state: LeaseState, file: FileRecord, lease: Lease): void {
  const name = `lease ${lease.id}`;
  must(lease.file === file && lease.kind !== NONE, `${name} is one of its file`);
  must(state.parties.get(lease.owner)?.leases.has(lease) ?? false, `${name} is its owner's`);
  const found = state.byDescription.get(lease.description);
  must(
    lease.zombie ? found !== lease : found === lease,
    `${name} is found by its description while it lives`,
  );
  must(!lease.zombie || lease.pins.size > 0, `${name} is a zombie only while pins are under it`);
  must(lease.pins.size === 0 || isUnbreakable(lease.kind), `${name} has pins, so it is unbreakable`);
  for (const pin of lease.pins) {
    must(pin.lease === lease && state.pins.get(pin.id) === pin, `pin ${pin.id} is under ${name}`);
    must(state.parties.get(pin.process)?.pins.has(pin) ?? false, `pin ${pin.id} is its maker's`);
  }
  must((lease.breaking !== undefined) === state.pending.has(lease), `${name} is pending while it is broken`);
  if (lease.breaking === undefined) return;
  must(!isUnbreakable(lease.kind) && !lease.ownerDead, `${name} is being broken: breakable, its owner lives`);
  const { must: to } = lease.breaking;
  must(
    to === NONE || (to === SHARED_BREAKABLE && lease.kind === EXCLUSIVE_BREAKABLE),
    `${name} gives something up in its break`,
  );
}

function checkPins(file: FileRecord): void {
  const all = file.leases.flatMap(lease => [...lease.pins]);
  file.pins.check();
  must(file.pins.size === all.length, `file ${file.ino}: the index holds its pins`);
  let own = 0;
  for (const [process, index] of file.pinsBy) {
    index.check();
    own += index.size;
    must(index.size > 0, `file ${file.ino}: an index of process ${process} is not empty`);
  }
  must(own === all.length, `file ${file.ino}: the indices by process hold its pins`);
  const found = (index: RangeIndex, start: number, end: number) => index.firstOverlap(start, end) !== 0;
  for (const { process, start, end } of all) {
    const mine = file.pinsBy.get(process);
    must(mine !== undefined && found(mine, start, end) && found(file.pins, start, end), 'pins are found');
  }
}

/** Each waiter waits for a break: without one it would wait for ever. */
function checkWaiter(state: LeaseState, file: FileRecord, waiter: Waiter): void {
  const name = `waiter ${waiter.id}`;
  must(waiter.file === file && state.waiters.get(waiter.id) === waiter, `${name} is one of its file`);
  must(state.parties.get(waiter.process)?.waiters.has(waiter) ?? false, `${name} is its process's`);
  if (waiter.woken) return;
  const held = file.leases.some(lease => lease.breaking !== undefined && lease.owner !== waiter.process);
  must(held, `${name} waits for a break`);
}

function checkPending(state: LeaseState): void {
  let last = Number.NEGATIVE_INFINITY;
  for (const lease of state.pending) {
    must(lease.file.leases.includes(lease), `pending lease ${lease.id} exists`);
    must(lease.breaking!.until >= last, 'pending breaks are in order of their ends');
    last = lease.breaking!.until;
  }
}

function checkParties(state: LeaseState): void {
  for (const [process, { leases, pins, waiters }] of state.parties) {
    must(leases.size + pins.size + waiters.size > 0, `process ${process} is named by something`);
    for (const lease of leases) must(lease.owner === process, `lease ${lease.id} is owned by ${process}`);
    for (const pin of pins) must(pin.process === process, `pin ${pin.id} was made by ${process}`);
    for (const waiter of waiters) must(waiter.process === process, `waiter ${waiter.id} is of ${process}`);
  }
}

function checkOwnersAndCharges(state: LeaseState): void {
  const charges = new Map<number, number>();
  let owned = 0;
  let blocks = 0;
  for (const pin of state.pins.values()) {
    blocks += pin.end - pin.start;
    if (pin.charged > 0) charges.set(pin.uid, (charges.get(pin.uid) ?? 0) + pin.charged);
    if (pin.owner === 0) continue;
    owned++;
    must(
      state.ownedPins.get(pin.owner)?.has(pin) ?? false,
      `pin ${pin.id} is found by the description that owns it`,
    );
  }
  must(blocks === state.pinnedBlocks, 'pinned blocks are counted');
  must(
    [...state.ownedPins.values()].every(set => set.size > 0),
    'no description owns an empty set',
  );
  must([...state.ownedPins.values()].reduce((n, set) => n + set.size, 0) === owned, 'owned pins exist');
  must(charges.size === state.charges.size, 'users are charged for pins that exist');
  for (const [uid, bytes] of charges)
    must(state.charges.get(uid) === bytes, `user ${uid} is charged rightly`);
}
