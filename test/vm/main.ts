// Runs a command in a virtual machine:
//   node dist/test/vm/main.js [--kernel 6.12] [--limit SECONDS] [--cpus N] [--files DIR] -- COMMAND [ARG...]
// COMMAND is for bash, in the project's directory; what it leaves in /mnt/files comes back to DIR. Its exit code is ours.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { boot } from './boot.js';
import { installPackages, kernelOf, say } from './kernel.js';

const { values, positionals } = parseArgs({
  options: {
    kernel: { type: 'string', default: '6.12' },
    limit: { type: 'string', default: '600' },
    cpus: { type: 'string', default: '2' },
    files: { type: 'string' },
  },
  allowPositionals: true,
});
if (positionals.length === 0) {
  console.error(
    'usage: main.js [--kernel 6.12] [--limit SECONDS] [--cpus N] [--files DIR] -- COMMAND [ARG...]',
  );
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

installPackages();
const kernel = kernelOf(values.kernel);
say(`booting Linux ${kernel.release}`);
const files = values.files === undefined ? undefined : resolve(values.files);
if (files !== undefined) mkdirSync(files, { recursive: true });
const { code, why, seconds } = await boot({
  kernel,
  command: positionals.join(' '),
  limitSeconds: Number(values.limit),
  cpus: Number(values.cpus),
  onOutput: text => process.stdout.write(text),
  ...(files === undefined ? {} : { files }),
});
say(code === undefined ? why : `exit ${code} after ${seconds.toFixed(0)} s`);
process.exitCode = code ?? 1;
