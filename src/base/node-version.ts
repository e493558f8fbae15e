// The Node.js that leasefs runs on. package.json says the same to npm, which only warns.

const MAJOR = 20;
/** util.styleText. */
const MINOR = 12;

/** One line for a Node.js that is too old. */
export function refusalOfNode(version: string): string | undefined {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  if (major > MAJOR || (major === MAJOR && minor >= MINOR)) return undefined;
  return `leasefs needs Node.js ${MAJOR}.${MINOR} or newer, and this is ${version}`;
}
