// `leasefs events`, `top` and `layout` against a real mount, `top` in a terminal too.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type Actor, eventually } from '../support/actors.js';
import { cli } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, O_RDWR } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

mountedSuite('seen on the command line', { actorsStay: true }, ({ test, mount, stage }) => {
  let actor: Actor;
  let file: string;

  test.before(async () => {
    file = mount.file('data');
    writeFileSync(file, Buffer.alloc(8 * BLOCK, 1));
    truncateSync(file, 16 * BLOCK);
    actor = await stage.actor('holder');
    await actor.open(file, O_RDWR);
    await actor.setLease(EXCLUSIVE);
    await actor.pin(0, 2 * BLOCK);
  });

  const leasefs = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    return { status, out: stdout.trimEnd().split('\n'), err: stderr };
  };

  test('events of a file are its own, one line or one JSON object each', () => {
    writeFileSync(mount.file('other'), '');
    const { status, out } = leasefs('events', file);
    assert.is(status, 0);
    assert.is(out.length, 2);
    assert.match(out[0]!, new RegExp(`grant +${actor.pid} \\(\\S+\\) /data lease 1: exclusive \\[L3\\]`));
    assert.match(out[1]!, /pin .* pin 1 \[0,8k\) of the process, lease 1 \[N1\]/);
    assert.equal(
      leasefs('events', '--json', mount.path).out.map(line => JSON.parse(line).event),
      ['grant', 'pin'],
    );
    assert.equal(leasefs('events', mount.file('other')).out, ['']);
  });

  test('events --follow goes on until it is interrupted', async () => {
    const child: ChildProcess = spawn(process.execPath, [cli, 'events', '--follow', mount.path]);
    let seen = '';
    child.stdout!.on('data', data => {
      seen += data;
    });
    await eventually('what was', () => seen.includes('grant'));
    assert.throws(() => truncateSync(file, 0), /ETXTBSY/);
    await eventually('what is', () => seen.includes('truncate to 0: ETXTBSY'));
    child.kill('SIGINT');
    await eventually('its end', () => child.signalCode === 'SIGINT');
  });

  test('top --once and top into a pipe print one look', () => {
    for (const args of [['--once'], []]) {
      const { status, out } = leasefs('top', ...args, mount.path);
      assert.is(status, 0);
      assert.match(out[0]!, `leasefs top: ${mount.path}, direct store, passthrough`);
      assert.match(out[1]!, 'leases 1: 0 breaking, 0 zombie; pins 1: 8 KiB');
      assert.match(out.at(-1)!, new RegExp(`^${file} +1 +8 KiB +1  exclusive  held .* ${actor.pid} `));
    }
    assert.is(leasefs('top', '--sort', 'size', mount.path).status, 2);
    assert.equal(
      leasefs('top', '--once', '--filter', 'nothing', mount.path).out.at(-1),
      ['no leases that the filter lets through'].join(),
    );
  });

  test('top in a terminal of 80x24 fits it, takes keys and leaves the terminal as it was', async () => {
    const command = `stty rows 24 cols 80; ${process.execPath} ${cli} top --delay 0.1 ${mount.path}; stty -a | head -3`;
    const child = spawn('script', ['-qec', command, '/dev/null']);
    let seen = '';
    child.stdout.on('data', data => {
      seen += data;
    });
    await eventually('a screen', () => seen.includes('q quit'), 10_000);
    child.stdin.write('s');
    await eventually('another order', () => seen.includes('sort: breaks'));
    child.stdin.write('/none\r');
    await eventually('a filter', () => seen.includes('filter: none'));
    child.stdin.write('q');
    await eventually('its end', () => child.exitCode === 0);
    const screens = seen.split('\x1b[H').slice(1);
    assert.ok(screens.length > 2);
    for (const line of screens[0]!.split('\r\n')) {
      assert.ok([...line.replaceAll('\x1b[K', '')].length <= 80, line);
    }
    assert.is(screens[0]!.split('\r\n').length, 24);
    assert.ok(seen.includes('\x1b[?1049h') && seen.includes('\x1b[?1049l'), 'the other screen, and back');
  });

  test('layout draws the file, as lines and as SVG', () => {
    const { status, out } = leasefs('layout', file);
    assert.is(status, 0);
    assert.match(out[0]!, `${file}: 64k, 1 extents, direct store`);
    assert.ok(out.some(line => line.startsWith('lease 1  ├═')));
    assert.ok(out.some(line => line.startsWith('blocks   █') && line.endsWith('·')));
    assert.ok(out.some(line => line.startsWith(`pins A: ${actor.pid} `) && line.endsWith('[0,8k)')));
    const directory = mkdtempSync(join(tmpdir(), 'leasefs-svg-'));
    try {
      assert.is(leasefs('layout', '--svg', join(directory, 'f.svg'), file).status, 0);
      assert.match(
        readFileSync(join(directory, 'f.svg'), 'utf8'),
        /^<svg .*<title>pin 1 \[0,8k\)<\/title>.*<\/svg>\n$/s,
      );
      assert.is(leasefs('layout', '--svg', join(directory, 'no/f.svg'), file).status, 1);
      const printed = leasefs('layout', '--svg', '-', file).out.join('\n');
      assert.match(printed, /^<svg .*<\/svg>/s);
      assert.not(existsSync('-'));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
