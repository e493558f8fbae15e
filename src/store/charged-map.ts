// The extent map of a pooled file, whose part of the arena is charged to the users whose writes have made it grow. All files
// share the arena, and a block far behind the others takes four pages of it: without shares, one user with few blocks takes
// all. The file's maker does not pay for what others write: it may be root, who has no bound. Every change
// is written into the journal here, where there is one.
import type { Quota } from '../base/quota.js';
import { type ExtentArena, ExtentMap } from '../extent/index.js';
import type { PooledRecords } from './pooled-records.js';

export class ChargedMap extends ExtentMap {
  /** Of its file. */
  readonly number: number;
  /** Where its changes are written; undefined without a journal, and once the file is gone. */
  records: PooledRecords | undefined;
  private readonly shares: Quota;
  /** The user who pays for what the next changes add. */
  private payer: number;
  private charged = 0;
  /** The first user who has paid, and how much of `charged`; all others, where there are any. */
  private first: number;
  private firstPart = 0;
  private parts: Map<number, number> | undefined;

  /** @param shares words of the arena. */
  constructor(
    arena: ExtentArena,
    shares: Quota,
    uid: number,
    number: number,
    records: PooledRecords | undefined,
  ) {
    super(arena);
    this.shares = shares;
    this.payer = this.first = uid;
    this.number = number;
    this.records = records;
  }

  /** All of it is charged to this user: the journal does not say which users have paid. */
  restoredFor(uid: number): void {
    const { charged } = this;
    this.refund(charged);
    this.payer = this.first = uid;
    this.pay(uid, charged);
  }

  chargeTo(uid: number): void {
    this.payer = uid;
  }

  /** Whether the user who pays has a share left. One change may go beyond it. */
  get mayGrow(): boolean {
    return this.shares.has(this.payer);
  }

  override map(pgoff: number, blk: number, n: number): number {
    const others = this.others;
    const result = super.map(pgoff, blk, n);
    this.charge(others);
    if (this.records !== undefined && result === 0) this.records.blocks(this.number, pgoff, blk, n);
    return result;
  }

  override preallocate(pgoff: number, blk: number, n: number): number {
    const others = this.others;
    const result = super.preallocate(pgoff, blk, n);
    this.charge(others);
    if (this.records !== undefined && result === 0) this.records.blocks(this.number, pgoff, -blk, n);
    return result;
  }

  override markWritten(pgoff: number, n: number): number {
    const { others, seq } = this;
    const result = super.markWritten(pgoff, n);
    this.charge(others);
    if (this.records !== undefined && this.seq !== seq) this.records.written(this.number, pgoff, n);
    return result;
  }

  override punch(pgoff: number, n: number): number {
    const { others, seq } = this;
    const result = super.punch(pgoff, n);
    this.charge(others);
    if (this.records !== undefined && this.seq !== seq) this.records.hole(this.number, pgoff, n);
    return result;
  }

  override truncate(pgoff: number): number {
    const others = this.others;
    // By `punch`, which writes the record.
    const result = super.truncate(pgoff);
    this.charge(others);
    return result;
  }

  /** Words of the arena that other maps have: a change of this one leaves them. */
  private get others(): number {
    return this.arena.taken - this.charged;
  }

  private charge(others: number): void {
    const words = this.arena.taken - others;
    const more = words - this.charged;
    if (more === 0) return;
    this.charged = words;
    if (more > 0) this.pay(this.payer, more);
    else this.refund(-more);
  }

  private pay(uid: number, words: number): void {
    this.shares.charge(uid, words);
    if (this.firstPart === 0 && this.parts === undefined) this.first = uid;
    if (uid === this.first) this.firstPart += words;
    else {
      this.parts ??= new Map();
      this.parts.set(uid, (this.parts.get(uid) ?? 0) + words);
    }
  }

  /** To the user of the change before all others. */
  private refund(words: number): void {
    const { payer, first, parts } = this;
    let left = words;
    for (const uid of parts === undefined ? [first] : [payer, first, ...parts.keys()]) {
      const part = uid === first ? this.firstPart : (parts?.get(uid) ?? 0);
      const back = Math.min(left, part);
      if (back === 0) continue;
      this.pay(uid, -back);
      left -= back;
      if (uid !== first && back === part) parts!.delete(uid);
    }
    if (parts?.size === 0) this.parts = undefined;
  }
}
