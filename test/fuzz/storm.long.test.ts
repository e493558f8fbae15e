// storm.c for LEASEFS_STORM_SECONDS on each store, with the seed LEASEFS_SEED. Without the runner, which has a limit:
//   LEASEFS_STORM_SECONDS=1800 node dist/test/fuzz/storm.long.test.js
import { bothStores } from '../support/mounted.js';
import { suiteNeeding } from '../support/suites.js';
import { storm } from './storm.js';

const SECONDS = Number(process.env.LEASEFS_STORM_SECONDS ?? 5);

for (const store of bothStores) {
  const needs = ['mount', 'gcc', ...(store === 'direct' ? (['passthrough'] as const) : [])] as const;
  suiteNeeding(`storm, ${store} store`, needs, test => {
    test(`${SECONDS} s of leases, pins, changes and kills: nothing under a pin is lost`, () =>
      storm(store, { seconds: SECONDS, workers: 12, seed: Number(process.env.LEASEFS_SEED ?? 1) }));
  });
}
