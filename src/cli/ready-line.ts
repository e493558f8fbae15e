// --ready-fd: the one line that a supervisor waits for. A keeper has the descriptor until the line is written: a daemon that
// dies before leaves it to the next one.
import { closeSync, writeSync } from 'node:fs';
import { POLLERR, POLLOUT } from '../base/linux.js';
import type { KeeperLink } from '../keeper/link.js';
import { native } from '../native/binding.js';
import { CommandError, errorLine } from './verb.js';

export class ReadyLine {
  private readonly fd: number | undefined;
  private readonly keeper: KeeperLink | undefined;

  /** @param fd of the option. One of an earlier daemon is no descriptor of this process. */
  constructor(fd: number | undefined, keeper: KeeperLink | undefined) {
    this.keeper = keeper;
    this.fd = keeper?.takesOver ? keeper.kept.get('ready')?.fd : fd;
    if (this.fd !== undefined && !keeper?.takesOver) keeper?.keep('ready', this.fd);
  }

  /** @throws CommandError when there is no reader: a mount that a keeper holds cannot be ended by that later. */
  check(): void {
    if (this.fd !== undefined && native.pollWait(this.fd, POLLOUT, 0) & POLLERR) throw this.unread('EPIPE');
  }

  /** @throws CommandError when there is no reader. */
  tell(line: string): void {
    if (this.fd === undefined) return;
    try {
      writeSync(this.fd, `${line}\n`);
      closeSync(this.fd);
    } catch (error) {
      if (this.keeper === undefined) throw this.unread(errorLine(error));
    }
    this.keeper?.drop('ready');
  }

  private unread(why: string): CommandError {
    return new CommandError(`descriptor ${this.fd} of --ready-fd has no reader: ${why}`);
  }
}
