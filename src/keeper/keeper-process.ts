// The link to leasefs-keeper, the parent of this daemon, over a socket: the messages of native/keeper/keeper.c.
import { errno, FsError } from '../base/errno.js';
import { F_SETFD, FD_CLOEXEC, POLLIN } from '../base/linux.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';
import { KeeperLink, type KeptName } from './link.js';

/** Bytes of a message. */
const RECORD_MAX = 256;

export class KeeperProcess extends KeeperLink {
  readonly by = 'leasefs-keeper';
  readonly kept = new Map<string, Descriptor>();
  readonly deaths: number;
  private readonly socket: number;
  private poller: Poller | undefined;

  /**
   * Takes over all that is kept; waits for it.
   * @param socket descriptor of the socket to the keeper, which stays open.
   * @throws FsError when there is no keeper at its other end.
   */
  constructor(socket: number) {
    super();
    this.socket = socket;
    native.fcntl(socket, F_SETFD, FD_CLOEXEC);
    this.deaths = this.receiveAll();
  }

  keep(name: KeptName, fd: number): void {
    this.send(`P${name}`, fd);
  }

  drop(name: KeptName): void {
    this.send(`D${name}`);
  }

  mounted(id: number, path: string): void {
    this.send(`M${id} ${path}`);
  }

  serving(): void {
    this.send('R');
  }

  next(argv: readonly string[]): number {
    return this.send(`U${argv.map(word => `${word}\0`).join('')}`);
  }

  override watch(gone: () => void): void {
    super.watch(gone);
    if (!this.isThere) return;
    // It sends nothing after its greeting.
    this.poller = native.poll(this.socket, POLLIN, () => this.end());
    this.poller.unref();
  }

  /** Up to the last message of the greeting: how many daemons have died. */
  private receiveAll(): number {
    const room = new ArrayBuffer(RECORD_MAX);
    const length = new Float64Array(1);
    for (;;) {
      let descriptor: Descriptor | undefined;
      try {
        descriptor = native.receiveRecord(this.socket, room, length);
      } catch (error) {
        throw new FsError((error as { errno?: number }).errno ?? errno.EIO, '--keeper-fd is no keeper');
      }
      const text = Buffer.from(room, 0, length[0]!).toString('latin1');
      if (text === '') throw new FsError(errno.EPIPE, 'the keeper ended before its daemon began');
      if (text.startsWith('H') && descriptor !== undefined) this.kept.set(text.slice(1), descriptor);
      if (text.startsWith('E')) return Number(text.slice(1));
    }
  }

  private send(text: string, fd = -1): number {
    if (!this.isThere) return -errno.EPIPE;
    const bytes = Uint8Array.from(Buffer.from(text));
    const sent = native.sendRecord(this.socket, bytes.buffer, bytes.length, fd);
    if (sent === -errno.EPIPE || sent === -errno.ECONNRESET) this.end();
    return Math.min(sent, 0);
  }

  protected override end(): void {
    this.poller?.close();
    super.end();
  }
}
