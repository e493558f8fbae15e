// What a check of conformance is, and how one is written in python, where Node has no call for it.
import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';

/** Asserts over an empty directory; text that it returns is a figure of the passing. */
export type Check = (dir: string) => unknown;

/** Runs python with `d` as the directory; its assertions are ours. What it prints. */
export function python(dir: string, script: string): string {
  const { status, stdout, stderr } = spawnSync(
    'python3',
    [
      '-c',
      `import os,errno,fcntl,stat,ctypes,struct\nd=os.fsencode(${JSON.stringify(dir)})\ndef fails(e,f,*a,**k):\n  try: f(*a,**k)\n  except OSError as x: assert x.errno==e,x\n  else: assert False,'no error'\n${script}`,
    ],
    // Python 3.13 takes FORCE_COLOR=0 for a wish for colours.
    { encoding: 'utf8', env: { ...process.env, PYTHON_COLORS: '0' } },
  );
  assert.is(status, 0, stderr);
  return stdout.trim();
}
