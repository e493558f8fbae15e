// process.stdout and process.stderr that leave a pipe as it is. Node's own make it non-blocking, for every process that has it,
// as soon as anything looks at them; Node 22 itself looks when node:util is loaded.
import { writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { pause } from './pause.js';

const PAUSE_MS = 1;

/** Writes all of it, however long that takes. @throws what write(2) fails with, but for EAGAIN. */
function writeAll(fd: number, data: Uint8Array): void {
  for (let rest = data; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      // Another process has made it non-blocking.
      pause(PAUSE_MS);
    }
  }
}

class BlockingOutput extends Writable {
  readonly fd: number;
  readonly isTTY: boolean;

  constructor(fd: number) {
    super({ decodeStrings: true });
    this.fd = fd;
    this.isTTY = isatty(fd);
    // A reader that is gone ends no process.
    this.on('error', () => {});
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      writeAll(this.fd, chunk);
      done();
    } catch (error) {
      done(error as Error);
    }
  }
}

/** Takes the place of Node's. To be called before anything else is loaded. */
export function keepOutputBlocking(): void {
  for (const [name, fd] of [['stdout', 1] as const, ['stderr', 2] as const])
    Object.defineProperty(process, name, {
      value: new BlockingOutput(fd),
      configurable: true,
      enumerable: true,
    });
}
