// How the channel of a session waits for requests: what the policy (spinning.ts) is given, and what it decides.
import type { Channel } from '../native/binding.js';
import type { Spinning } from './spinning.js';

/** `receive`, with `spinning` given each wait before. */
export function adaptive(
  channel: Channel,
  spinning: Spinning | undefined,
  receive: (length: number) => number,
): (length: number, waited: number) => number {
  if (spinning === undefined) return receive;
  channel.spin(spinning.limit);
  return (length, waited) => {
    const before = spinning.limit;
    spinning.came(waited);
    if (spinning.limit !== before) channel.spin(spinning.limit);
    return receive(length);
  };
}
