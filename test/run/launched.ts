// `leasefs run` as bin/leasefs starts it, by the launcher: begun without it Node.js is started twice.
import { built } from '../../src/native/built.js';
import { cli } from '../support/mounted.js';

const [program, ...words] = [built('leasefs-launch'), process.execPath, cli];

/** The program and its words, up to `run`. */
export const launched = { program: program!, words } as const;

/** The words after the program: a run on the mount with its report as JSON in the file `output`, up to the command. */
export const reporting = (at: string, output: string, ...options: readonly string[]): string[] => [
  ...words,
  ...['run', '--at', at, '--json', '--output', output, ...options, '--'],
];
