// `npm run test:vm`: the end-to-end suite of the project in virtual machines, Debian's 6.1 without passthrough and 6.12
// with it, and the tests with real RDMA in the latter; with --arch arm64 the core suite on an emulated processor of that
// kind. LEASEFS_SKIP_VM=1 skips it; without, a machine that cannot be had is a failure. The last line is
// `N passed, N failed, N skipped`.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { programsOf } from '../proposal/programs.js';
import { boot, machineOf } from './boot.js';
import { installPackages, say } from './host.js';
import { host, processorOf } from './processor.js';

const USAGE = `usage: npm run test:vm -- [--quick] [--arch amd64|arm64] [KERNEL...] [-- PART...]
  --quick   what a kernel decides about, and the RDMA tests, as .ci/run has it; all of it takes half an hour without KVM
  --arch    the machine's processor; another one than this machine's gets a Debian of its own and the core suite, on 6.12:
            what depends on a processor (--quick), or every quick test
  KERNEL    a series of Debian's kernels, as 6.12
  PART      of the names of test files, as npm test takes them`;

type Suites = Readonly<Record<string, readonly string[]>>;

const dist = (...parts: readonly string[]): string[] => parts.map(part => `dist/test/${part}`);

const MOUNTED = dist('e2e/', 'conformance/', 'client/');
const suites: Suites = {
  '6.12': [...MOUNTED, ...dist('vm/')],
  '6.1': MOUNTED,
};
const quickSuites: Suites = {
  '6.12': dist('e2e/rules', 'e2e/layout', 'e2e/kernel-pins', 'vm/rdma', 'vm/fs-dax'),
  '6.1': dist('client/', 'e2e/bad-input', 'e2e/inodes', 'e2e/pooled'),
};
/** On another processor: numbers and structs of system calls, the compiled parts, processes that are stopped at calls. */
const CORE = dist(
  'abi/',
  'base/',
  'client/',
  'extent/extent-map',
  'ioctl/',
  'journal/',
  'keeper/',
  'lease/rules.test',
  'native/',
  'process/',
  'run/calls',
  'run/narrow',
  'run/refused',
  'run/run.test',
  'run/races',
  'store/',
  'e2e/bad-input',
  'e2e/kernel-pins',
  'e2e/layout.test',
  'e2e/pooled',
  'e2e/rules',
);
const PAGES = { '6.12-16k': dist('vm/pages') };
const otherSuites: Suites = { '6.12': quickTests(), ...PAGES };
const quickOtherSuites: Suites = { '6.12': CORE, ...PAGES };
/** Emulated processors are some 15 times slower; those of another kind, more. */
const TIME_FACTOR = 5;
const OTHER_TIME_FACTOR = 20;
const LIMIT_SECONDS = 1200;
const OTHER_LIMIT_SECONDS = 7200;

/** Those that `npm test` runs. */
function quickTests(): string[] {
  const folder = fileURLToPath(new URL('..', import.meta.url));
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.test.js') && !name.startsWith('vm/') && !name.endsWith('.long.test.js'))
    .map(name => `dist/test/${name}`);
}

const end = process.argv.indexOf('--');
const { values, positionals } = parseArgs({
  args: process.argv.slice(2, end < 0 ? undefined : end),
  options: {
    quick: { type: 'boolean', default: false },
    arch: { type: 'string', default: host.debian },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const processor = processorOf(values.arch);
const isHost = processor === host;
const [every, quick] = isHost ? [suites, quickSuites] : [otherSuites, quickOtherSuites];
const lists = values.quick ? quick : every;
const parts = end < 0 ? [] : process.argv.slice(end + 1);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const total = { passed: 0, failed: 0, skipped: 0 };

async function run(series: string): Promise<void> {
  const machine = machineOf(series, processor);
  const { release } = machine.kernel;
  say(`the suite on Linux ${release}`);
  const wanted = parts.length > 0 ? parts : (lists[series] ?? MOUNTED);
  const { code, why, output, seconds } = await boot({
    machine,
    command: `LEASEFS_TIME_FACTOR=${isHost ? TIME_FACTOR : OTHER_TIME_FACTOR} LEASEFS_RESIDENT_FILES=2000 node dist/test/run.js ${wanted.join(' ')}`,
    limitSeconds: isHost ? LIMIT_SECONDS : OTHER_LIMIT_SECONDS,
    cpus: 2,
    onOutput: text => process.stdout.write(text),
  });
  const counted = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m.exec(output);
  if (counted === null || code === undefined) total.failed++;
  else {
    total.passed += Number(counted[1]);
    total.failed += Number(counted[2]);
    total.skipped += Number(counted[3] ?? 0);
  }
  say(code === undefined ? why : `Linux ${release}: exit ${code} after ${seconds.toFixed(0)} s`);
}

if (process.env.LEASEFS_SKIP_VM === '1') say('LEASEFS_SKIP_VM is set: no virtual machine is tried');
else {
  try {
    installPackages(processor);
    if (isHost) programsOf('fcntl', 'rdma', 'dynamic');
    for (const series of positionals.length > 0 ? positionals : Object.keys(every)) await run(series);
  } catch (error) {
    say(`${(error as Error).message}; LEASEFS_SKIP_VM=1 does without`);
    total.failed++;
  }
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
