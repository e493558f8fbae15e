// What a verb of `leasefs io` is: words are bound first, for the whole chain, so that a typing error runs nothing.
import type { Arguments } from './arguments.js';
import type { IoProcess } from './io-process.js';
import type { Command } from './program.js';

/** A verb with its arguments. */
export interface Step {
  /** As it is printed: sizes in bytes. */
  readonly text: string;
  /** What came back, one line or several; a refusal is thrown as FsError or as Node's own error with `errno`. */
  run(io: IoProcess): string | readonly string[] | Promise<string | readonly string[]>;
}

export interface IoVerb {
  /** 'pin [-d] OFF LEN' */
  readonly usage: string;
  readonly summary: string;
  readonly takesBody?: true;
  /** @throws UsageError */
  bind(args: Arguments, body: readonly Command[]): Step;
}

/** What a verb prints that has nothing to say. */
export const OK = 'ok';

/** A verb of a byte range and nothing else. */
export function rangeVerb(
  name: string,
  summary: string,
  run: (io: IoProcess, off: number, len: number) => string,
): IoVerb {
  return {
    usage: `${name} OFF LEN`,
    summary,
    bind(args) {
      const off = args.size('OFF');
      const len = args.size('LEN');
      args.end();
      return { text: `${name} ${off} ${len}`, run: io => run(io, off, len) };
    },
  };
}

/** A verb of one range and a byte to fill it with: `pwrite`, `mwrite`. */
export function fillVerb(
  name: string,
  summary: string,
  run: (io: IoProcess, off: number, len: number, byte: number) => string,
): IoVerb {
  return {
    usage: `${name} [-S BYTE] OFF LEN`,
    summary,
    bind(args) {
      const seed = args.option('-S');
      const byte = seed === undefined ? DEFAULT_BYTE : Number(seed);
      if (!Number.isInteger(byte) || byte < 0 || byte > 255) args.wrong(`BYTE '${seed}' is not 0 to 255`);
      const off = args.size('OFF');
      const len = args.size('LEN');
      args.end();
      return { text: `${name} ${off} ${len}`, run: io => run(io, off, len, byte) };
    },
  };
}

/** As xfs_io's. */
const DEFAULT_BYTE = 0xcd;

export const hexByte = (byte: number): string => `0x${byte.toString(16).padStart(2, '0')}`;
