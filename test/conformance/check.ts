// What a check of conformance is, and how one is written in python, where Node has no call for it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

/** Asserts over an empty directory; text that it returns is a figure of the passing. */
export type Check = (dir: string) => unknown;

/** Of the sources: this file runs from dist/. */
const SCRIPTS = fileURLToPath(new URL('../../../test/conformance/python/', import.meta.url));

/** python/NAME.py with the directory and `args`; its assertions are ours. What it prints. */
export const script =
  (name: string, ...args: readonly (string | number)[]): Check =>
  dir =>
    run('-B', join(SCRIPTS, `${name}.py`), dir, ...args.map(String));

/** Runs python with `d` as the directory; its assertions are ours. What it prints. */
export function python(dir: string, text: string): string {
  return run(
    '-c',
    `import os,errno,fcntl,stat,ctypes,struct\nd=os.fsencode(${JSON.stringify(dir)})\ndef fails(e,f,*a,**k):\n  try: f(*a,**k)\n  except OSError as x: assert x.errno==e,x\n  else: assert False,'no error'\n${text}`,
  );
}

function run(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('python3', args, { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.trim();
}
