// What a session is given, and what it is to the daemon.
import type { Operations } from '../fs/operations.js';
import type { Journal } from '../journal/journal.js';
import type { Channel } from '../native/binding.js';
import type { PassthroughOptions } from './passthrough.js';
import type { Spinning } from './spinning.js';
import type { TakenOver } from './taken-over.js';

export interface SessionOptions extends PassthroughOptions {
  /** Of a mount, not started; its buffers are BUFFER_SIZE bytes. The session closes it at the end. */
  readonly channel: Channel;
  readonly operations: Operations;
  /** Why passthrough cannot work, where that is known before the kernel is asked. */
  readonly noPassthrough?: string | undefined;
  /** Whether files have POSIX ACLs, which the kernel then asks for. True by default. */
  readonly acls?: boolean;
  /** Whether files have extended attributes. By `false` the kernel asks for none after the first ENOSYS. True by default. */
  readonly xattrs?: boolean;
  /** Whether file handles lead to files; undefined: where that does no harm (init.ts). */
  readonly handles?: boolean | undefined;
  /** Whether each readlink(2) comes as a request: strictatime. False by default. */
  readonly everyReadlink?: boolean;
  /** Whether POLL reports breaks. By default ENOSYS ends all POLLs, of which a buffered io_uring write sends 255. */
  readonly poll?: boolean;
  /** Whether descriptions of pooled files that are open for writing use the page cache (files.ts). False by default. */
  readonly cachesWrites?: boolean;
  /** What is kept for a daemon that takes over; undefined: nothing. */
  readonly journal?: Journal | undefined;
  /** The last daemon's session, which this one continues. */
  readonly takenOver?: TakenOver | undefined;
  /** How the channel waits; a policy of one's own for each session. By default it sleeps at once. */
  readonly spinning?: Spinning;
}

export interface Session {
  /** The mount is this one (MAJOR:MINOR of mountinfo); for the journal. */
  mountedAs(device: string): void;
  /** Resolves when INIT is answered and passthrough was tried. Rejects when the session ends before that. */
  readonly ready: Promise<void>;
  /** The mount is gone and everything is freed. Never rejects. */
  readonly ended: Promise<void>;
  /** Settled before the first operation. */
  readonly passthrough: boolean;
  /** Why there is no passthrough; undefined while there is. */
  readonly reason: string | undefined;
  /** The kernel's protocol; 0.0 until it has spoken. */
  readonly kernel: { readonly major: number; readonly minor: number };
  /** Ends the connection now (ENODEV): those who have files of the mount get ENOTCONN. */
  end(error: number): void;
  /** Requests that came, by opcode. */
  readonly requests: Float64Array;
  /** The same by name, those that came. */
  requestCounts(): Record<string, number>;
  /** Requests that wait for a lease break. */
  readonly waiting: number;
}
