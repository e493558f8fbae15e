// Suites of others, where they are built on this machine: the environment names them.
import type { Check } from '../conformance/check.js';
import { shell } from './shell.js';
import { xfstests } from './xfstests.js';

const operations = Number(process.env.FSX_OPERATIONS ?? 1_000_000);
const seeds = (process.env.FSX_SEEDS ?? '1 2 3').split(' ');

/** The variable that tells where the suite is built, and its run over an empty directory. */
type Suite = readonly [variable: string, check: (dir: string, at: string) => unknown];

const fsx = (count: number, seed: string, options: string): Suite => [
  'FSX',
  (dir, at) =>
    shell(
      dir,
      `"$AT" -q -N ${count} -l 1048576 -S ${seed} ${options} file | grep 'All ${count} operations'`,
      {
        AT: at,
      },
    ),
];

const suites: Readonly<Record<string, Suite>> = {
  'pjdfstest: every test passes': [
    'PJDFSTEST',
    (dir, at) => shell(dir, `prove -j4 -r "$AT/tests"`, { AT: at }),
  ],
  'xfstests: what passes on tmpfs passes': ['XFSTESTS', xfstests],
  ...Object.fromEntries(
    seeds.map(seed => [`fsx: ${operations} operations, seed ${seed}`, fsx(operations, seed, '')]),
  ),
  'fsx by AIO': fsx(operations / 10, '9', '-A'),
  'fsx by io_uring': fsx(operations / 10, '9', '-U'),
  'fsx by O_DIRECT': fsx(operations / 10, '9', '-Z -R -W -r 4096 -w 4096'),
};

/** Those that are there. */
export const othersSuites: Readonly<Record<string, Check>> = Object.fromEntries(
  Object.entries(suites).flatMap(([name, [variable, check]]) => {
    const at = process.env[variable];
    return at === undefined ? [] : [[name, (dir: string) => check(dir, at)]];
  }),
);
