// Break descriptors outlive the daemon: its keeper holds the daemon's end of each connection, under a name that says what
// it watches and whose it is.
import type { FileHandle } from '../base/units.js';
import type { KeeperLink, KeptName } from '../keeper/link.js';
import type { Descriptor } from '../native/binding.js';

/** Of the numbers in a name, which has 31 characters. */
const RADIX = 36;
const NAME = /^watch-([0-9a-z]+)-([0-9a-z]+)-([0-9a-z]+)$/;

interface KeptWatch {
  readonly socket: Descriptor;
  readonly fh: FileHandle;
  /** The user whose it is. */
  readonly uid: number;
}

export class KeptWatches {
  private readonly keeper: Pick<KeeperLink, 'kept' | 'keep' | 'drop'> | undefined;
  private readonly names = new Map<Descriptor, KeptName>();
  private last = 0;

  /** @param keeper undefined: they end with this daemon. */
  constructor(keeper: Pick<KeeperLink, 'kept' | 'keep' | 'drop'> | undefined) {
    this.keeper = keeper;
  }

  /** Those of the last daemon. They stay kept until `drop`. */
  left(): readonly KeptWatch[] {
    const found: KeptWatch[] = [];
    for (const [name, socket] of this.keeper?.kept ?? []) {
      const numbers = NAME.exec(name)
        ?.slice(1)
        .map(digits => Number.parseInt(digits, RADIX));
      if (numbers === undefined) continue;
      const [fh, number, uid] = numbers as [FileHandle, number, number];
      this.last = Math.max(this.last, number);
      this.names.set(socket, name as KeptName);
      found.push({ socket, fh, uid });
    }
    return found;
  }

  /** Before its peer gets the first notice. */
  keep(socket: Descriptor, fh: FileHandle, uid: number): void {
    if (this.keeper === undefined) return;
    const numbers = [fh, ++this.last, uid].map(number => number.toString(RADIX));
    const name: KeptName = `watch-${numbers.join('-')}`;
    this.names.set(socket, name);
    this.keeper.keep(name, socket.fd);
  }

  drop(socket: Descriptor): void {
    const name = this.names.get(socket);
    if (name === undefined) return;
    this.names.delete(socket);
    this.keeper?.drop(name);
  }
}
