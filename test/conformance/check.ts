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
  dir => {
    const words = ['-B', join(SCRIPTS, `${name}.py`), dir, ...args.map(String)];
    const { status, stdout, stderr } = spawnSync('python3', words, { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    return stdout.trim();
  };
