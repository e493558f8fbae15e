// A listening socket in the event loop. It keeps no process alive.
import { attempt, guarded, type Log } from '../base/guarded.js';
import { POLLIN } from '../base/linux.js';
import { type Descriptor, native, type Poller } from './binding.js';

/** ms without a free descriptor until accept(2) is tried again. */
const NO_DESCRIPTOR_MS = 100;

export class Listener {
  /** The abstract address, without its leading NUL. */
  readonly address: string;
  private readonly socket: Descriptor;
  private readonly log: Log;
  private readonly accepted: (socket: Descriptor, uid: number) => void;
  private readonly peer = new Float64Array(1);
  private poller: Poller | undefined;
  private pause: NodeJS.Timeout | undefined;

  /** @param accepted is called with each connection and the uid of its peer. */
  constructor(socket: Descriptor, log: Log, accepted: (socket: Descriptor, uid: number) => void) {
    this.socket = socket;
    this.log = log;
    this.accepted = accepted;
    this.address = native.abstractName(socket.fd);
    this.listen();
  }

  close(): void {
    this.poller?.close();
    clearTimeout(this.pause);
    this.socket.close();
  }

  private listen(): void {
    this.poller = native.poll(
      this.socket.fd,
      POLLIN,
      guarded(this.log, 'connection', () => this.accept()),
    );
    this.poller.unref();
  }

  private accept(): void {
    let connection: Descriptor;
    try {
      connection = native.accept(this.socket.fd, this.peer);
    } catch (error) {
      // EAGAIN: the peer has closed its connection.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') this.rest();
      return;
    }
    this.accepted(connection, this.peer[0]!);
  }

  private rest(): void {
    this.poller?.close();
    this.pause = setTimeout(() => this.again(), NO_DESCRIPTOR_MS).unref();
  }

  private again(): void {
    if (!attempt(this.log, 'connection', () => this.listen())) this.rest();
  }
}
