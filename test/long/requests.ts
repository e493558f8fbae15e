// Ten million requests of every kind: the daemon's memory is flat after them.
import { type Check, script } from '../conformance/check.js';

/**
 * Bytes by which the most that the daemon had in the last two fifths of the run may be above the most of the two fifths
 * before (the first fifth warms up): what a garbage collector is late by, and a tenth of a word a request.
 */
const SLACK = 16 << 20;

export const requests: Readonly<Record<string, Check>> = {
  'ten million requests of every kind: memory stays flat': script('every-request', SLACK),
};
