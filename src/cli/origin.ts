// Where this leasefs comes from: a tarball or a package for Debian (each has a file that says so), npm, or a checkout.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../../../', import.meta.url);

/** 'tarball', 'deb', 'npm package', 'checkout'. */
export function origin(): string {
  const said = new URL('PACKAGE', root);
  if (existsSync(said)) return readFileSync(said, 'utf8').trim();
  // The npm package has no configuration of the compiler.
  return existsSync(new URL('tsconfig.json', root)) ? 'checkout' : 'npm package';
}

/** Its directory. */
export const home = (): string => fileURLToPath(root);
