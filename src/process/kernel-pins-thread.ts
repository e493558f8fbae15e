// The thread in which a daemon looks for kernel pins: see kernel-pin-search.ts.
import { parentPort } from 'node:worker_threads';
import type { Question } from './kernel-pin-search.js';
import { type Found, kernelPinsOf } from './kernel-pins.js';
import { keepSpare } from './proc-text.js';

parentPort!.on('message', ({ device, inos }: Question) => {
  keepSpare();
  parentPort!.postMessage(kernelPinsOf(device, new Set(inos)) satisfies Found);
});
