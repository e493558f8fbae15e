// systemd's descriptor store in the place of leasefs-keeper: sd_pid_notify_with_fds(3) holds descriptors by name, and a
// service that is started anew finds them from descriptor 3 on (sd_listen_fds(3)). The unit has FileDescriptorStoreMax= and
// Restart=; systemd 254 and newer says so in FDSTORE, an older one where the unit has Environment=FDSTORE=1.
import { errno } from '../base/errno.js';
import { pause } from '../base/pause.js';
import { type Descriptor, native } from '../native/binding.js';
import { KeeperLink, type KeptName } from './link.js';

type Environment = Readonly<Record<string, string | undefined>>;

const FIRST_FD = 3;
/** A memfd with the number of deaths, which systemd does not count. */
const DEATHS = 'deaths';
/** ms; systemd's socket is full for a moment where many services start. */
const BUSY_MS = 10;
const TRIES = 500;

export class SystemdStore extends KeeperLink {
  readonly by = 'systemd';
  readonly kept = new Map<string, Descriptor>();
  readonly deaths: number;
  private readonly socket: string;
  private readonly argv: readonly string[];
  private readonly stored = new Set<string>();
  private readonly counter: Descriptor;

  /** Takes over all that is kept. @param argv of this process: systemd starts the same one again. */
  constructor(env: Environment, argv: readonly string[]) {
    super();
    this.socket = env.NOTIFY_SOCKET ?? '';
    this.argv = argv;
    const names = env.LISTEN_FDNAMES?.split(':') ?? [];
    inheritedBySystemd(env).forEach((fd, index) => {
      this.kept.set(names[index] ?? '', native.dup(fd));
      native.close(fd);
      this.stored.add(names[index] ?? '');
    });
    const counter = this.kept.get(DEATHS);
    this.counter = counter ?? native.memfdCreate(`leasefs-${DEATHS}`);
    this.deaths = counter === undefined ? 0 : this.count() + 1;
    this.setCount(this.deaths);
    if (counter === undefined) this.store(DEATHS, this.counter.fd);
  }

  keep(name: KeptName, fd: number): void {
    // A second one of the same name would lie beside the first.
    if (this.stored.has(name)) this.drop(name);
    this.store(name, fd);
  }

  drop(name: KeptName): void {
    if (this.stored.delete(name)) this.send(`FDSTOREREMOVE=1\nFDNAME=${name}`);
  }

  /** systemd detaches nothing. */
  mounted(): void {}

  serving(): void {
    this.send('READY=1');
  }

  /** systemd starts what the unit names: the new build must be installed in the place of this one. */
  next(argv: readonly string[]): number {
    if (argv.join('\0') !== this.argv.join('\0')) return -errno.EOPNOTSUPP;
    // The end that follows is no death.
    this.setCount(this.deaths - 1);
    return this.isThere ? 0 : -errno.EPIPE;
  }

  private store(name: string, fd: number): void {
    this.stored.add(name);
    // FDPOLL=0: it stays, also where its other end is closed.
    this.send(`FDSTORE=1\nFDNAME=${name}\nFDPOLL=0`, fd);
  }

  private send(text: string, fd = -1): void {
    let sent = -errno.EPIPE;
    for (let n = 0; this.isThere && n < TRIES; n++) {
      sent = native.sendDatagram(this.socket, text, fd);
      if (sent !== -errno.EAGAIN) break;
      pause(BUSY_MS);
    }
    if (sent < 0) this.end();
  }

  private count(): number {
    const text = new ArrayBuffer(16);
    const length = Math.max(0, native.pread(this.counter.fd, text, 0, text.byteLength, 0));
    return Number.parseInt(Buffer.from(text, 0, length).toString('latin1'), 10) || 0;
  }

  private setCount(count: number): void {
    const text = Uint8Array.from(Buffer.from(`${count}`.padEnd(16)));
    native.pwrite(this.counter.fd, text.buffer, 0, text.length, 0);
  }
}

/** Whether the unit has a descriptor store. */
export const isStoreOfSystemd = ({ NOTIFY_SOCKET, FDSTORE }: Environment): boolean =>
  Boolean(NOTIFY_SOCKET) && Number(FDSTORE) > 0;

/** The descriptors that systemd gave to this process. */
export function inheritedBySystemd({ LISTEN_PID, LISTEN_FDS }: Environment): number[] {
  const count =
    LISTEN_PID === `${process.pid}` && /^\d{1,5}$/.test(LISTEN_FDS ?? '') ? Number(LISTEN_FDS) : 0;
  return Array.from({ length: count }, (_, index) => FIRST_FD + index);
}
