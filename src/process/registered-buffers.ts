// Which ranges of which files io_uring has registered as buffers: what /proc/PID/fdinfo says of a ring, joined with what
// /proc/PID/maps says of memory. Pure. Kernel counterpart: io_uring/fdinfo.c.

/** Memory that a process has mapped of a file. Bytes; addresses are exact below 2^53, as those of processes are. */
export interface Mapping {
  readonly begin: number;
  readonly end: number;
  /** Where in the file it begins. */
  readonly off: number;
  readonly ino: number;
  /** As that process sees it, with ' (deleted)' behind where there is no name any more. */
  readonly path: string;
}

export interface Buffer {
  readonly address: number;
  readonly length: number;
}

export interface FileRange {
  readonly ino: number;
  readonly path: string;
  /** [begin, end) bytes of the file. */
  readonly begin: number;
  readonly end: number;
}

// BEGIN-END PERMISSIONS OFFSET MAJOR:MINOR INODE PATH
const MAPS_LINE = /^([\da-f]+)-([\da-f]+) \S+ ([\da-f]+) (\S+) (\d+) *(.*)$/;

/** @param device 'fe:01', as maps writes it. */
export function parseMappings(maps: string, device: string): Mapping[] {
  const found: Mapping[] = [];
  const wanted = ` ${device} `;
  for (let at = maps.indexOf(wanted); at >= 0; ) {
    const lineEnd = maps.indexOf('\n', at);
    const line = MAPS_LINE.exec(maps.slice(maps.lastIndexOf('\n', at) + 1, lineEnd));
    // A path may look like a device too.
    if (line !== null && line[4] === device) {
      found.push({
        begin: Number.parseInt(line[1]!, 16),
        end: Number.parseInt(line[2]!, 16),
        off: Number.parseInt(line[3]!, 16),
        ino: Number(line[5]),
        path: line[6]!,
      });
    }
    at = maps.indexOf(wanted, lineEnd);
  }
  return found;
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
    if (address !== undefined) found.push({ address: Number.parseInt(address, 16), length: Number(length) });
  }
  return lines.length < count ? 'busy' : found;
}

/** What of the files a buffer covers, in the order of the mappings. */
export function rangesOf({ address, length }: Buffer, mappings: readonly Mapping[]): FileRange[] {
  const found: FileRange[] = [];
  for (const { begin, end, off, ino, path } of mappings) {
    const from = Math.max(address, begin);
    const to = Math.min(address + length, end);
    if (from < to) found.push({ ino, path, begin: off + from - begin, end: off + to - begin });
  }
  return found;
}
