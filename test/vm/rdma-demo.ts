// `npm run demo:rdma`, inside the machine: one C program, real RDMA, on each file system; a table and a reading of it.
import { release } from 'node:os';
import { table } from '../../src/cli/table.js';
import { type Ground, grounds } from '../support/mounts.js';
import { bringUpRdma } from './rdma-device.js';
import { type Answers, type LeaseBy, RdmaExperiment, reading } from './rdma-experiment.js';

interface Row {
  readonly name: string;
  readonly answers: Answers;
}

/** Each: its name, its file system, and who registers the pin. */
const rows: readonly (readonly [string, keyof typeof grounds, LeaseBy])[] = [
  ['tmpfs', 'tmpfs', 'fcntl'],
  ['ext4, dax', 'ext4 dax', 'fcntl'],
  ['xfs, dax=always', 'xfs dax', 'fcntl'],
  ['leasefs, without a pin', 'leasefs', 'none'],
  ['leasefs, lease and pin by ioctl', 'leasefs', 'ioctl'],
  ['leasefs run, no lease', 'leasefs run', 'none'],
  ['leasefs run', 'leasefs run', 'fcntl'],
];

async function on<T>(ground: Ground, use: (ground: Ground) => T): Promise<T> {
  try {
    return use(ground);
  } finally {
    await ground.stop();
  }
}

bringUpRdma();
const experiment = new RdmaExperiment();
const seen: Row[] = [];
try {
  for (const [name, ground, lease] of rows)
    seen.push({ name, answers: await on(await grounds[ground]!(), there => experiment.run(there, lease)) });
} finally {
  experiment.clear();
}

console.log(
  `Linux ${release()}, soft-RoCE; 1 MiB of a file is registered, its first page is punched by another process,`,
);
console.log('then the device writes 0x5a to that page. The file had 0x11.\n');
const cells = (title: string, of: keyof Answers) => ({ title, cell: ({ answers }: Row) => answers[of] });
for (const line of table<Row>(
  [
    { title: 'FILE SYSTEM', cell: ({ name }) => name },
    cells('LEASE', 'lease'),
    cells('IBV_REG_MR', 'register'),
    cells('PUNCH', 'punch'),
    cells('RDMA WRITE', 'write'),
    cells('DEVICE SEES', 'device'),
    cells('FILE HOLDS', 'file'),
  ],
  seen,
))
  console.log(line);
console.log('');
for (const { name, answers } of seen) console.log(`${name}: ${reading(answers)}`);
