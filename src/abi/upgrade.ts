// What `leasefs upgrade` writes to `.leasefs/upgrade`: the program that is to go on with the mount.

export interface WireUpgrade {
  /** Version of the journal that it reads and writes. */
  readonly journal: number;
  /** Its path, absolute, and its first arguments; the daemon adds those that it has itself. */
  readonly program: readonly string[];
}

const isWord = (word: unknown): word is string => typeof word === 'string' && !word.includes('\0');

/** @throws Error with one line that says what is wrong. */
export function parseUpgrade(text: string): WireUpgrade {
  const { journal, program } = JSON.parse(text) as Partial<Record<keyof WireUpgrade, unknown>>;
  if (typeof journal !== 'number' || !Number.isSafeInteger(journal))
    throw new Error(`"journal" is a version, not ${JSON.stringify(journal)}`);
  if (!Array.isArray(program) || !program.every(isWord) || !program[0]?.startsWith('/'))
    throw new Error('"program" is an absolute path and arguments');
  return { journal, program };
}
