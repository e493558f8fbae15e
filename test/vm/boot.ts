// A virtual machine for one command: a stock kernel, the host's root read-only below a tmpfs, soft-RoCE and persistent
// memory by emulation. Boots, runs, brings back output, exit code and files, powers off; within its time limit or not
// at all.
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Kernel, must } from './kernel.js';

/** test/vm of the sources, and the project: this file runs from dist/. */
const sources = fileURLToPath(new URL('../../../test/vm/', import.meta.url));
const project = fileURLToPath(new URL('../../..', import.meta.url));

/** What init.sh needs to reach its root. */
const BOOT_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
/** Two regions become /dev/pmem0, of the smallest size that mkfs.xfs takes and some more, and /dev/pmem1. */
const PMEM = 'memmap=448M!1G,192M!1472M';
const MEMORY_MIB = 2560;
/** Emulation works everywhere; LEASEFS_VM_ACCEL=kvm is faster where there is one. */
const accelerator = process.env.LEASEFS_VM_ACCEL ?? 'tcg,thread=multi';

export interface Run {
  readonly kernel: Kernel;
  /** For bash, in the project's directory; what it leaves in /mnt/files comes back. */
  readonly command: string;
  readonly limitSeconds: number;
  readonly cpus: number;
  /** Each piece of output as it comes. */
  readonly onOutput?: (text: string) => void;
  /** Where the files are put. */
  readonly files?: string;
}

export interface Ending {
  /** The command's exit code; undefined if it did not come to its end, `why` then says more. */
  readonly code: number | undefined;
  readonly output: string;
  readonly why: string;
  readonly seconds: number;
}

/** Never rejects for what happens inside. */
export async function boot(run: Run): Promise<Ending> {
  const started = performance.now();
  const share = mkdtempSync(join(tmpdir(), 'leasefs-vm-'));
  try {
    prepare(share, run);
    const { output, late } = await qemu(share, run);
    if (run.files !== undefined) must('cp', '-rT', join(share, 'files'), run.files);
    const exit = join(share, 'exit');
    const code = existsSync(exit) ? Number(readFileSync(exit, 'utf8')) : undefined;
    const seconds = (performance.now() - started) / 1000;
    return { code, output, why: code === undefined ? reason(share, run, late) : '', seconds };
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

function reason(share: string, run: Run, late: boolean): string {
  if (late) return `killed after ${run.limitSeconds} s`;
  const console = readFileSync(join(share, 'console'), 'utf8');
  return `the machine ended without an exit code; its console:\n${console.split('\n').slice(-25).join('\n')}`;
}

function prepare(share: string, { kernel, command }: Run): void {
  copyFileSync(join(sources, 'inside.sh'), join(share, 'inside.sh'));
  writeFileSync(join(share, 'command'), command);
  writeFileSync(join(share, 'directory'), project);
  mkdirSync(join(share, 'files'));
  // A link of the host's root as the machine sees it.
  symlinkSync(join(kernel.root, 'lib/modules'), join(share, 'modules'));
  initramfs(share, kernel);
}

/** busybox, the modules in the order of their dependencies, init.sh. */
function initramfs(share: string, { root, release }: Kernel): void {
  const tree = join(share, 'initramfs');
  for (const dir of ['bin', 'dev', 'proc', 'sys', 'modules']) mkdirSync(join(tree, dir), { recursive: true });
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  must('install', '-m', '755', join(sources, 'init.sh'), join(tree, 'init'));
  const files = BOOT_MODULES.flatMap(name =>
    [...must('modprobe', '-d', root, '-S', release, '--show-depends', name).matchAll(/^insmod (\S+)/gm)].map(
      ([, file]) => file!,
    ),
  );
  const list = [...new Set(files)].map(file => {
    const name = basename(file, '.xz');
    if (file.endsWith('.xz')) must('sh', '-c', `xz -dc '${file}' > '${tree}/modules/${name}'`);
    else copyFileSync(file, join(tree, 'modules', name));
    return name;
  });
  writeFileSync(join(tree, 'modules/list'), `${list.join('\n')}\n`);
  must('sh', '-c', `cd '${tree}' && find . | cpio --quiet -oH newc > '${share}/initrd'`);
}

function qemu(share: string, run: Run): Promise<{ output: string; late: boolean }> {
  const shared = (path: string, tag: string, options: string) =>
    `local,path=${path},mount_tag=${tag},multidevs=remap,${options}`;
  const child = spawn(
    'nice',
    [
      '-n5',
      'qemu-system-x86_64',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
      '-accel',
      accelerator,
      '-cpu',
      'max',
      '-smp',
      `${run.cpus}`,
      '-m',
      `${MEMORY_MIB}`,
      '-kernel',
      run.kernel.image,
      '-initrd',
      join(share, 'initrd'),
      '-append',
      `console=ttyS0 quiet panic=-1 mitigations=off no_timer_check ${PMEM}`,
      '-serial',
      `file:${join(share, 'console')}`,
      '-serial',
      'stdio',
      '-virtfs',
      shared('/', 'root', 'security_model=none,readonly=on'),
      '-virtfs',
      shared(share, 'run', 'security_model=none'),
      '-device',
      'virtio-rng-pci',
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return new Promise((resolve, reject) => {
    let output = '';
    let late = false;
    const watchdog = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, run.limitSeconds * 1000);
    child.stdout.setEncoding('utf8').on('data', text => {
      output += text;
      run.onOutput?.(text);
    });
    // It ends with this process, however that ends.
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(watchdog);
      process.off('exit', end);
      resolve({ output, late });
    });
  });
}
