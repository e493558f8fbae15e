// The link from a daemon to what outlives it: the keeper (native/keeper), or systemd's descriptor store. It holds the
// daemon's descriptors by name, and the next daemon gets them when this one dies.
import type { Descriptor } from '../native/binding.js';

/**
 * /dev/fuse, the journal's memory, the direct store's tmpfs, the pooled store's segments, break descriptors, --while-fd and
 * --ready-fd. Lower case letters, digits and '-', at most 31.
 */
export type KeptName =
  | 'fuse'
  | 'journal'
  | 'tmpfs'
  | 'while'
  | 'ready'
  | `segment${number}`
  | `watch-${string}`;

export abstract class KeeperLink {
  abstract readonly by: 'leasefs-keeper' | 'systemd';
  /** Of the keeper's process. */
  readonly pid = process.ppid;
  /** How often a daemon of this mount has died. */
  abstract readonly deaths: number;
  /** What a daemon before this one left; the caller may release each. */
  abstract readonly kept: ReadonlyMap<string, Descriptor>;
  private there = true;
  private gone: (() => void) | undefined;

  /** Whether a daemon before this one has mounted. */
  get takesOver(): boolean {
    return this.kept.has('fuse');
  }

  /** False: it has ended, and nothing outlives this daemon any more. */
  get isThere(): boolean {
    return this.there;
  }

  /** Holds a duplicate of `fd` from now on, instead of one of the same name. Never throws. */
  abstract keep(name: KeptName, fd: number): void;
  abstract drop(name: KeptName): void;
  /** @param id of mountinfo. @param path absolute. */
  abstract mounted(id: number, path: string): void;
  /** The mount answers: from now on an end of this daemon is a death. */
  abstract serving(): void;
  /** Makes `argv` the next daemon; then this one ends with exit code UPGRADE. 0, or -errno: it goes on. */
  abstract next(argv: readonly string[]): number;

  /** @param gone is called once, when the keeper has ended before this daemon. */
  watch(gone: () => void): void {
    this.gone = gone;
    if (!this.there) gone();
  }

  protected end(): void {
    if (!this.there) return;
    this.there = false;
    this.gone?.();
  }
}

/** The exit code of a daemon that another one is to follow. */
export const UPGRADE = 75;
