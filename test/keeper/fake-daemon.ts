// What leasefs-keeper starts in the tests: PLACE DIRECTORY. The n-th start carries out the n-th of DIRECTORY/scripts, the last
// one from then on, and notes what it sees in DIRECTORY/notes, a JSON object a line.
import { appendFileSync, closeSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeeperProcess } from '../../src/keeper/keeper-process.js';
import type { KeptName } from '../../src/keeper/link.js';
import { native } from '../../src/native/binding.js';
import type { Note, Step } from './scripts.js';

const [place, directory] = process.argv.slice(2) as [string, string];
const file = join(directory, 'notes');
const note = (what: Note): void => appendFileSync(file, `${JSON.stringify(what)}\n`);
const earlier = existsSync(file) ? readFileSync(file, 'utf8').match(/"start"/g)?.length : 0;

const keeper = new KeeperProcess(Number(place));
const read = (fd: number): string => {
  const room = new ArrayBuffer(64);
  return Buffer.from(room, 0, native.pread(fd, room, 0, 64, 0)).toString();
};
const { ppid } = process;
note({
  what: 'start',
  pid: process.pid,
  deaths: keeper.deaths,
  takesOver: keeper.takesOver,
  kept: Object.fromEntries([...keeper.kept].map(([name, { fd }]) => [name, read(fd)])),
  session: Number(readFileSync('/proc/self/stat', 'latin1').replace(/.*\) /, '').split(' ')[3]),
  // Ours are on their way to nothing.
  keeperFds: readdirSync(`/proc/${ppid}/fd`).length,
  children: readFileSync(`/proc/${ppid}/task/${ppid}/children`, 'latin1').trim(),
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGQUIT'] as const) {
  process.on(signal, () => {
    note({ what: signal });
    if (signal === 'SIGTERM' || signal === 'SIGINT') process.exit(0);
  });
}
// It stays until something ends it.
setInterval(() => {}, 1000);

const memory = (text: string): number => {
  const fd = native.memfdCreate('fake').release();
  const bytes = Uint8Array.from(Buffer.from(text));
  native.pwrite(fd, bytes.buffer, 0, bytes.length, 0);
  return fd;
};

/** Whether the keeper has not taken the signal yet. */
const isPending = (bit: number): boolean => {
  const masks = readFileSync(`/proc/${ppid}/status`, 'latin1').matchAll(/^(?:ShdPnd|SigPnd):\s+(\w+)$/gm);
  return [...masks].some(([, mask]) => (BigInt(`0x${mask}`) >> BigInt(bit - 1)) & 1n);
};

function perform([name, ...args]: Step): void {
  switch (name) {
    case 'keep': {
      const fd = memory(args[1]!);
      keeper.keep(args[0] as KeptName, fd);
      closeSync(fd);
      return;
    }
    case 'drop':
      keeper.drop(args[0] as KeptName);
      return;
    case 'raw': {
      const bytes = Uint8Array.from(Buffer.from(args[0]!, 'latin1'));
      const fd = args[1] === 'fd' ? memory('raw') : -1;
      native.sendRecord(Number(place), bytes.buffer, bytes.length, fd);
      if (fd >= 0) closeSync(fd);
      return;
    }
    case 'mounted':
      keeper.mounted(Number(args[0]), args[1]!);
      return;
    case 'mount-tmpfs':
      native.mount('leasefs-test', args[0]!, 'tmpfs', 0, '');
      return;
    case 'serve':
      keeper.serving();
      note({ what: 'serve' });
      return;
    case 'next':
      note({ what: 'next', answer: keeper.next(args) });
      return;
    case 'watch':
      keeper.watch(() => note({ what: 'gone' }));
      return;
    case 'signal-keeper':
      process.kill(ppid, 'SIGTERM');
      while (isPending(15));
      return;
    case 'stop-keeper':
      process.kill(ppid, 'SIGSTOP');
      while (!/^State:\tT/m.test(readFileSync(`/proc/${ppid}/status`, 'latin1')));
      return;
    case 'close':
      closeSync(Number(args[0]));
      return;
    case 'sleep':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(args[0]));
      return;
    case 'exit':
      process.exit(Number(args[0]));
      return;
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'kill-by': {
      const signal = args[0] as NodeJS.Signals;
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
      return;
    }
    case 'stay':
      note({ what: 'stay' });
      return;
    default:
      name satisfies never;
  }
}

const parsed = JSON.parse(readFileSync(join(directory, 'scripts'), 'utf8')) as readonly (readonly Step[])[];
for (const step of parsed[Math.min(earlier ?? 0, parsed.length - 1)]!) perform(step);
