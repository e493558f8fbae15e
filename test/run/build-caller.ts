// Compiles caller.c, the program of plain system calls, statically.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** @param name of the program, and of its source in test/run. @returns where it is. */
export function build(scratch: string, name = 'caller', compiler = 'gcc'): string {
  const program = join(scratch, name);
  const flags = ['-static', '-O1', '-Wall', '-Wextra', '-Werror', '-pthread', `-I${root}native/include`];
  const built = spawnSync(compiler, [...flags, join(root, `test/run/${name}.c`), '-o', program], {
    encoding: 'utf8',
  });
  assert.is(built.status, 0, built.stderr);
  return program;
}
