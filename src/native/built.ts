// Where the compiled parts are: the addon, `leasefs-launch` and `leasefs-keeper`. A build on this machine (native/build) comes before what
// the npm package carries for each platform (native/prebuilds).
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { refusalOfNode } from '../base/node-version.js';
import { refusalOfPages } from '../base/page-size.js';

/** The addon cannot be loaded here; `message` is one line with what to do. */
export class AddonError extends Error {}

const pathOf = (path: string): string => fileURLToPath(new URL(`../../../native/${path}`, import.meta.url));

/** The path of a compiled part, whether or not it is there. LEASEFS_KEEPER names another keeper (the sanitized one, in tests). */
export function built(name: 'leasefs.node' | 'leasefs-launch' | 'leasefs-keeper'): string {
  const { LEASEFS_KEEPER } = process.env;
  if (name === 'leasefs-keeper' && LEASEFS_KEEPER) return LEASEFS_KEEPER;
  const here = pathOf(`build/Release/${name}`);
  return existsSync(here) ? here : pathOf(`prebuilds/linux-${process.arch}/${name}`);
}

/**
 * Loads the addon; LEASEFS_ADDON names another build of it (the sanitized one, in tests).
 *
 * @throws AddonError when there is none for this platform, the dynamic loader refuses it, it is older than what loads it, or the
 * kernel has other pages.
 */
export function loadAddon(): unknown {
  const refusal = refusalOfNode(process.versions.node);
  if (refusal !== undefined) throw new AddonError(refusal);
  const addon = load();
  if (addon.pageSize === undefined)
    throw new AddonError(
      `the addon is older than the rest of leasefs: node ${pathOf('build.mjs')} builds it`,
    );
  const refusalOfKernel = refusalOfPages(addon.pageSize);
  if (refusalOfKernel !== undefined) throw new AddonError(refusalOfKernel);
  return addon;
}

function load(): { readonly pageSize?: number } {
  const path = process.env.LEASEFS_ADDON ?? built('leasefs.node');
  try {
    return createRequire(import.meta.url)(path);
  } catch (error) {
    const why = existsSync(path) ? String(error).split('\n')[0] : 'there is none';
    throw new AddonError(
      `no addon for linux-${process.arch} (${why}): apt-get install g++ make python3, then 'node ${pathOf('build.mjs')}'`,
      { cause: error },
    );
  }
}
