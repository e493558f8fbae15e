// What happened in a run, one record each: the lines of `.leasefs/events`, and what the supervisor alone sees.

export interface RunEvent {
  /** As `.leasefs/events` has it: grant, release, pin, refused, ...; or 'unleased'. */
  readonly event: string;
  readonly pid: number;
  readonly command: string;
  readonly ino?: number;
  /** From the root of the mount; null when no name is left. */
  readonly path?: string | null;
  readonly rule?: string;
  readonly lease?: number;
  readonly kind?: string;
  readonly from?: string;
  readonly must?: string;
  readonly ms?: number;
  readonly pin?: number;
  /** Bytes. */
  readonly off?: number;
  readonly len?: number;
  readonly call?: string;
  readonly errno?: string;
  readonly holder?: { readonly pid: number; readonly command: string };
  readonly ends?: string;
  /** 'lost': how many lines are missing. */
  readonly count?: number;
}

/** Memory that was registered, or was to be, without an unbreakable lease on its file. */
export interface UnleasedPin {
  readonly pid: number;
  readonly command: string;
  readonly path: string;
  readonly off: number;
  readonly len: number;
  /** With what: 'io_uring', 'AF_XDP'. */
  readonly by: string;
  /** --policy report: it was let through. */
  readonly letThrough: boolean;
}
