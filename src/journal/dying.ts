// Death on demand, for tests: at a moment of the n-th entry of the journal from now on.

/** Which moment, and how many entries there are until then; 0: never. */
export const dying: { at: 'before' | 'between' | 'after'; left: number } = { at: 'before', left: 0 };

/** An entry that counts begins. */
export function entryBegins(): void {
  dying.left--;
  if (dying.left === 0 && dying.at === 'before') die();
  // 0 means never.
  if (dying.left === 0) dying.left = -1;
}

/** It counts; its answer has not gone out. */
export function entryCounts(): void {
  if (dying.left === -1 && dying.at === 'between') die();
}

/** The next request: the answer has gone out. */
export function answerIsOut(): void {
  if (dying.left === -1 && dying.at === 'after') die();
}

function die(): void {
  process.kill(process.pid, 'SIGKILL');
  // The signal may come a moment later.
  for (;;);
}
