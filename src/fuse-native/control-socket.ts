// Leases and pins where no ioctl comes through: a socket that takes the same structs (leasefs.h). Programs find it through
// the mount itself, by an xattr of any file there, so no other process can impersonate it. The daemon accepts no descriptor
// from a program: closing one of a stuck filesystem would stop the daemon. A key from the xattr names the file, and only
// this mount can have made it. How the file is open is read in /proc, as far as the kernel allows (descriptor-look.ts).
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import * as abi from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import { O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } from '../base/linux.js';
import { Quota } from '../base/quota.js';
import { type InodeNumber, type Name, NO_WAITER } from '../base/units.js';
import { Attr, Caller, Opened, type Operations } from '../fs/operations.js';
import type { Parked } from '../fs/parked.js';
import { ReportTexts } from '../ioctl/report-texts.js';
import { type Descriptor, native } from '../native/binding.js';
import { Listener } from '../native/listener.js';
import type { Call } from './call.js';
import { ControlConnection, type ControlState } from './control-connection.js';
import { Description } from './description.js';
import { DescriptorLooks } from './descriptor-looks.js';
import { MessageReply, type MessageRequest } from './messages.js';

export const CONTROL_XATTR = abi.xattr as Name;

/** Connections at once: a descriptor of the daemon each. */
const CONNECTIONS_MAX = 4096;

export class ControlSocket {
  private readonly operations: Operations;
  private readonly device: () => string | undefined;
  private readonly looks: DescriptorLooks;
  private readonly listener: Listener;
  private readonly state: ControlState;
  private readonly secret = randomBytes(32);
  private readonly connections = new Set<ControlConnection>();
  private readonly quota = new Quota(CONNECTIONS_MAX);
  /** What may be shared, by what GETLEASE calls it. */
  private readonly byToken = new Map<bigint, Description>();
  private readonly caller = new Caller();

  /** @param device MAJOR:MINOR of the mount, decimal; undefined while it is not known. */
  constructor(
    operations: Operations,
    parked: Parked<Call>,
    device: () => string | undefined,
    log: (line: string) => void,
  ) {
    this.operations = operations;
    this.device = device;
    this.looks = new DescriptorLooks(log);
    this.state = {
      operations,
      parked,
      log,
      reply: new MessageReply(),
      reports: new ReportTexts(),
      open: (request, opened) => this.open(request, opened),
    };
    this.listener = new Listener(native.listenMessages(), log, (socket, uid) => this.accepted(socket, uid));
  }

  /** The value of the xattr, of the file `ino`. */
  address(ino: InodeNumber): string {
    return `${this.listener.address} ${ino}.${this.proof(ino)}`;
  }

  close(): void {
    this.listener.close();
    this.looks.close();
    for (const connection of [...this.connections]) connection.close();
  }

  private proof(ino: InodeNumber): string {
    return createHmac('sha256', this.secret).update(`${ino}`).digest('hex').slice(0, 32);
  }

  private accepted(socket: Descriptor, uid: number): void {
    if (!this.quota.take(uid)) {
      const { reply } = this.state;
      native.sendMessage(socket.fd, reply.buffer, reply.head(1, -errno.EMFILE, 0));
      socket.close();
      return;
    }
    const connection = new ControlConnection(this.state, socket, () => {
      this.connections.delete(connection);
      this.quota.give(uid);
    });
    this.connections.add(connection);
  }

  private open(request: MessageRequest, opened: (description: Description | number) => void): void {
    const ino = this.inodeOf(request);
    const device = this.device();
    const shared = request.struct.big(abi.open.description);
    if (ino === undefined || shared !== 0n || device === undefined) {
      const description = ino === undefined ? undefined : this.byToken.get(shared);
      const isThat = description !== undefined && description.ino === ino;
      const error = ino === undefined ? errno.ESTALE : shared === 0n ? errno.EAGAIN : errno.EBADF;
      opened(isThat ? description : -error);
      return;
    }
    const { tid: pid, uid, gid } = request.caller;
    this.looks.ask({ pid, uid, gid, fd: request.struct.s32(abi.open.fd), ino, device }, access =>
      opened(access < 0 ? access : this.newDescription(ino, access)),
    );
  }

  /** The file of the key; undefined when this mount did not make it. */
  private inodeOf(request: MessageRequest): InodeNumber | undefined {
    const text = Buffer.from(request.struct.data(abi.open.key)).toString('latin1');
    const [number = '', proof = ''] = text.slice(0, text.indexOf('\0')).split('.');
    const ino = Number(number) as InodeNumber;
    const right = Buffer.from(this.proof(ino));
    const given = Buffer.from(proof);
    return given.length === right.length && timingSafeEqual(given, right) ? ino : undefined;
  }

  private newDescription(ino: InodeNumber, flags: number): Description | number {
    const { operations, caller } = this;
    const attr = new Attr();
    const opened = new Opened();
    caller.waiter = NO_WAITER;
    const known = operations.getattr(caller, ino, attr);
    if (known < 0) return -errno.ESTALE;
    const type = attr.mode & S_IFMT;
    if (type !== S_IFREG && type !== S_IFDIR) return -errno.ENOTTY;
    const isFile = type === S_IFREG;
    const answer = isFile
      ? operations.open(caller, ino, flags, opened)
      : operations.opendir(caller, ino, O_RDONLY, opened);
    if (answer < 0) return answer;
    const { fh } = opened;
    const { token } = operations.getLease(ino, fh);
    const description = new Description(ino, fh, () => {
      this.byToken.delete(token);
      this.state.reports.delete(fh);
      operations.release(fh);
    });
    if (token !== 0n) this.byToken.set(token, description);
    return description;
  }
}
