// Byte counts as people write and read them: 4096, 4k, 2m, 1g, 3t (powers of 1024, as xfs_io).

const units = ['', 'k', 'm', 'g', 't'];

/** The bytes of '4k', '0x1000' or '17'; undefined when it is no size or above 2^53-1. */
export function parseSize(text: string): number | undefined {
  const match = /^(?:(0x[0-9a-f]+)|(\d+)([kmgt]?)b?)$/i.exec(text);
  if (match === null) return undefined;
  const bytes =
    match[1] === undefined
      ? Number(match[2]) * 1024 ** units.indexOf(match[3]!.toLowerCase())
      : Number(match[1]);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** '2m', '4k', '17': exact, so that it can be typed in again. */
export function exactSize(bytes: number): string {
  let unit = 0;
  while (bytes !== 0 && bytes % 1024 === 0 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${bytes}${units[unit]}`;
}

/** '1.5 MiB': for reading, three digits. */
export function readableSize(bytes: number): string {
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  const digits = bytes >= 100 || Number.isInteger(bytes) ? 0 : bytes >= 10 ? 1 : 2;
  return `${bytes.toFixed(digits)} ${unit === 0 ? 'B' : `${units[unit]!.toUpperCase()}iB`}`;
}

/** '250ms', '4.2s', '3m12s', '5h03m', '2d04h': two units at most. */
export function readableAge(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const two = (n: number, big: number, small: number, names: string): string => {
    const rest = String(Math.floor((n % big) / small)).padStart(2, '0');
    return `${Math.floor(n / big)}${names[0]}${rest}${names[1]}`;
  };
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  if (seconds < 3600) return two(seconds, 60, 1, 'ms');
  if (seconds < 86_400) return two(seconds, 3600, 60, 'hm');
  return two(seconds, 86_400, 3600, 'dh');
}
