// Break descriptors go on when the daemon dies: no process that has one notices, and no break is missed.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { Calls } from '../../src/client/calls.js';
import type { LeaseBreak } from '../../src/client/index.js';
import { Notices } from '../../src/client/notices.js';
import { eventually } from '../support/actors.js';
import { truncate } from '../support/client-process.js';
import { killed } from '../support/keeper.js';
import { PATIENT } from '../support/mounted.js';
import { EXCLUSIVE_BREAKABLE, UNLCK } from '../support/numbers.js';
import { mountedSuite, needing } from '../support/suites.js';
import { include, programs, watchStory } from '../support/watch-story.js';
import { must } from '../programs/installed.js';

const options = { args: ['--keeper', '--allow-inject', ...PATIENT], needs: ['passthrough'] } as const;

mountedSuite('takeover, break descriptors', options, ({ test, mount, stage, files }) => {
  needing(test, 'gcc')('C', async () => {
    const scratch = mkdtempSync(join(tmpdir(), 'leasefs-watch-'));
    const program = join(scratch, 'watch');
    await must([
      'gcc',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-I',
      include,
      '-o',
      program,
      join(programs, 'watch.c'),
    ]);
    await watchStory(mount, files.unused(), [program]);
    rmSync(scratch, { recursive: true });
  });

  needing(test, 'python3')('Python', () =>
    watchStory(mount, files.unused(), ['python3', '-B', join(programs, 'watch.py')], { PYTHONPATH: include }),
  );

  test('Node: onBreak is called at a break and at no death', async () => {
    const path = files.fresh();
    const file = files.leased(path);
    const breaks: LeaseBreak[] = [];
    file.onBreak(notice => breaks.push(notice));
    for (let deaths = 0; deaths < 2; deaths++) await killed(mount);
    assert.equal(breaks, []);
    const cut = truncate(path, 0);
    await eventually('the notice', () => breaks.length > 0);
    assert.equal(
      breaks.map(({ must }) => must),
      ['none'],
    );
    file.setLeaseSync('none');
    assert.is(await cut, 'ok');
  });

  test('a break that is over when the next daemon begins is said to be over', async () => {
    const path = files.fresh();
    const [a, b] = await stage.pair(path);
    await a.setLease(EXCLUSIVE_BREAKABLE);
    const watching = await a.fork('watcher');
    await watching.watch();
    const cut = b.begin.truncate(path, 0);
    assert.is(await watching.awaitBreak(), UNLCK);
    const death = killed(mount);
    await a.kill();
    await death;
    assert.is((await cut.result).verdict, 'ok');
    await eventually('it is over', async () => (await watching.awaitBreak(0)) === 0);
  });

  test('the keeper holds none that is closed, at either end', async () => {
    const held = (): number => readdirSync(`/proc/${mount.pid}/fd`).length;
    const file = files.open(files.fresh());
    await killed(mount);
    const before = held();
    const notices = Array.from({ length: 20 }, () => new Notices(new Calls(file.fd)));
    await eventually('it holds them', () => held() === before + 20);
    await killed(mount);
    assert.is(held(), before + 20);
    for (const one of notices.slice(10)) one.close();
    await eventually('the peers have closed some', () => held() === before + 10);
    file.close();
    await eventually('the file is closed', () => held() === before);
    for (const one of notices.slice(0, 10)) assert.is(one.take(), 'ended');
    for (const one of notices) one.close();
  });
});
