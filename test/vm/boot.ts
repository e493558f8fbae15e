// A virtual machine for one command: a stock kernel, a root read-only below a tmpfs (the host's own, or that of another
// processor), the project, soft-RoCE and persistent memory by emulation. Boots, runs, brings back output, exit code and
// files, powers off; within its time limit or not at all.
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, say } from './host.js';
import { type Kernel, kernelOf } from './kernel.js';
import { host, type Processor } from './processor.js';
import { rootOf } from './root.js';

/** test/vm of the sources, and the project: this file runs from dist/. */
const sources = fileURLToPath(new URL('../../../test/vm/', import.meta.url));
const project = fileURLToPath(new URL('../../..', import.meta.url));

/** What init.sh needs to reach its root. */
const BOOT_MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay'];
const MEMORY_MIB = 2560;
/** Emulation works everywhere; LEASEFS_VM_ACCEL=kvm is faster where there is one, for the host's own processor. */
const EMULATION = 'tcg,thread=multi';

/** A processor, a kernel for it and a root. */
export interface Machine {
  readonly processor: Processor;
  readonly kernel: Kernel;
  readonly root: string;
}

/** Brings kernel, root and the project's compiled parts for the processor. @param series of the kernel, '6.12' */
export function machineOf(series: string, processor: Processor): Machine {
  if (processor !== host) prebuild(processor);
  return { processor, kernel: kernelOf(series, processor), root: rootOf(processor) };
}

/** Unless what there is is newer than its sources. */
function prebuild({ node }: Processor): void {
  const native = join(project, 'native');
  const last = join(native, `prebuilds/linux-${node}/leasefs-keeper`);
  const sources = ['src', 'launch', 'keeper', 'include', 'prebuild'].map(name => join(native, name));
  if (existsSync(last) && must('find', ...sources, '-newer', last) === '') return;
  say(`building the compiled parts for ${node}`);
  must(join(native, 'prebuild/prebuild.sh'), node);
}

export interface Run {
  readonly machine: Machine;
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

function prepare(share: string, { machine, command }: Run): void {
  copyFileSync(join(sources, 'inside.sh'), join(share, 'inside.sh'));
  writeFileSync(join(share, 'command'), command);
  writeFileSync(join(share, 'directory'), project);
  mkdirSync(join(share, 'files'));
  if (machine.processor !== host) writeFileSync(join(share, 'prebuilt'), machine.processor.node);
  initramfs(share, machine);
}

/** busybox, the modules in the order of their dependencies, init.sh. */
function initramfs(share: string, { kernel, root }: Machine): void {
  const tree = join(share, 'initramfs');
  for (const dir of ['bin', 'dev', 'proc', 'sys', 'modules']) mkdirSync(join(tree, dir), { recursive: true });
  copyFileSync(join(root, 'bin/busybox'), join(tree, 'bin/busybox'));
  must('install', '-m', '755', join(sources, 'init.sh'), join(tree, 'init'));
  const files = BOOT_MODULES.flatMap(name =>
    [
      ...must('modprobe', '-d', kernel.root, '-S', kernel.release, '--show-depends', name).matchAll(
        /^insmod (\S+)/gm,
      ),
    ].map(([, file]) => file!),
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
  const { processor, kernel, root } = run.machine;
  const accelerator = processor === host ? (process.env.LEASEFS_VM_ACCEL ?? EMULATION) : EMULATION;
  const share9p = (path: string, tag: string, ...options: readonly string[]) => [
    '-virtfs',
    [
      'local',
      `path=${path}`,
      `mount_tag=${tag}`,
      'multidevs=remap',
      'security_model=none',
      ...options,
    ].join(),
  ];
  const child = spawn(
    'nice',
    [
      '-n5',
      processor.qemu,
      ...processor.board,
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
      '-accel',
      accelerator,
      '-cpu',
      accelerator.startsWith('tcg') ? processor.model : 'max',
      '-smp',
      `${run.cpus}`,
      '-m',
      `${MEMORY_MIB}`,
      '-kernel',
      kernel.image,
      '-initrd',
      join(share, 'initrd'),
      '-append',
      `quiet panic=-1 ${processor.kernel}`,
      '-serial',
      `file:${join(share, 'console')}`,
      '-chardev',
      'stdio,id=output',
      '-device',
      'virtio-serial-pci',
      '-device',
      'virtserialport,chardev=output',
      ...share9p(root, 'root', 'readonly=on'),
      ...share9p(project, 'project', 'readonly=on'),
      ...share9p(join(kernel.root, 'lib/modules'), 'modules', 'readonly=on'),
      ...share9p(share, 'run'),
      '-device',
      'virtio-rng-pci',
    ],
    // The machine's port is open as long as its input is.
    { stdio: ['pipe', 'pipe', 'inherit'] },
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
