// The checks of test/conformance through the fuse-native package: all but the known differences as on tmpfs.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { attributes } from '../conformance/attributes.js';
import { limits } from '../conformance/limits.js';
import { locks } from '../conformance/locks.js';
import { memory } from '../conformance/memory.js';
import { posix } from '../conformance/posix.js';
import { mountedSuite } from '../support/suites.js';
import { differences } from './differences.js';

mountedSuite(
  'posix through the fuse-native transport',
  { args: ['--size', '2g', '--transport=fuse-native', '-o', 'allow_other'] },
  ({ test, mount }) => {
    const checks = { ...posix, ...attributes, ...limits, ...locks, ...memory };
    let made = 0;

    for (const [name, check] of Object.entries(checks)) {
      const difference = differences[name];
      test(difference === undefined ? name : `differs: ${name}`, () => {
        const dir = join(mount.path, `d${made++}`);
        mkdirSync(dir);
        if (difference === undefined) check(dir);
        else {
          let said: unknown;
          try {
            check(dir);
          } catch (error) {
            said = error;
          }
          assert.ok(said !== undefined, `it passes: take it out of the differences (${difference.why})`);
          assert.match(String((said as Error).message), difference.says);
        }
        // What is open in a process that is just ending is there as .fuse_hidden until it has ended.
        rmSync(dir, { recursive: true, maxRetries: 300, retryDelay: 100 });
      });
    }

    test('every difference is one of a check that there is', () => {
      assert.equal(
        Object.keys(differences).filter(name => !(name in checks)),
        [],
      );
    });

    test('the daemon met no error of its own', () => {
      assert.not.match(mount.log(), 'EIO');
    });
  },
);
