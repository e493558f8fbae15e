// The link from a daemon to what outlives it: the keeper (native/keeper), or systemd's descriptor store. It holds the
// daemon's descriptors by name, and the next daemon gets them when this one dies.
import type { Descriptor } from '../native/binding.js';

/** /dev/fuse, the journal's memory, the direct store's tmpfs, the pooled store's segments, --while-fd and --ready-fd. */
export type KeptName = 'fuse' | 'journal' | 'tmpfs' | 'while' | 'ready' | `segment${number}`;

export interface KeeperLink {
  readonly by: 'leasefs-keeper' | 'systemd';
  /** Of the keeper's process. */
  readonly pid: number;
  /** How often a daemon of this mount has died. */
  readonly deaths: number;
  /** Whether a daemon before this one has mounted. */
  readonly takesOver: boolean;
  /** False: it has ended, and nothing outlives this daemon any more. */
  readonly isThere: boolean;
  /** What a daemon before this one left; the same object each time, which the caller may release. */
  kept(name: KeptName): Descriptor | undefined;
  /** Holds a duplicate of `fd` from now on, instead of one of the same name. Never throws. */
  keep(name: KeptName, fd: number): void;
  drop(name: KeptName): void;
  /** @param id of mountinfo. @param path absolute. */
  mounted(id: number, path: string): void;
  /** The mount answers: from now on an end of this daemon is a death. */
  serving(): void;
  /** Makes `argv` the next daemon; then this one ends with exit code UPGRADE. 0, or -errno: it goes on. */
  next(argv: readonly string[]): number;
  /** @param gone is called once, when the keeper has ended before this daemon. */
  watch(gone: () => void): void;
}

/** The exit code of a daemon that another one is to follow. */
export const UPGRADE = 75;
