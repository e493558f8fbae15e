// No process of leasefs opens Node's debugger at SIGUSR1, not even before its first line has run.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_DEBUGGER } from '../../src/base/no-debugger.js';
import { eventually } from '../support/actors.js';
import { publicCommand } from '../support/public-copy.js';
import { needing, suiteNeeding } from '../support/suites.js';

/** In each process of Node, before leasefs: says that it has begun and how, and waits until it may go on. */
const BEFORE = `
const { existsSync, writeFileSync } = require('node:fs');
if (require('node:worker_threads').isMainThread) {
  const at = __dirname + '/';
  writeFileSync(at + 'begun.' + process.pid, JSON.stringify(process.execArgv));
  while (!existsSync(at + 'go')) {}
}
`;
const command = publicCommand();
const USER = 65534;

async function during(work: (scratch: string) => Promise<void>): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-debugger-'));
  chmodSync(scratch, 0o777);
  writeFileSync(join(scratch, 'before.cjs'), BEFORE, { mode: 0o644 });
  try {
    await work(scratch);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function started(scratch: string, args: readonly string[], uid?: number) {
  const child = spawn(command, args, {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: `--require ${join(scratch, 'before.cjs')}` },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', data => {
      said.text += data;
    });
  const code = new Promise<number | null>(resolve => child.on('close', resolve));
  return { child, said, code };
}

const test = suite('no debugger');

for (const [who, uid, needs] of [
  ['the caller', undefined, []],
  ['an ordinary user', USER, ['root']],
] as const) {
  needing(test, ...needs)(`SIGUSR1 before the first line of a command opens no debugger: ${who}`, () =>
    during(async scratch => {
      const { child, said, code } = started(scratch, ['--version'], uid);
      await eventually('Node', () => readdirSync(scratch).includes(`begun.${child.pid}`));
      child.kill('SIGUSR1');
      await eventually('the signal', () => /inspector|debugger/i.test(said.text));
      writeFileSync(join(scratch, 'go'), '');
      assert.is(await code, 0, said.text);
      assert.match(said.text, /Starting inspector on 192\.0\.2\.1:9229 failed/);
      assert.not.match(said.text, 'listening');
    }),
  );
}

test.run();

suiteNeeding('no debugger in what a command starts', ['mount'], test => {
  test('each process of Node that run starts has an address for it that no machine has', () =>
    during(async scratch => {
      writeFileSync(join(scratch, 'go'), '');
      const { said, code } = started(scratch, ['run', '--', 'true']);
      assert.is(await code, 0, said.text);
      const begun = readdirSync(scratch).filter(name => name.startsWith('begun'));
      assert.ok(begun.length >= 3, 'run, mount, umount');
      for (const name of begun) assert.match(readFileSync(join(scratch, name), 'utf8'), NO_DEBUGGER);
    }));
});
