// With -o poll: a poll(2) that waits when the daemon dies is answered by the next one.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { killed } from '../support/keeper.js';
import { PATIENT } from '../support/mounted.js';
import { EXCLUSIVE_BREAKABLE, POLLPRI, SHARED_BREAKABLE, UNLCK } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const options = { args: ['--keeper', '-o', 'poll', ...PATIENT], needs: ['passthrough'] } as const;

mountedSuite('takeover, -o poll', options, ({ test, mount, stage, files }) => {
  const polls = (): number => mount.report('status').requests.POLL ?? 0;

  test('B1: a poll that waits is asked of each daemon anew, and wakes at the break', async () => {
    const path = files.fresh();
    const [a, b] = await stage.pair(path);
    await a.setLease(SHARED_BREAKABLE);
    const polling = a.begin.poll(POLLPRI, -1);
    for (let deaths = 0; deaths < 3; deaths++) {
      await eventually('it polls', () => polls() > 0);
      await killed(mount);
    }
    await eventually('it polls again', () => polls() > 0);
    const cut = b.begin.truncate(path, 0);
    assert.is((await polling.result).value & POLLPRI, POLLPRI);
    await a.setLease(UNLCK);
    assert.is((await cut.result).verdict, 'ok');
  });

  test('B1: a break that begins while the kernel has not asked again', async () => {
    const path = files.fresh();
    const [a, b] = await stage.pair(path);
    await a.setLease(EXCLUSIVE_BREAKABLE);
    const polling = a.begin.poll(POLLPRI, -1);
    await eventually('it polls', () => polls() > 0);
    const death = killed(mount);
    const cut = b.begin.truncate(path, 0);
    await death;
    assert.is((await polling.result).value & POLLPRI, POLLPRI);
    await a.setLease(UNLCK);
    assert.is((await cut.result).verdict, 'ok');
  });

  test('epoll(7) of .leasefs/events', async () => {
    const program = `
import os, select, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK)
loop = select.epoll()
loop.register(fd, select.EPOLLIN)
while loop.poll(0):
    os.read(fd, 1 << 16)
print('waits', flush=True)
loop.poll()
print(os.read(fd, 1 << 16).decode())`;
    const before = polls();
    const child = spawn('python3', ['-c', program, mount.file('.leasefs/events')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = text(child.stdout);
    await new Promise(resolve => child.stdout.once('data', resolve));
    await eventually('it polls', () => polls() > before);
    await killed(mount);
    assert.match(await said, /"event":"restarted"/);
  });

  test('files that are closed by then are not asked for', async () => {
    const path = files.fresh();
    const [a] = await stage.pair(path);
    assert.is((await a.poll(POLLPRI, 0)) & POLLPRI, 0);
    await a.close();
    writeFileSync(path, 'x');
    await killed(mount);
    assert.is(polls(), 0);
  });
});
