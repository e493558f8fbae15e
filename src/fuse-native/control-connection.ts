// One connection to the control socket: what a descriptor is to ioctl(2). Its messages are read one at a time, each
// judged by the credentials that the kernel gave it; a call that waits for a break holds up no other.

import * as abi from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import { attempt, guarded } from '../base/guarded.js';
import { POLLIN } from '../base/linux.js';
import type { Answer } from '../fs/operations.js';
import type { Parked } from '../fs/parked.js';
import { ioctls, runIoctl } from '../ioctl/ioctl.js';
import { type Command, type IoctlTransport, isValid } from '../ioctl/structs.js';
import { type Descriptor, native, type Poller } from '../native/binding.js';
import { uidsOf } from '../process/proc.js';
import { CALL_BYTES, type Call } from './call.js';
import type { Description } from './description.js';
import { MESSAGE_MAX, type MessageReply, MessageRequest } from './messages.js';

/** Calls of one connection that wait at once; more are refused, EAGAIN. */
const WAITING_MAX = 64;

/** What all connections share. */
export interface ControlState extends IoctlTransport {
  readonly reply: MessageReply;
  readonly parked: Parked<Call>;
  /** Calls `opened` once, later, with the description that an OPEN names, or `-errno`. */
  readonly open: (request: MessageRequest, opened: (description: Description | number) => void) => void;
  readonly log: (line: string) => void;
}

const room = new ArrayBuffer(MESSAGE_MAX);
const sender = new Float64Array(3);

export class ControlConnection {
  private readonly state: ControlState;
  private readonly socket: Descriptor;
  /** Undefined while an OPEN is looked at: the messages behind it wait in the socket. */
  private poller: Poller | undefined;
  private readonly ended: () => void;
  private readonly calls = new Map<number, Call>();
  private description: Description | undefined;

  /** @param ended called once, when the peer is gone or sends a malformed message. */
  constructor(state: ControlState, socket: Descriptor, ended: () => void) {
    this.state = state;
    this.socket = socket;
    this.ended = ended;
    this.listen();
  }

  private listen(): void {
    const { state, socket } = this;
    this.poller = native.poll(socket.fd, POLLIN, () => {
      // The daemon closes the connection of a peer that sends malformed messages.
      if (!attempt(state.log, 'message', () => this.receive())) this.close();
    });
    this.poller.unref();
  }

  /** As close(2) of a descriptor. Idempotent. */
  close(): void {
    if (this.socket.fd < 0) return;
    this.poller?.close();
    this.socket.close();
    for (const call of this.calls.values()) this.state.parked.drop(call);
    this.calls.clear();
    this.description?.leave(this);
    this.ended();
  }

  private receive(): void {
    const length = native.receiveMessage(this.socket.fd, room, sender);
    if (length === -errno.EAGAIN) return;
    if (length < abi.message.bytes) {
      this.close();
      return;
    }
    const request = new MessageRequest(room.slice(0, length));
    this.identify(request);
    const { log } = this.state;
    try {
      this.serve(request);
    } catch (error) {
      log(`message ${request.code} failed, EIO: ${error instanceof Error ? error.stack : error}`);
      this.answer(request, -errno.EIO, 0);
    }
  }

  /**
   * The caller, by the credentials that the kernel added when the message was sent. The process is unidentified if it is
   * gone, since its pid may be another's now. What it is now gives it no right.
   */
  private identify({ caller }: MessageRequest): void {
    const [pid, uid, gid] = sender as unknown as [number, number, number];
    caller.isSender = true;
    caller.tid = uidsOf(pid)?.real === uid ? pid : 0;
    caller.uid = uid;
    caller.gid = gid;
  }

  private serve(request: MessageRequest): void {
    if (request.code === abi.LEASEFS_MESSAGE_CANCEL) this.cancel(request.id);
    else if (request.code === abi.LEASEFS_MESSAGE_OPEN) this.open(request);
    else this.call(request, ioctls.get(request.code));
  }

  private call(request: MessageRequest, command: Command | undefined): void {
    const { description, state } = this;
    const refused = this.refusal(request, command);
    if (command === undefined || description === undefined || refused !== 0) {
      this.answer(request, refused, 0);
      return;
    }
    request.ino = description.ino;
    const call: Call = {
      caller: request.caller,
      cost: CALL_BYTES + request.length,
      operation: () => runIoctl(command, state, request, description.fh),
      done: answer => {
        this.calls.delete(request.id);
        this.answer(request, answer, answer === 0 ? command.struct.bytes : 0);
      },
    };
    this.calls.set(request.id, call);
    state.parked.start(call);
  }

  /** 0 when the call can be made. */
  private refusal({ id, length }: MessageRequest, command: Command | undefined): Answer {
    if (command === undefined) return -errno.ENOTTY;
    if (this.description === undefined) return -errno.EBADF;
    if (length !== command.struct.bytes) return -errno.EINVAL;
    return this.calls.size < WAITING_MAX && !this.calls.has(id) ? 0 : -errno.EAGAIN;
  }

  private open(request: MessageRequest): void {
    const isFirst = this.description === undefined;
    if (!isFirst || request.length !== abi.open.bytes || !isValid(abi.open, 0, request.struct)) {
      this.answer(request, -errno.EINVAL, 0);
      return;
    }
    this.poller?.close();
    this.poller = undefined;
    this.state.open(
      request,
      guarded(this.state.log, 'message', description => this.opened(request, description)),
    );
  }

  private opened(request: MessageRequest, description: Description | number): void {
    const isClosed = this.socket.fd < 0;
    if (typeof description !== 'number') {
      this.description = description;
      description.join(this);
      if (isClosed) description.leave(this);
    }
    if (isClosed) return;
    this.listen();
    this.answer(request, typeof description === 'number' ? description : 0, 0);
  }

  private cancel(id: number): void {
    const call = this.calls.get(id);
    if (call !== undefined) this.state.parked.interrupt(other => other === call);
  }

  /** The struct lies in the reply already. */
  private answer({ id }: MessageRequest, answer: Answer, struct: number): void {
    this.send(this.state.reply.head(id, answer, struct));
  }

  /**
   * Closes the connection of a peer that does not read its answers; later, since its end would wake others while an answer
   * is made.
   */
  private send(length: number): void {
    if (this.socket.fd < 0) return;
    if (native.sendMessage(this.socket.fd, this.state.reply.buffer, length) >= 0) return;
    setImmediate(guarded(this.state.log, 'connection', () => this.close()));
  }
}
