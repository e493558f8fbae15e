// How the tests of rules begin: a world whose processes have its first file open, and an outcome in words.
import { type Outcome, World } from './world.js';

/** 'VERDICT RULE'. */
export const says = ({ verdict, rule }: Outcome): string => `${verdict} ${rule}`;

/** Process p with description p, open on file 1, for each of `n`. */
export function opened(n: number, world = new World()): World {
  for (let p = 1; p <= n; p++) world.open(p, p, 1);
  return world;
}
