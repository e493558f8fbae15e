// `node killer.js PID MOUNTPOINT`: kills the daemons of the keeper PID, one after the other, until SIGTERM; then says how many.
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , keeper, mountPoint] = process.argv;
/** ms from a daemon's first answer to its death, at most. */
const MOST = Number(process.env.LEASEFS_KILLS_MS ?? 1000);
/** The share of daemons that die some time after their start, whether they answer or not. */
const EARLY = 0.1;
const EARLY_MS = 300;
let count = 0;

process.on('SIGTERM', () => {
  process.stdout.write(`${count}`, () => process.exit(0));
});

for (;;) {
  if (Math.random() < EARLY) {
    await sleep(Math.random() * EARLY_MS);
  } else {
    // What no cache of the kernel's answers.
    await statfs(mountPoint!);
    await sleep(Math.random() * MOST);
  }
  const daemon = Number(readFileSync(`/proc/${keeper}/task/${keeper}/children`, 'latin1').split(' ')[0]);
  if (daemon === 0) continue;
  process.kill(daemon, 'SIGKILL');
  count++;
}
