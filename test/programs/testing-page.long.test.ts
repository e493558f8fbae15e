// The examples of src/run/README.md are run as they stand there, by pytest, `go test` and rustc each.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { cli } from '../support/mounted.js';
import { needing, suiteNeeding } from '../support/suites.js';
import { must, run } from './installed.js';

const page = readFileSync(fileURLToPath(new URL('../../../src/run/README.md', import.meta.url)), 'utf8');

/** The one block of code in `language`. */
function example(language: string): string {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```/gms)].filter(([, name]) => name === language);
  assert.is(blocks.length, 1, language);
  return blocks[0]![2]!;
}

suiteNeeding('the page on testing', ['mount'], test => {
  let scratch: string;
  const supervised = [process.execPath, '--enable-source-maps', cli, 'run', '--'];

  test.before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'leasefs-page-'));
  });
  test.before(() => {
    scratch = mkdtempSync(join(tmpdir(), 'leasefs-page-'));
  });
  test.after(() => rmSync(scratch, { recursive: true }));

  needing(test, 'pytest')('its example for pytest passes under run, and is skipped outside', async () => {
    const file = join(scratch, 'test_layout.py');
    writeFileSync(file, example('python'));
    // Without a root it looks about in the directory that this one and ours have in common, which may be /tmp.
    const alone = ['-p', 'no:cacheprovider', '--rootdir', scratch];
    const pytest = ['python3', '-m', 'pytest', ...alone, '-q', file];
    assert.match(await must([...supervised, ...pytest]), '1 passed');
    assert.match(await must(pytest), '1 skipped');
  });

  needing(test, 'go')('its example for Go passes under run', async () => {
    const file = join(scratch, 'layout_test.go');
    writeFileSync(file, example('go'));
    const env = { CGO_ENABLED: '0', GO111MODULE: 'off', GOCACHE: join(scratch, 'cache') };
    assert.match(await must([...supervised, 'go', 'test', '-v', file], env), '--- PASS');
  });

  needing(test, 'rustc')('its example for Rust passes under run', async () => {
    const file = join(scratch, 'layout.rs');
    writeFileSync(file, example('rust'));
    await must(['rustc', '--test', '--edition', '2021', '-o', join(scratch, 'layout'), file]);
    const { code, stdout, stderr } = await run([...supervised, join(scratch, 'layout'), '--nocapture']);
    assert.is(code, 0, stdout + stderr);
    assert.not.match(stderr, 'skipped');
  });
});
