// How processes have a file mapped: by pages of 4 KiB, or by the hardware's huge pages of 2 MiB. The kernel's own page tables
// say it (/proc/PID/smaps), for the processes that the caller may look into. A state of that instant.
import { commandOf } from './proc.js';
import { deviceNameOf, otherProcesses, textOf } from './proc-text.js';

export interface FileMapping {
  readonly pid: number;
  readonly command: string;
  /** Bytes of the file. */
  readonly off: number;
  readonly len: number;
  /** Bytes of it that the process has in its page tables, and those of them in huge pages. */
  readonly resident: number;
  readonly huge: number;
}

const HEADER = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) /;
const FIELD = /^(Rss|ShmemPmdMapped|FilePmdMapped): +(\d+) kB$/;

/** By pid and offset. @param dev st_dev of the file. The calling process is left out. */
export function mappingsOf(dev: number, ino: number): FileMapping[] {
  const place = ` ${deviceNameOf(dev)} ${ino} `;
  // smaps walks page tables: it is read of those alone that map the file.
  return otherProcesses()
    .filter(pid => textOf(`/proc/${pid}/maps`).includes(place))
    .flatMap(pid => mappingsIn(textOf(`/proc/${pid}/smaps`), place, pid));
}

function mappingsIn(smaps: string, place: string, pid: number): FileMapping[] {
  const found: { off: number; len: number; resident: number; huge: number }[] = [];
  let ours = false;
  for (const line of smaps.split('\n')) {
    const header = HEADER.exec(line);
    if (header !== null) {
      const [start, end, off] = header.slice(1, 4).map(hex => Number.parseInt(hex, 16)) as [
        number,
        number,
        number,
      ];
      ours = line.includes(place);
      if (ours) found.push({ off, len: end - start, resident: 0, huge: 0 });
      continue;
    }
    const field = ours ? FIELD.exec(line) : null;
    if (field === null) continue;
    const bytes = Number(field[2]) * 1024;
    if (field[1] === 'Rss') found.at(-1)!.resident += bytes;
    else found.at(-1)!.huge += bytes;
  }
  const command = commandOf(pid);
  return found.sort((a, b) => a.off - b.off).map(mapping => ({ pid, command, ...mapping }));
}
