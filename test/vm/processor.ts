// The processors that machines have: what Debian, Node.js and qemu call them, and how each is emulated.

export interface Processor {
  /** As Debian's packages are named. */
  readonly debian: 'amd64' | 'arm64';
  /** As process.arch. */
  readonly node: 'x64' | 'arm64';
  /** The package that has qemu for it, and the command. */
  readonly qemuPackage: string;
  readonly qemu: string;
  /** Options of qemu for the rest of the machine. */
  readonly board: readonly string[];
  /** What is emulated. */
  readonly model: string;
  /** Options of the kernel. */
  readonly kernel: string;
}

/** Two regions become /dev/pmem0, of the smallest size that mkfs.xfs takes and some more, and /dev/pmem1. */
const PMEM = 'memmap=448M!1G,192M!1472M';

export const processors: readonly Processor[] = [
  {
    debian: 'amd64',
    node: 'x64',
    qemuPackage: 'qemu-system-x86',
    qemu: 'qemu-system-x86_64',
    board: [],
    model: 'max',
    kernel: `console=ttyS0 mitigations=off no_timer_check ${PMEM}`,
  },
  {
    debian: 'arm64',
    node: 'arm64',
    qemuPackage: 'qemu-system-arm',
    qemu: 'qemu-system-aarch64',
    board: ['-machine', 'virt,gic-version=max'],
    // It has the atomics of ARMv8.1, and no signed pointers, which cost much to emulate.
    model: 'cortex-a76',
    // A busy host keeps an emulated processor waiting for longer than the kernel's watchdogs allow.
    kernel: 'console=ttyAMA0 mitigations=off nowatchdog rcupdate.rcu_cpu_stall_suppress=1',
  },
];

/** @throws with the names that there are. */
export function processorOf(name: string): Processor {
  const found = processors.find(({ debian }) => debian === name);
  if (found === undefined)
    throw new Error(`no processor ${name}: ${processors.map(({ debian }) => debian).join(', ')}`);
  return found;
}

/** This machine's own. */
export const host: Processor = (() => {
  const found = processors.find(({ node }) => node === process.arch);
  if (found === undefined) throw new Error(`no virtual machines on ${process.arch}`);
  return found;
})();
