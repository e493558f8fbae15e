// What each shell itself makes of the completions.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { completionOf, type Shell } from '../../src/cli/completion.js';
import { helpOptions } from '../../src/cli/help-options.js';
import { allVerbs } from '../../src/cli/verbs.js';
import { needing } from '../support/suites.js';

const test = suite('completions');
const zshHarness = fileURLToPath(new URL('../../../test/cli/complete.zsh', import.meta.url));

const scratch = mkdtempSync(join(tmpdir(), 'leasefs-completions-'));
test.after(() => rmSync(scratch, { recursive: true }));

type Complete = (line: string) => string[];

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: 60_000,
    // Without anything of this user's.
    env: {
      PATH: process.env.PATH,
      HOME: scratch,
      XDG_CONFIG_HOME: scratch,
      XDG_DATA_HOME: scratch,
      TERM: 'dumb',
    },
  });
  assert.is(stderr, '');
  assert.is(status, 0, stdout);
  return stdout;
}

/** Each completes the last word of the line. */
const completers: Readonly<Record<Shell, (script: string) => Complete>> = {
  bash: script => line => {
    const words = line.split(' ').map(word => `'${word}'`);
    const text = `. ${script}; COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _leasefs
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    return run('bash', ['-c', text]).split('\n');
  },
  zsh: script => line => run('zsh', ['-f', zshHarness, script, line]).split('\n'),
  // A completion, a tab, its description.
  fish: script => line =>
    run('fish', ['--no-config', '-c', `source ${script}; complete -C '${line}'`])
      .split('\n')
      .map(found => found.split('\t')[0]!),
};

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  const define = shell === 'bash' ? test : needing(test, shell);

  define(`${shell} completes verbs, options, the words that an option takes, and files`, async () => {
    const all = await allVerbs();
    // zsh finds a completion by the name of its file.
    const script = join(scratch, '_leasefs');
    writeFileSync(script, completionOf(shell, all));
    const complete = completers[shell](script);
    const completed = (line: string): string[] =>
      [...new Set(complete(line))].filter(word => word !== '').sort();
    const names = [...all.map(({ name }) => name), 'help'];
    assert.equal(completed('leasefs lea'), ['leases']);
    assert.equal(
      completed('leasefs ').filter(word => !word.startsWith('-')),
      [...names].sort(),
    );
    // That the scripts have all of them is tested by word.
    for (const { name, help } of all.filter(({ name }) => ['mount', 'run', 'layout'].includes(name))) {
      const options = completed(`leasefs ${name} --`);
      for (const option of helpOptions(help))
        if (option.name.startsWith('--'))
          assert.ok(options.includes(option.name), `${name} ${option.name}: ${options}`);
    }
    assert.equal(completed('leasefs mount --store '), ['auto', 'direct', 'pooled']);
    assert.equal(completed('leasefs run --policy r'), ['report']);
    assert.equal(completed('leasefs completion '), ['bash', 'fish', 'zsh']);
    assert.equal(completed('leasefs help pi'), ['pins']);
    assert.ok(completed('leasefs status /et').some(word => /^\/?etc\/?$/.test(word)));
  });
}

test.run();
