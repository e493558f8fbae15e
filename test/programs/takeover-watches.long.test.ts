// Break descriptors of the bindings for Go and Rust go on when the daemon dies.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENT } from '../support/mounted.js';
import { mountedSuite, needing } from '../support/suites.js';
import { programs, watchStory } from '../support/watch-story.js';
import { buildGo, must } from './installed.js';

const options = { args: ['--keeper', '--allow-inject', ...PATIENT], needs: ['passthrough'] } as const;

mountedSuite('takeover, break descriptors of bindings', options, ({ test, mount, files }) => {
  let scratch: string;
  test.before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'leasefs-watches-'));
  });
  test.after(() => rmSync(scratch, { recursive: true }));

  needing(test, 'go')('Go', async () => {
    const program = join(scratch, 'watch-go');
    await buildGo(scratch, join(programs, 'watch.go'), program);
    await watchStory(mount, files.unused(), [program]);
  });

  needing(test, 'rustc')('Rust', async () => {
    const program = join(scratch, 'watch-rust');
    await must(['rustc', '-D', 'warnings', '--edition', '2021', '-o', program, join(programs, 'watch.rs')]);
    await watchStory(mount, files.unused(), [program]);
  });
});
