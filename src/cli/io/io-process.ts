// What the verbs of one `leasefs io` process work on: one file, one open file description, its mappings, its ring, the
// processes it forked.
import type { ChildProcess } from 'node:child_process';
import { constants, statSync } from 'node:fs';
import { errno, FsError } from '../../base/errno.js';
import { LeaseFile } from '../../client/index.js';
import { native, PROT_READ, PROT_WRITE, STAT, type Uring } from '../../native/binding.js';

/** A refusal that io itself raises, with what to do about it. */
export class NotReady extends FsError {
  constructor(code: number, remedy: string) {
    super(code, 'leasefs io', undefined, remedy);
  }
}

/** File bytes [off, off + length) in memory. */
interface Mapping {
  readonly off: number;
  readonly length: number;
  readonly memory: ArrayBuffer;
}

/** A ring with file bytes [off, off + length) as its registered buffer. */
export interface Ring {
  readonly uring: Uring;
  readonly off: number;
  readonly length: number;
}

export interface Forked {
  readonly name: string;
  readonly child: ChildProcess;
  /** The exit code, 1 for death by a signal. */
  readonly ended: Promise<number>;
}

export interface IoOptions {
  readonly path: string;
  /** open(2)'s, without O_CREAT. */
  readonly openFlags: number;
  /** '' for the first process, '1' for its first fork, '1.2' for the second fork of that. */
  readonly name: string;
  /** Go on after a refusal. */
  readonly keepGoing: boolean;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

export class IoProcess {
  readonly options: IoOptions;
  readonly mappings: Mapping[] = [];
  readonly forks: Forked[] = [];
  ring: Ring | undefined;
  forked = 0;
  /** Some fork ended with another code than 0. */
  forkFailed = false;
  private open: LeaseFile | undefined;

  constructor(options: IoOptions) {
    this.options = options;
  }

  /** @throws EBADF while the file is closed. */
  get file(): LeaseFile {
    if (this.open === undefined) throw new NotReady(errno.EBADF, "the file is closed: 'open' opens it");
    return this.open;
  }

  get isOpen(): boolean {
    return this.open !== undefined;
  }

  print(line: string): void {
    this.options.out(this.marked(line));
  }

  /** For refusals. */
  complain(line: string): void {
    this.options.err(this.marked(line));
  }

  /** open(2) again; closes the earlier description. */
  openFile(moreFlags = 0): void {
    this.closeFile();
    this.open = LeaseFile.open(this.options.path, this.options.openFlags | moreFlags);
  }

  /** Takes over a descriptor that a fork inherited, of the description that the parent calls so. */
  adoptFile(fd: number, description: bigint): void {
    this.open = new LeaseFile(fd, true, description);
  }

  closeFile(): void {
    this.open?.close();
    this.open = undefined;
  }

  map(off: number, length: number): void {
    const prot = (this.options.openFlags & constants.O_RDWR) === 0 ? PROT_READ : PROT_READ | PROT_WRITE;
    this.mappings.push({ off, length, memory: native.map(this.file.fd, off, length, prot) });
  }

  /** Ends every mapping; how many there were. A buffer that is registered stays so. */
  unmap(): number {
    const ended = this.mappings.splice(0);
    for (const { memory } of ended) native.unmap(memory);
    return ended.length;
  }

  /** The latest mapping that holds [off, off + len), and where in it. */
  mapped(off: number, len: number): { mapping: Mapping; at: number } {
    const mapping = this.mappings.findLast(m => m.off <= off && off + len <= m.off + m.length);
    if (mapping === undefined)
      throw new NotReady(errno.EFAULT, "no mapping holds that range: 'mmap' makes one");
    return { mapping, at: off - mapping.off };
  }

  /** Bytes; of the file by name while it is closed. */
  size(): number {
    if (this.open === undefined) return statSync(this.options.path).size;
    const stat = new Float64Array(STAT.length);
    const result = native.fstat(this.open.fd, stat);
    if (result < 0) throw new FsError(result, 'fstat');
    return stat[STAT.size]!;
  }

  /** Reports breaks as they come, while the process sleeps or waits. Other filesystems have none. */
  watchBreaks(): void {
    try {
      this.file.onBreak(({ must, breakMs }) => {
        this.print(
          breakMs > 0
            ? `break: must become ${must} within ${breakMs} ms`
            : `break over: the lease is ${must}`,
        );
      });
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      if (error.code !== 'ENOTTY' && error.code !== 'EINVAL')
        this.print(`breaks are not heard: ${error.message}`);
    }
  }

  private marked(line: string): string {
    return this.options.name === '' ? line : `[${this.options.name}] ${line}`;
  }
}
