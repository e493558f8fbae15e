// The thread in which a daemon looks for kernel pins: see kernel-pin-search.ts.
import { parentPort } from 'node:worker_threads';
import type { Answer, Question } from './kernel-pin-search.js';
import { kernelPinsOf } from './kernel-pins.js';

parentPort!.on('message', ({ id, device, inos }: Question) => {
  const pins = kernelPinsOf(device, new Set(inos));
  parentPort!.postMessage({ id, pins } satisfies Answer);
});
