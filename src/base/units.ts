// Branded numbers: a value of one kind is never taken for another. They cost nothing at run time.
declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** An inode number, 1 (the root) to 2^53-1, never used again within a mount. */
export type InodeNumber = Brand<number, 'InodeNumber'>;
/** An open file description: FUSE's `fh`, what dup, fork and SCM_RIGHTS share. 1 to 2^53-1, never used again. */
export type FileHandle = Brand<number, 'FileHandle'>;
/** A process (thread group) as src/process identified it: never used again, so never a recycled pid (A3). */
export type ProcessId = Brand<number, 'ProcessId'>;
export type PinId = Brand<number, 'PinId'>;
export type LeaseId = Brand<number, 'LeaseId'>;
/** A parked operation that waits for a lease break. */
export type WaiterId = Brand<number, 'WaiterId'>;
/** A file name as bytes, one char (U+0000 to U+00FF) a byte: latin1, never decoded as UTF-8. */
export type Name = Brand<string, 'Name'>;

/** The process of a request that cannot be identified (pid 0): it owns nothing. */
export const UNIDENTIFIED = 0 as ProcessId;
export const NO_WAITER = 0 as WaiterId;
export const ROOT_INO = 1 as InodeNumber;
/** From here on inodes are of virtual files; no mount lives to make so many others. */
export const FIRST_VIRTUAL = (2 ** 52) as InodeNumber;
export const isVirtual = (ino: InodeNumber): boolean => ino >= FIRST_VIRTUAL;

/** Bytes a block: the unit of the layout, of pins and of mappings. */
export const BLOCK = 4096;
/** The largest file offset, bytes: numbers are exact up to here. */
export const MAX_OFFSET = Number.MAX_SAFE_INTEGER;

/** The block that holds byte `off`. Exact for 0 <= off <= 2^53-1. */
export const blockOf = (off: number): number => Math.floor(off / BLOCK);
/** The blocks that `bytes` need: rounds up. */
export const blocksFor = (bytes: number): number => Math.ceil(bytes / BLOCK);
