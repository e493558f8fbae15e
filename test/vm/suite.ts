// `npm run test:vm`: the end-to-end suite of the project in virtual machines, Debian's 6.1 without passthrough and 6.12
// with it, and the tests with real RDMA in the latter.
//   node dist/test/vm/suite.js [--quick] [KERNEL...] [-- PART...]     kernels as 6.12; parts of the names of test files
// --quick, for .ci/run: the RDMA tests, and what a kernel decides about. All of it takes half an hour without KVM.
// LEASEFS_SKIP_VM=1 skips it; without, a machine that cannot be had is a failure. The last line is
// `N passed, N failed, N skipped`.
import { programsOf } from '../proposal/programs.js';
import { boot } from './boot.js';
import { installPackages, kernelOf, say } from './kernel.js';

const MOUNTED = ['e2e/', 'conformance/', 'client/'].map(folder => `dist/test/${folder}`);
const suites: Readonly<Record<string, readonly string[]>> = {
  '6.12': [...MOUNTED, 'dist/test/vm/'],
  '6.1': MOUNTED,
};
const quickSuites: typeof suites = {
  '6.12': ['e2e/rules', 'e2e/layout', 'e2e/kernel-pins', 'vm/rdma', 'vm/fs-dax'].map(
    part => `dist/test/${part}`,
  ),
  '6.1': ['client/', 'e2e/bad-input', 'e2e/inodes', 'e2e/pooled'].map(part => `dist/test/${part}`),
};
const LIMIT_SECONDS = 1200;

const end = process.argv.indexOf('--');
const words = process.argv.slice(2, end < 0 ? undefined : end);
const kernels = words.filter(word => word !== '--quick');
const lists = words.includes('--quick') ? quickSuites : suites;
const parts = end < 0 ? [] : process.argv.slice(end + 1);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const total = { passed: 0, failed: 0, skipped: 0 };

async function run(series: string): Promise<void> {
  const kernel = kernelOf(series);
  say(`the suite on Linux ${kernel.release}`);
  const wanted = parts.length > 0 ? parts : (lists[series] ?? MOUNTED);
  const { code, why, output, seconds } = await boot({
    kernel,
    // Emulated processors are some 15 times slower.
    command: `LEASEFS_TIME_FACTOR=5 LEASEFS_RESIDENT_FILES=2000 node dist/test/run.js ${wanted.join(' ')}`,
    limitSeconds: LIMIT_SECONDS,
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
  say(code === undefined ? why : `Linux ${kernel.release}: exit ${code} after ${seconds.toFixed(0)} s`);
}

if (process.env.LEASEFS_SKIP_VM === '1') say('LEASEFS_SKIP_VM is set: no virtual machine is tried');
else {
  try {
    installPackages();
    programsOf('fcntl', 'rdma', 'dynamic');
    for (const series of kernels.length > 0 ? kernels : Object.keys(suites)) await run(series);
  } catch (error) {
    say(`${(error as Error).message}; LEASEFS_SKIP_VM=1 does without`);
    total.failed++;
  }
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
