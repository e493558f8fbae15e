// What a caller can do about a refusal, by its errno and rule: one sentence, for the error that the caller gets.
import { type Kind, kindName, NONE } from '../../abi/kinds.js';
import type { Verdict } from '../../lease/types.js';
import { endOf } from './words.js';

const IDENTIFY = 'call from a process of the pid namespace that the daemon is in, or below it';

/** Where the lease or pin that refuses is another's, the remedy is to wait for its end. */
const remedies: Readonly<Record<string, string>> = {
  'EPERM W': IDENTIFY,
  'EAGAIN W': IDENTIFY,
  'EAGAIN L2': 'there is no lease to release: another call, a break or a close has ended it',
  'EDEADLK L3': 'release the lease that this process has through another description',
  'EBUSY L5': 'unpin what is under the lease first',
  'EINVAL L7': 'take the lease on a regular file',
  'EACCES L7': "call as the file's owner, or with CAP_LEASE",
  'EBADF L7': 'open the file for writing',
  'ENOLCK L10': 'release one of the leases of the file: there are 1024',
  'EAGAIN B3': 'try again when the break is over',
  'EAGAIN B4': 'the break has begun: try again, or wait for it, without O_NONBLOCK',
  'EDEADLK B7':
    'release the own lease that the other holder waits for, or close the descriptor of that holder',
  'EPERM N2': 'open the file again and take a lease of your own',
  'EPERM N3': 'unpin what is under the zombie, then take a lease anew',
  'EBADF N4': 'name an open description as the owner: getLease has its number',
  'EINVAL N7': 'pin one byte or more, below 2^53',
  'EFAULT N7': 'extend the file first: a pin ends in the block of its last byte',
  'ENOSPC N7': 'free blocks of the mount, or resize it: a pinned hole gets its blocks at once',
  'ENOENT N8': 'the pin has ended already',
  'EPERM N8': 'let the owner of the pin unpin it, or the owner of the lease that it is under',
  'ENOMEM N9': 'raise RLIMIT_MEMLOCK, or unpin',
  'EAGAIN N10': 'try again: leasefs could not look for pins of the kernel, its log says why',
  'EDEADLK X1': 'unpin the range first: this process has pinned it',
};

/** Undefined: nothing helps but another call. */
export function remedyOf(verdict: Extract<Verdict, { kind: 'refused' }>): string | undefined {
  const { errno, rule, holder, own } = verdict;
  if (own !== undefined) return unleased(own);
  if (rule === 'X3') return unshared(verdict);
  const known = remedies[`${errno} ${rule}`];
  if (known !== undefined) return known;
  return holder === undefined ? undefined : `wait until its end: ${endOf(holder)}`;
}

/** N1. */
function unleased(own: Kind): string {
  const has = own === NONE ? 'this process has no lease on the file' : `the lease here is '${kindName(own)}'`;
  return `${has}: take an 'exclusive' or 'shared' one first`;
}

/** X3: a shared lease; or any of the process with --semantics=rfc-v2. */
function unshared({ holder }: Extract<Verdict, { kind: 'refused' }>): string {
  if (holder?.by === 'lease' && kindName(holder.leaseKind) === 'exclusive')
    return 'release the own lease first: --semantics=rfc-v2';
  return "convert the own lease to 'exclusive' first";
}
