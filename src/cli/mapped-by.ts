// The processes that map a file, as text.
import { printable } from '../base/words.js';
import type { FileMapping } from '../process/file-mappings.js';
import { exactSize } from './sizes.js';

/** One a mapping. */
export const mappingTexts = (mappings: readonly FileMapping[]): string[] =>
  mappings.map(({ pid, command, off, len, resident, huge }) => {
    const range = `[${exactSize(off)},${exactSize(off + len)})`;
    return `${pid} ${printable(command)}: ${range}, ${exactSize(resident)} in its page tables, ${exactSize(huge)} in huge pages`;
  });
