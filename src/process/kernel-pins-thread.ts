// The thread in which a daemon looks for kernel pins: see kernel-pin-search.ts.
import { parentPort, workerData } from 'node:worker_threads';
import { countSubordinates } from '../base/subordinates.js';
import type { Ask } from './kernel-pin-search.js';
import { type Found, kernelPinsOf, type Progress } from './kernel-pins.js';
import { keepSpare } from './proc-text.js';

/** The pid of the process that the thread looks at now, or 0; how many it has looked at. */
const looked = workerData as Int32Array;

countSubordinates();

const progress: Progress = {
  begin(pid: number): void {
    Atomics.add(looked, 1, 1);
    Atomics.store(looked, 0, pid);
  },
  end(): void {
    Atomics.store(looked, 0, 0);
  },
};

parentPort!.on('message', ({ device, inos, stuck }: Ask) => {
  keepSpare();
  const found = kernelPinsOf(device, new Set(inos), undefined, stuck, progress);
  parentPort!.postMessage(found satisfies Found);
});
