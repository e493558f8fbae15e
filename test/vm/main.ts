// Runs a command in a virtual machine:
//   node dist/test/vm/main.js [--arch arm64] [--kernel 6.12] [--limit SECONDS] [--cpus N] [--files DIR]
//     -- COMMAND [ARG...]
// --arch: the processor of the machine, amd64 or arm64; without, this machine's own. COMMAND is for bash, in the project's directory; what it leaves in /mnt/files comes back to DIR. Its exit code is ours.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { boot, machineOf } from './boot.js';
import { installPackages, say } from './host.js';
import { host, processorOf } from './processor.js';

const { values, positionals } = parseArgs({
  options: {
    arch: { type: 'string', default: host.debian },
    kernel: { type: 'string', default: '6.12' },
    limit: { type: 'string', default: '600' },
    cpus: { type: 'string', default: '2' },
    files: { type: 'string' },
  },
  allowPositionals: true,
});
if (positionals.length === 0) {
  console.error(
    'usage: main.js [--arch amd64|arm64] [--kernel 6.12] [--limit SECONDS] [--cpus N] [--files DIR] -- COMMAND [ARG...]',
  );
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

const processor = processorOf(values.arch);
installPackages(processor);
const machine = machineOf(values.kernel, processor);
say(`booting Linux ${machine.kernel.release}`);
const files = values.files === undefined ? undefined : resolve(values.files);
if (files !== undefined) mkdirSync(files, { recursive: true });
const { code, why, seconds } = await boot({
  machine,
  command: positionals.join(' '),
  limitSeconds: Number(values.limit),
  cpus: Number(values.cpus),
  onOutput: text => process.stdout.write(text),
  ...(files === undefined ? {} : { files }),
});
say(code === undefined ? why : `exit ${code} after ${seconds.toFixed(0)} s`);
process.exitCode = code ?? 1;
