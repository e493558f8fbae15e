// A tmpfs of the mount's own, mounted nowhere: the memory of direct files, with a size that the kernel keeps.
import { errno, failureOf } from '../base/errno.js';
import { type Descriptor, native, type Result } from '../native/binding.js';

/** As tmpfs(5): which of its pages are huge. */
export const HUGE = ['never', 'within_size', 'advise', 'always'] as const;
export type Huge = (typeof HUGE)[number];

export interface TmpfsOptions {
  /** Bytes that all files together may take, whole pages. */
  readonly size: number;
  /** By default `advise`, where the kernel has huge pages. */
  readonly huge?: Huge | undefined;
  /** Whether its pages may be swapped out; true by default. False needs Linux 6.4. */
  readonly swap?: boolean | undefined;
}

const space = new Float64Array(2);

const make = (options: readonly string[]): Descriptor => native.tmpfsMake('leasefs', ...options);

export class Tmpfs {
  /** What is asked of the kernel; its own switch for all of shmem may say otherwise. */
  readonly huge: Huge;
  private readonly root: Descriptor;
  private files = 0;

  /** Whether it was the last daemon's. */
  readonly isAdopted: boolean;

  /** @throws EPERM without CAP_SYS_ADMIN in a mount namespace of one's own; EINVAL for an option of a newer kernel. */
  constructor({ size, huge, swap = true }: TmpfsOptions, adopted?: Descriptor) {
    this.isAdopted = adopted !== undefined;
    if (adopted !== undefined) {
      this.root = adopted;
      this.huge = huge ?? 'advise';
      return;
    }
    const options = ['size', String(size), 'nr_inodes', '0', 'mode', '0700'];
    if (!swap) options.push('noswap', '');
    try {
      this.huge = huge ?? 'advise';
      this.root = make([...options, 'huge', this.huge]);
    } catch (error) {
      // A kernel without huge pages knows no `huge`.
      if (huge !== undefined || failureOf(error) !== -errno.EINVAL) throw error;
      this.huge = 'never';
      this.root = make(options);
    }
  }

  get fd(): number {
    return this.root.fd;
  }

  /** A file of the last daemon's: `next` goes on behind it. */
  has(number: number): void {
    this.files = Math.max(this.files, number);
  }

  /** The newest file's number. */
  get last(): number {
    return this.files;
  }

  /** A number for another file. */
  next(): number {
    return ++this.files;
  }

  /** Bytes. */
  get total(): number {
    native.tmpfsSpace(this.root.fd, space);
    return space[0]!;
  }

  get used(): number {
    native.tmpfsSpace(this.root.fd, space);
    return space[0]! - space[1]!;
  }

  get free(): number {
    native.tmpfsSpace(this.root.fd, space);
    return space[1]!;
  }

  /** -EINVAL below what is in use. */
  resize(size: number): Result {
    return native.tmpfsConfigure(this.root.fd, 'size', String(size));
  }

  close(): void {
    this.root.close();
  }
}
