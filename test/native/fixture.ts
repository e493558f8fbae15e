// What the tests of the addon share.
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';
import vm from 'node:vm';
import { native } from '../../src/native/binding.js';

/** `code` of the Error that `call` throws; 'nothing' when it does not throw. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
  return 'nothing';
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** Waits until `condition` holds, 5 s at most. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 5000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited 5 s in vain: ${what}`);
    await sleep(2);
  }
}

/** Settles with `promise`, or fails after 5 s. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited 5 s in vain: ${what}`)), 5000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

v8.setFlagsFromString('--expose-gc');
export const collectGarbage = vm.runInNewContext('gc') as () => void;

/** A memory file of `bytes`, filled with `fill`. The caller closes it. */
export function memoryFile(bytes: number, fill = 0) {
  const file = native.memfdCreate('test');
  native.ftruncate(file.fd, bytes);
  if (fill !== 0) native.pwrite(file.fd, new Uint8Array(bytes).fill(fill).buffer, 0, bytes, 0);
  return file;
}

/** Whether the descriptor number is open in this process. */
export const isOpen = (fd: number): boolean => native.flagsOf(fd) >= 0;

/** The addon that is tested, for processes and threads of a test's own. */
export const addonPath =
  process.env.LEASEFS_ADDON ??
  fileURLToPath(new URL('../../../native/build/Release/leasefs.node', import.meta.url));

/** For processes that are not judged for leaks: those that process.exit() ends, and programs that are not ours. */
export const abruptEnd: NodeJS.ProcessEnv = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' };
