// What --keeper needs of the kernel.

/** FUSE_NOTIFY_RESEND: requests that a daemon had read and not answered come again. */
const MAJOR = 6;
const MINOR = 9;

/** Why there can be no keeper on a kernel of that release (uname -r); undefined: there can. */
export function noKeeperOn(release: string): string | undefined {
  const [major = 0, minor = 0] = release.split('.').map(part => Number.parseInt(part, 10));
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return undefined;
  return `--keeper needs Linux ${MAJOR}.${MINOR}, which sends requests again that a dead daemon left; this is ${release}`;
}
