// What must come out on all CPUs, as ratios of times within one run.
import type { Part } from './report.js';
import { REFERENCE, type ServerName } from './servers.js';

interface Goal {
  readonly program: string;
  readonly ours: ServerName;
  readonly over: ServerName;
  /** Our time as a share of theirs, at most. */
  readonly most: number;
}

interface Verdict extends Goal {
  readonly ratio: number;
}

const FILES = ['tar x', 'cp -r', 'rm -rf', 'grep -r', 'SQLite commits'];
const BUFFERED = ['d1 read', 'd1 write', 'd16 read', 'd16 write'].map(row => `io_uring ${row}`);
const BOTH = ['direct', 'pooled'] as const;

const goals = (
  programs: readonly string[],
  ours: readonly ServerName[],
  over: ServerName,
  most: number,
): Goal[] => programs.flatMap(program => ours.map(server => ({ program, ours: server, over, most })));

const GOALS: readonly Goal[] = [
  ...goals(FILES, ['direct'], REFERENCE, 0.7),
  ...goals(FILES, ['pooled'], REFERENCE, 0.8),
  ...goals(FILES, BOTH, 'passthrough_hp', 0.5),
  ...goals(['ls -lR'], BOTH, 'passthrough_hp', 0.5),
  ...goals(BUFFERED, BOTH, REFERENCE, 1),
];

/** Those that the part has the figures for. */
export const judge = ({ rows }: Part): Verdict[] =>
  GOALS.flatMap(goal => {
    const figures = rows.find(row => row.program === goal.program)?.figures;
    const [ours, over] = [figures?.[goal.ours], figures?.[goal.over]];
    return ours === undefined || over === undefined ? [] : [{ ...goal, ratio: ours.ratio / over.ratio }];
  });
