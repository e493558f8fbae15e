// The kernel's pages. Rules, stores and counts of pins are in pages of 4 KiB, those of x86-64 and of most kernels for arm64;
// some for arm64 have 16 or 64 KiB.
import { PAGE } from './linux.js';

/** One line for a kernel with pages of other `bytes`. */
export function refusalOfPages(bytes: number): string | undefined {
  if (bytes === PAGE) return undefined;
  return `leasefs needs a kernel with pages of ${PAGE / 1024} KiB, and this one's have ${bytes / 1024} KiB: boot one with CONFIG_ARM64_4K_PAGES`;
}
