// Which ranges of which files io_uring has registered as buffers: what /proc/PID/fdinfo says of a ring, joined with what
// /proc/PID/maps says of memory. Pure. Kernel counterpart: io_uring/fdinfo.c.

/** Memory that a process has mapped of a file. Bytes; addresses are exact below 2^53, as those of processes are. */
export interface Mapping {
  readonly begin: number;
  readonly end: number;
  /** Where in the file it begins. */
  readonly off: number;
  /** MAP_SHARED. */
  readonly shared: boolean;
  readonly ino: number;
  /** As that process sees it, with ' (deleted)' behind where there is no name any more. */
  readonly path: string;
}

/** What a descriptor of a ring links to in /proc/PID/fd. */
export const RING = 'anon_inode:[io_uring]';

interface Memory {
  readonly address: number;
  readonly length: number;
}

/** A registered buffer; `index`: its slot of the table. */
interface Buffer extends Memory {
  readonly index: number;
}

export interface FileRange {
  readonly ino: number;
  readonly path: string;
  /** [begin, end) bytes of the file. */
  readonly begin: number;
  readonly end: number;
}

// BEGIN-END PERMISSIONS OFFSET MAJOR:MINOR INODE PATH
const MAPS_LINE = /^([\da-f]+)-([\da-f]+) (\S+) ([\da-f]+) (\S+) (\d+) *(.*)$/;

/**
 * In the order of their addresses.
 * @param device 'fe:01', as maps writes it.
 * @param inos of which files; undefined: all.
 */
export function parseMappings(maps: string, device: string, inos?: ReadonlySet<number>): Mapping[] {
  const found: Mapping[] = [];
  const wanted = ` ${device} `;
  for (let at = maps.indexOf(wanted); at >= 0; ) {
    const lineEnd = maps.indexOf('\n', at);
    // A process may have 65,530 of them: those of other files are passed over quickly.
    if (
      inos !== undefined &&
      !inos.has(Number.parseInt(maps.slice(at + wanted.length, at + wanted.length + 16), 10))
    ) {
      at = maps.indexOf(wanted, lineEnd);
      continue;
    }
    const line = MAPS_LINE.exec(maps.slice(maps.lastIndexOf('\n', at) + 1, lineEnd));
    // A path may look like a device too.
    if (line !== null && line[5] === device) {
      found.push({
        begin: Number.parseInt(line[1]!, 16),
        end: Number.parseInt(line[2]!, 16),
        off: Number.parseInt(line[4]!, 16),
        shared: line[3]!.endsWith('s'),
        ino: Number(line[6]),
        path: line[7]!,
      });
    }
    at = maps.indexOf(wanted, lineEnd);
  }
  return found;
}

/** Whether the text of /proc/PID/maps has memory at the address that may be read. */
export function isMapped(maps: string, address: number): boolean {
  for (const [, begin, end, read] of maps.matchAll(/^([\da-f]+)-([\da-f]+) (.)/gm))
    if (Number.parseInt(begin!, 16) <= address && address < Number.parseInt(end!, 16)) return read === 'r';
  return false;
}

/** [begin, end) addresses. */
interface Piece {
  readonly begin: number;
  readonly end: number;
}

/** What of the text of /proc/PID/maps may be written: neighbours as one, in the order of their addresses. */
export function writableIn(maps: string): Piece[] {
  const found: { begin: number; end: number }[] = [];
  for (const [, from, to] of maps.matchAll(/^([\da-f]+)-([\da-f]+) .w/gm)) {
    const begin = Number.parseInt(from!, 16);
    const end = Number.parseInt(to!, 16);
    const last = found.at(-1);
    if (last?.end === begin) last.end = end;
    else found.push({ begin, end });
  }
  return found;
}

/** Whether all of the memory lies in one of the pieces. */
export function liesIn({ address, length }: Memory, pieces: readonly Piece[]): boolean {
  const piece = pieces[firstBehind(pieces, address)];
  return piece !== undefined && piece.begin <= address && address + length <= piece.end;
}

const BUFFERS = /^UserBufs:\s*(\d+)$/m;
const BUFFER_LINE = /^\s*\d+: (?:0x([\da-f]+)\/(\d+)|<none>)$/;

/**
 * The buffers of a ring; 'busy' when the kernel could not look because the ring was in use: it leaves the section out,
 * or the lines below its head.
 */
export function parseBuffers(fdinfo: string): Buffer[] | 'busy' {
  const head = BUFFERS.exec(fdinfo);
  if (head === null) return 'busy';
  const count = Number(head[1]);
  const lines = fdinfo
    .slice(head.index)
    .split('\n', count + 1)
    .slice(1);
  const found: Buffer[] = [];
  for (const line of lines) {
    const match = BUFFER_LINE.exec(line);
    if (match === null) return 'busy';
    const [, address, length] = match;
    // A slot of a sparse table may be empty, or hold memory of the kernel's own.
    if (address === undefined) continue;
    const index = Number(line.slice(0, line.indexOf(':')));
    found.push({ index, address: Number.parseInt(address, 16), length: Number(length) });
  }
  return lines.length < count ? 'busy' : found;
}

/** How many slots the ring's table has; undefined when the kernel could not look. */
export function slotsIn(fdinfo: string): number | undefined {
  const head = BUFFERS.exec(fdinfo);
  return head === null ? undefined : Number(head[1]);
}

/** What of the files a buffer covers. @param mappings in the order of their addresses. */
export function rangesOf({ address, length }: Memory, mappings: readonly Mapping[]): FileRange[] {
  const found: FileRange[] = [];
  for (let i = firstBehind(mappings, address); i < mappings.length; i++) {
    const { begin, end, off, ino, path } = mappings[i]!;
    if (begin >= address + length) break;
    const from = Math.max(address, begin);
    const to = Math.min(address + length, end);
    if (from < to) found.push({ ino, path, begin: off + from - begin, end: off + to - begin });
  }
  return found;
}

/** The first that ends behind the address. */
function firstBehind(mappings: readonly Piece[], address: number): number {
  let low = 0;
  for (let high = mappings.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (mappings[middle]!.end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}
