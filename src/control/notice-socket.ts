// Break descriptors (B1): a connection to this socket is one, and gets a struct leasefs_notice with each change. It is found
// by the ioctl WATCH of the description, whose token the peer must show: a watch needs a descriptor of the file. An abstract
// address belongs to a network namespace: for callers in another one the daemon listens there too, if it may.
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { errno } from '../base/errno.js';
import { guarded } from '../base/guarded.js';
import { Quota } from '../base/quota.js';
import type { FileHandle } from '../base/units.js';
import type { LeasePlane } from '../fs/layout/plane.js';
import type { Watchers } from '../fs/layout/watches.js';
import type { Caller } from '../fs/operations.js';
import type { KeeperLink } from '../keeper/link.js';
import { type Descriptor, native } from '../native/binding.js';
import { Listener } from '../native/listener.js';
import { linkOf } from '../process/proc-text.js';
import { KeptWatches } from './kept-watches.js';
import { NoticeConnection } from './notice-connection.js';

/** Watches of one description. */
const OF_DESCRIPTION = 64;
/** Network namespaces that are listened in, besides our own. Listening in one keeps it alive. */
const NETWORKS = 64;
/** ms without a watch after which the daemon stops listening in a network namespace. */
const IDLE_MS = 60_000;

/** A listener in a network namespace other than the daemon's. */
interface Network {
  readonly listener: Listener;
  /** The user whose call made the daemon listen there. */
  readonly uid: number;
  readonly connections: Set<NoticeConnection>;
  idle: NodeJS.Timeout;
}

interface KeepsWatches {
  /** Holds the connections beyond this daemon. */
  readonly keeper: KeeperLink;
  /** Runs it when all that has happened counts: no peer is notified of a break that the next daemon does not know. */
  behindCommit(run: () => void): void;
}

export class NoticeSocket implements Watchers {
  private readonly plane: LeasePlane;
  private readonly own: string;
  private readonly listener: Listener;
  private readonly connections: Quota;
  private readonly kept: KeptWatches;
  private readonly behindCommit: KeepsWatches['behindCommit'];
  private readonly anonymous = new Set<NoticeConnection>();
  private readonly watches = new Map<FileHandle, Set<NoticeConnection>>();
  private readonly networks = new Map<string, Network>();
  private readonly networkQuota = new Quota(NETWORKS);

  /** @param connections that there may be at once; a descriptor each. @param keeping of a daemon that another one may follow. */
  constructor(plane: LeasePlane, connections: number, keeping?: KeepsWatches) {
    this.plane = plane;
    this.connections = new Quota(connections);
    this.kept = new KeptWatches(keeping?.keeper);
    this.behindCommit = run => (keeping === undefined ? run() : keeping.behindCommit(run));
    this.own = linkOf('/proc/self/ns/net');
    this.listener = new Listener(native.listenStreams(-1), plane.log, (socket, uid) =>
      this.accepted(socket, uid),
    );
  }

  /** Goes on with the last daemon's connections. Behind the restorer, and before anything ends that it restored. */
  takeOver(): void {
    for (const { socket, fh, uid } of this.kept.left()) {
      this.connections.charge(uid, 1);
      const connection = this.made(socket, uid);
      this.watches.set(fh, (this.watches.get(fh) ?? new Set()).add(connection));
      connection.goOn(fh);
    }
  }

  address({ tid, uid, isSender }: Caller): string | number {
    // The way of the message is the daemon's own, and /proc would wait for a process that is in exec(2) by now (K29).
    if (isSender) return this.listener.address;
    const network = linkOf(`/proc/${tid}/ns/net`);
    // A namespace that /proc hides is most likely the daemon's own.
    if (network === this.own || network === '') return this.listener.address;
    const known = this.networks.get(network);
    if (known === undefined) return this.listenIn(tid, uid);
    known.idle.refresh();
    return known.listener.address;
  }

  changed(fh: FileHandle, news: boolean): number {
    const watching = this.watches.get(fh);
    if (watching === undefined) return 0;
    this.behindCommit(() => {
      for (const connection of [...watching]) connection.tell(news);
    });
    return watching.size;
  }

  closed(fh: FileHandle): void {
    for (const connection of this.watches.get(fh) ?? []) connection.close();
  }

  /** The mount is gone. */
  close(): void {
    this.listener.close();
    for (const name of [...this.networks.keys()]) this.leave(name);
    for (const connection of [...this.anonymous]) connection.close();
    for (const fh of [...this.watches.keys()]) this.closed(fh);
  }

  /** The address there; -ENETUNREACH: we may not. */
  private listenIn(tid: number, uid: number): string | number {
    if (!this.networkQuota.take(uid)) return -errno.EMFILE;
    let fd: number | undefined;
    try {
      fd = openSync(`/proc/${tid}/ns/net`, 'r');
      // The thread may have moved since.
      const name = readlinkSync(`/proc/self/fd/${fd}`);
      const socket = native.listenStreams(fd);
      const connections = new Set<NoticeConnection>();
      const listener = new Listener(socket, this.plane.log, (connected, theirs) =>
        this.accepted(connected, theirs, connections),
      );
      this.leave(name);
      const idle = setTimeout(
        guarded(this.plane.log, 'connection end', () => this.leaveIdle(name)),
        IDLE_MS,
      ).unref();
      this.networks.set(name, { listener, uid, connections, idle });
      return listener.address;
    } catch (error) {
      this.networkQuota.give(uid);
      return (error as NodeJS.ErrnoException).code === 'EMFILE' ? -errno.EMFILE : -errno.ENETUNREACH;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  private leaveIdle(name: string): void {
    const network = this.networks.get(name);
    if (network?.connections.size === 0) this.leave(name);
    else network?.idle.refresh();
  }

  private leave(name: string): void {
    const network = this.networks.get(name);
    if (network === undefined) return;
    this.networks.delete(name);
    this.networkQuota.give(network.uid);
    clearTimeout(network.idle);
    network.listener.close();
  }

  private accepted(socket: Descriptor, uid: number, all?: Set<NoticeConnection>): void {
    if (!this.connections.take(uid)) {
      NoticeConnection.refuse(socket, errno.EMFILE);
      return;
    }
    const connection = this.made(socket, uid, all);
    this.anonymous.add(connection);
    all?.add(connection);
    connection.start();
  }

  private made(socket: Descriptor, uid: number, all?: Set<NoticeConnection>): NoticeConnection {
    const connection: NoticeConnection = new NoticeConnection(this.plane, socket, {
      named: fh => {
        const refused = this.named(connection, fh);
        if (refused === 0) this.kept.keep(socket, fh, uid);
        return refused;
      },
      ended: fh => {
        this.anonymous.delete(connection);
        all?.delete(connection);
        this.forget(connection, fh);
        this.kept.drop(socket);
        this.connections.give(uid);
      },
    });
    return connection;
  }

  /** 0, or the errno for which it cannot watch the description. */
  private named(connection: NoticeConnection, fh: FileHandle): number {
    const watching = this.watches.get(fh) ?? new Set();
    if (watching.size >= OF_DESCRIPTION) return errno.EMFILE;
    this.anonymous.delete(connection);
    this.watches.set(fh, watching.add(connection));
    return 0;
  }

  private forget(connection: NoticeConnection, fh: FileHandle | undefined): void {
    if (fh === undefined) return;
    const watching = this.watches.get(fh);
    watching?.delete(connection);
    if (watching?.size === 0) this.watches.delete(fh);
  }
}
