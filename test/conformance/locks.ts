// Locks: flock, fcntl's of a process and of an open file description. All of them are the kernel's own.
import { type Check, script } from './check.js';

export const locks: Readonly<Record<string, Check>> = {
  'fcntl locks: conflicts, ranges, their holders, gone with any close of the process': script('locks-fcntl'),
  'a lock that is waited for comes when it is free, and the wait can be interrupted':
    script('locks-waited-for'),
  'locks of an open file description: shared by fork, apart between opens, gone with the last close':
    script('locks-of-descriptions'),
  'flock: shared, exclusive, converted, apart from fcntl locks': script('locks-flock'),
  'the leases of fcntl that are no layout leases': script('leases-fcntl'),
};
