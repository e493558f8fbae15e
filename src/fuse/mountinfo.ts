// What is mounted where, from /proc/self/mountinfo: without a stat of the path, since a dead mount answers none.
import { readFileSync } from 'node:fs';

/** The type that mountinfo and df show: the subtype says whose it is. */
export const FS_TYPE = 'fuse.leasefs';

export interface Mount {
  /** Of this mount as long as it is mounted, wherever it is moved. */
  readonly id: number;
  /** Where, absolute. */
  readonly target: string;
  /** MAJOR:MINOR, decimal. */
  readonly device: string;
  readonly type: string;
  readonly source: string;
  /** Within the filesystem: '/' unless it is a bind mount of a part. */
  readonly root: string;
}

/** The lines of mountinfo, later mounts last. */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap(line => {
    // ID PARENT DEV ROOT TARGET OPTIONS [TAG]... - TYPE SOURCE SUPER
    const [left, right] = line.split(' - ');
    const fields = left!.split(' ');
    const [type, source] = right?.split(' ') ?? [];
    if (type === undefined || fields[4] === undefined) return [];
    return [
      {
        id: Number(fields[0]),
        target: fromOctal(fields[4]),
        device: fields[2]!,
        type,
        source: fromOctal(source ?? ''),
        root: fromOctal(fields[3] ?? '/'),
      },
    ];
  });
}

export const mountsNow = (): Mount[] => parseMountinfo(readFileSync('/proc/self/mountinfo', 'utf8'));

/** mountinfo writes space, tab, newline and backslash in octal. */
function fromOctal(field: string): string {
  return field.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
