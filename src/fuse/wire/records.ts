// The shape of a request's body: a number of bytes, then nothing, a name, two names or data. A request of another shape is
// answered EIO before an adapter reads it. The adapter checks data whose length a field gives.
import { IN_HEADER, type Request } from './request.js';

/** What follows the fixed part. */
export const NOTHING = 0;
export const NAME = 1;
export const TWO_NAMES = 2;
/** A name, then data. */
export const NAME_AND_DATA = 3;
export const DATA = 4;
export type Tail = 0 | 1 | 2 | 3 | 4;

/** Whether the body has the shape; finds its names on the way. @param fixed bytes before the tail, 0 or more. */
export function isWellFormed(request: Request, fixed: number, tail: Tail): boolean {
  const { length } = request;
  switch (tail) {
    case NOTHING:
      return length === fixed;
    case DATA:
      return length >= fixed;
    case NAME:
      return endOfName(request, fixed) && request.nameBegin === length;
    case NAME_AND_DATA:
      return endOfName(request, fixed);
    case TWO_NAMES: {
      if (!endOfName(request, fixed)) return false;
      const second = request.bytes.indexOf(0, IN_HEADER + request.nameBegin);
      return second === IN_HEADER + length - 1;
    }
  }
}

/** Finds the NUL of the name that begins at `at`, inside the body. */
function endOfName(request: Request, at: number): boolean {
  const nul = request.bytes.indexOf(0, IN_HEADER + at) - IN_HEADER;
  if (nul < at || nul >= request.length) return false;
  request.nameEnd = nul;
  request.nameBegin = nul + 1;
  return true;
}
