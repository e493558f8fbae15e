// What the supervisor saw and did, one record each, for the report at the end. Pure data.
import type { ErrnoName } from '../base/errno.js';
import type { LeaseKind } from '../client/kinds.js';
import type { FileRange } from '../process/registered-buffers.js';

export interface Who {
  readonly pid: number;
  readonly start: number;
  readonly command: string;
}

export type Notice = { readonly who: Who; readonly at: number } & (
  | { readonly notice: 'leased'; readonly ino: number; readonly kind: LeaseKind; readonly fd: number }
  | { readonly notice: 'released'; readonly ino: number; readonly fd: number }
  | {
      readonly notice: 'lease refused';
      readonly ino: number;
      readonly kind: LeaseKind | 'unknown';
      readonly errno: ErrnoName | string;
    }
  | { readonly notice: 'pinned'; readonly range: FileRange; readonly by: string }
  | {
      readonly notice: 'pin refused';
      readonly range: FileRange;
      readonly by: string;
      readonly errno: string;
      /** --policy report: it was let through. */
      readonly letThrough: boolean;
    }
  | { readonly notice: 'unseen'; readonly why: string }
);
