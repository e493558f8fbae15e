// A row of the table: a contestant with one file, wherever it runs.
import { join } from 'node:path';
import { PinnedProcess } from '../shared/pinned-process.js';
import type { Answer, Ask, TimedAxis } from './axes.js';
import type { ContestantName, RowName } from './contestant.js';
import type { Shape } from './workload.js';

export interface Row {
  readonly name: RowName;
  load(shape: Shape, count: number): Promise<Answer>;
  time(axis: TimedAxis, ms: number): Promise<Answer>;
  garbage(): Promise<Answer>;
  tail(changes: number): Promise<Answer>;
  /** Checks the file again after all changes, and ends. */
  close(): Promise<void>;
}

/** Every contestant gets the same files, places and changes. */
export const SEED = 1;

const SCRIPT = join(import.meta.dirname, 'contestant-process.js');

export class NodeRow implements Row {
  readonly name: ContestantName;
  private readonly process: PinnedProcess<Ask, Answer>;
  private loaded = false;

  constructor(name: ContestantName) {
    this.name = name;
    this.process = new PinnedProcess(name, SCRIPT);
  }

  async load(shape: Shape, count: number): Promise<Answer> {
    const checker = new PinnedProcess<Ask, Answer>(this.name, SCRIPT);
    await checker.ask({ ask: 'check', name: this.name, seed: SEED });
    await checker.close();
    const answer = await this.process.ask({ ask: 'load', name: this.name, shape, count, seed: SEED });
    this.loaded = 'axes' in answer;
    return answer;
  }
  time(axis: TimedAxis, ms: number): Promise<Answer> {
    return this.process.ask({ ask: 'time', axis, ms });
  }
  garbage(): Promise<Answer> {
    return this.process.ask({ ask: 'garbage' });
  }
  tail(changes: number): Promise<Answer> {
    return this.process.ask({ ask: 'tail', changes });
  }
  async close(): Promise<void> {
    if (this.loaded) await this.process.ask({ ask: 'verify' });
    await this.process.close();
  }
}
