// Possible pins (N12): what a process holds that pins memory at addresses which the kernel does not show. By the names of
// descriptors and of mappings; of an RDMA device also whether it lists a region, of a socket whether it is of AF_XDP.
//
// Not seen: a device under another name, a holder that was passed to a process which does not map the file.
import { native } from '../native/binding.js';
import { textOf } from './proc-text.js';
import { regionsOf } from './verbs-regions.js';

interface Pinner {
  /** What it is, in words. */
  readonly by: string;
  /** The process's descriptor; -1: it has it mapped alone. */
  readonly fd: number;
  /** As /proc shows it; a socket's names it for good. */
  readonly link: string;
}

export const REGION = 'RDMA region';
export const SOCKET = 'AF_XDP socket';
const UVERBS = '/dev/infiniband/uverbs';
const SOCKET_LINK = 'socket:[';
const DMABUF = '/dmabuf:';

const devices: readonly (readonly [start: string, by: string])[] = [
  [UVERBS, REGION],
  ['/dev/vfio/', 'VFIO'],
  ['anon_inode:[vfio-device]', 'VFIO'],
  ['/dev/iommu', 'iommufd'],
  ['/dev/vhost-vdpa', 'vhost-vdpa'],
];

/** Of one process. */
export class Pinners {
  private readonly pid: number;
  private readonly maps: string;
  private readonly found = new Map<string, Pinner>();
  private devices = '';
  private socketsToo: boolean | undefined;

  /** @param maps the text of its /proc/PID/maps. */
  constructor(pid: number, maps: string) {
    this.pid = pid;
    this.maps = maps;
  }

  /** A descriptor that it has. */
  see(fd: number, link: string): void {
    const by = this.kindOf(fd, link);
    if (by !== undefined && !this.found.has(by)) this.found.set(by, { by, fd, link });
  }

  /** One of each kind. To be called when all descriptors were seen. */
  all(): Iterable<Pinner> {
    for (const [start, by] of devices) {
      const link = this.mappedAlone(start);
      if (link !== undefined && !this.found.has(by)) this.found.set(by, { by, fd: -1, link });
    }
    const socket = this.mappedAlone(SOCKET_LINK);
    if (socket !== undefined && !this.found.has(SOCKET) && this.mayHaveXdp())
      this.found.set(SOCKET, { by: SOCKET, fd: -1, link: socket });
    return this.found.values();
  }

  private kindOf(fd: number, link: string): string | undefined {
    if (link.startsWith(SOCKET_LINK)) return this.mayHaveXdp() && isXdp(this.pid, fd) ? SOCKET : undefined;
    if (link.startsWith(DMABUF))
      return textOf(`/proc/${this.pid}/fdinfo/${fd}`).includes('\nexp_name:\tudmabuf\n')
        ? 'udmabuf'
        : undefined;
    const by = devices.find(([start]) => link.startsWith(start))?.[1];
    if (by === undefined) return undefined;
    this.devices += `${link}\n`;
    return by === REGION && regionsOf(this.pid, fd)?.length === 0 ? undefined : by;
  }

  /** The mapping keeps the device, and there is no descriptor through which it could be asked. */
  private mappedAlone(start: string): string | undefined {
    const at = this.maps.indexOf(` ${start}`);
    if (at < 0) return undefined;
    const link = this.maps.slice(at + 1, this.maps.indexOf('\n', at));
    return this.devices.includes(`${link}\n`) ? undefined : link;
  }

  /** Whether there are AF_XDP sockets in its network namespace: mostly there are none, and one file says so. */
  private mayHaveXdp(): boolean {
    this.socketsToo ??= /^XDP +\d+ +[1-9]/m.test(textOf(`/proc/${this.pid}/net/protocols`));
    return this.socketsToo;
  }
}

const AF_XDP = 44;

/** True also where we may not look. */
function isXdp(pid: number, fd: number): boolean {
  try {
    const process = native.pidfdOpen(pid);
    try {
      const socket = native.pidfdGetfd(process.fd, fd);
      const domain = native.socketDomain(socket.fd);
      socket.close();
      return domain === AF_XDP;
    } finally {
      process.close();
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ESRCH' && code !== 'EBADF';
  }
}
