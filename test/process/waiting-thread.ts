// In place of the thread that looks for kernel pins: it waits for good at the process whose pid it is asked about as a file,
// unless the search leaves that process out.
import { parentPort, workerData } from 'node:worker_threads';
import type { Ask } from '../../src/process/kernel-pin-search.js';
import type { Found } from '../../src/process/kernel-pins.js';

const looked = workerData as Int32Array;

parentPort!.on('message', ({ inos: [pid = 0], stuck }: Ask) => {
  if (!stuck.pids.has(pid)) {
    Atomics.add(looked, 1, 1);
    Atomics.store(looked, 0, pid);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  parentPort!.postMessage({ pins: [], unseen: `users ${[...stuck.uids].join()}` } satisfies Found);
});
