// Which files lie behind memory of a process: /proc/PID/maps, for one filesystem. Pure.

export interface Mapping {
  /** [start, end) of the process's memory, bytes. */
  readonly start: number;
  readonly end: number;
  readonly ino: number;
  /** Offset in the file of `start`. */
  readonly off: number;
}

export interface FileRange {
  readonly ino: number;
  readonly off: number;
  readonly len: number;
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+)/;

/** @param device as in maps: 'fe:01'. In rising order. */
export function mappingsOf(maps: string, device: string): Mapping[] {
  const found: Mapping[] = [];
  for (const line of maps.split('\n')) {
    const [, start, end, off, on, ino] = LINE.exec(line) ?? [];
    if (on !== device) continue;
    found.push({
      start: Number.parseInt(start!, 16),
      end: Number.parseInt(end!, 16),
      off: Number.parseInt(off!, 16),
      ino: Number(ino),
    });
  }
  return found;
}

/** The parts of [addr, addr + bytes) that are files of these mappings; neighbours in memory and in the file are one. */
export function fileRangesOf(mappings: readonly Mapping[], addr: number, bytes: number): FileRange[] {
  const ranges: FileRange[] = [];
  let last: { ino: number; off: number; len: number } | undefined;
  let lastEnd = -1;
  for (const { start, end, ino, off } of mappings) {
    const from = Math.max(start, addr);
    const to = Math.min(end, addr + bytes);
    if (from >= to) continue;
    const at = off + (from - start);
    if (last !== undefined && lastEnd === from && last.ino === ino && last.off + last.len === at) {
      last.len += to - from;
    } else {
      last = { ino, off: at, len: to - from };
      ranges.push(last);
    }
    lastEnd = to;
  }
  return ranges;
}
