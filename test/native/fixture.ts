// What the tests of the addon share.
import v8 from 'node:v8';
import vm from 'node:vm';
import { native } from '../../src/native/binding.js';
import { built } from '../../src/native/built.js';
import { late, timeFactor } from '../support/time-factor.js';

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

/** Two turns of the event loop: each descriptor that was ready has been served, each finalizer has run. */
export async function turns(): Promise<void> {
  for (let n = 0; n < 2; n++) await new Promise(resolve => setImmediate(resolve));
}

/** How long is waited for what must come. */
const LIMIT_MS = 5000 * timeFactor;

/** Waits until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + LIMIT_MS;
  while (!condition()) {
    if (performance.now() > end) throw late(what, LIMIT_MS);
    await sleep(2);
  }
}

/** Settles with `promise`, or fails. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late(what, LIMIT_MS)), LIMIT_MS);
  });
  try {
    return await Promise.race([promise, tooLate]);
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
export const addonPath = process.env.LEASEFS_ADDON ?? built('leasefs.node');

/** For processes that are not judged for leaks: those that process.exit() ends, and programs that are not ours. */
export const abruptEnd: NodeJS.ProcessEnv = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' };
