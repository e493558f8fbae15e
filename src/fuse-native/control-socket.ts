// Leases and pins where no ioctl comes through: a socket that takes the same structs (leasefs.h). Programs find it through
// the mount itself, by an xattr of any file there, so no other process can impersonate it. The daemon accepts no descriptor
// from a program: closing one of a stuck filesystem would stop the daemon. A key from the xattr names the file, and only
// this mount can have made it. How the file is open is read in /proc, as far as the kernel allows.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import * as abi from '../abi/leasefs.js';
import { errno } from '../base/errno.js';
import { O_ACCMODE, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } from '../base/linux.js';
import { Quota } from '../base/quota.js';
import { type InodeNumber, type Name, NO_WAITER } from '../base/units.js';
import { Attr, Caller, Opened, type Operations } from '../fs/operations.js';
import type { Parked } from '../fs/parked.js';
import { ReportTexts } from '../ioctl/report-texts.js';
import { type Descriptor, native } from '../native/binding.js';
import { Listener } from '../native/listener.js';
import { field, listOf, textOf } from '../process/proc-text.js';
import type { Call } from './call.js';
import { ControlConnection, type ControlState } from './control-connection.js';
import { Description } from './description.js';
import { MessageReply, type MessageRequest } from './messages.js';

export const CONTROL_XATTR = abi.xattr as Name;

/** Connections at once: a descriptor of the daemon each. */
const CONNECTIONS_MAX = 4096;

export class ControlSocket {
  private readonly operations: Operations;
  private readonly listener: Listener;
  private readonly state: ControlState;
  private readonly secret = randomBytes(32);
  private readonly connections = new Set<ControlConnection>();
  private readonly quota = new Quota(CONNECTIONS_MAX);
  /** What may be shared, by what GETLEASE calls it. */
  private readonly byToken = new Map<bigint, Description>();
  private readonly caller = new Caller();

  constructor(operations: Operations, parked: Parked<Call>, log: (line: string) => void) {
    this.operations = operations;
    this.state = {
      operations,
      parked,
      log,
      reply: new MessageReply(),
      reports: new ReportTexts(),
      open: (request, pid) => this.open(request, pid),
    };
    this.listener = new Listener(native.listenMessages(), log, (socket, uid) => this.accepted(socket, uid));
  }

  /** The value of the xattr, of the file `ino`. */
  address(ino: InodeNumber): string {
    return `${this.listener.address} ${ino}.${this.proof(ino)}`;
  }

  close(): void {
    this.listener.close();
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

  private open(request: MessageRequest, pid: number): Description | number {
    const ino = this.inodeOf(request);
    if (ino === undefined) return -errno.ESTALE;
    const shared = request.struct.big(abi.open.description);
    if (shared !== 0n) {
      const description = this.byToken.get(shared);
      return description?.ino === ino ? description : -errno.EBADF;
    }
    const flags = this.accessOf(pid, request.struct.s32(abi.open.fd), ino);
    return flags < 0 ? flags : this.newDescription(ino, flags);
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

  /**
   * open(2)'s access mode of the process's descriptor, read-only where we may not look; or -EBADF: not one of that file.
   */
  private accessOf(pid: number, fd: number, ino: InodeNumber): number {
    const shownAll = `/proc/${pid}/fdinfo`;
    const info = textOf(`${shownAll}/${fd}`);
    if (info === '') return listOf(shownAll).length === 0 ? O_RDONLY : -errno.EBADF;
    // Before Linux 5.14 fdinfo does not name the inode.
    const shown = field(info, 'ino');
    if (shown !== '' && Number(shown) !== ino) return -errno.EBADF;
    return Number.parseInt(field(info, 'flags'), 8) & O_ACCMODE;
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
      : operations.opendir(caller, ino, opened);
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
