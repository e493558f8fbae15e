// leasefs-keeper and the link to it, with a daemon that dies as the tests want it.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { built } from '../../src/native/built.js';
import { eventually } from '../support/actors.js';
import { fakeDaemon, Kept, notesIn, type Script, type Step } from './scripts.js';

const test = suite('keeper');
const SERVE: Step = ['serve'];
const KILL: Step = ['kill'];
const NAME = 'journal';
const DONE: Script = [['exit', '0']];

const running: Kept[] = [];
const keeper = (...args: ConstructorParameters<typeof Kept>): Kept => {
  const kept = new Kept(...args);
  running.push(kept);
  return kept;
};
/** The notes of a program that is another one. */
let other: string;
test.before.each(() => {
  other = mkdtempSync(join(tmpdir(), 'leasefs-keeper-other-'));
});
test.after.each(() => {
  for (const kept of running.splice(0)) kept.clear();
  rmSync(other, { recursive: true });
});

test('what is kept comes back by its name after SIGKILL; exit code 0 ends the keeper', async () => {
  const first: Script = [
    ['keep', 'fuse', 'device'],
    ['keep', 'journal', 'old'],
    ['keep', 'journal', 'new'],
    ['keep', 'while', 'x'],
    ['keep', 'segment7', 'seven'],
    ['drop', 'while'],
    ['drop', 'tmpfs'],
    SERVE,
    KILL,
  ];
  const { code, stderr, starts } = await keeper([first, [SERVE, KILL], DONE]).end();
  assert.is(code, 0);
  const kept = { fuse: 'device', journal: 'new', segment7: 'seven' };
  assert.equal(
    starts.map(start => [start.deaths, start.takesOver, start.kept]),
    [
      [0, false, {}],
      [1, true, kept],
      [2, true, kept],
    ],
  );
  assert.is(stderr.match(/ended with signal 9: the next one begins\n/g)?.length, 2, stderr);
});

test('an end before a daemon has served is the end of the keeper, by the same code', async () => {
  for (const [step, code] of [
    [['exit', '3'], 3],
    [['exit', '75'], 75],
    [['exit', '0'], 0],
    [KILL, 128 + 9],
  ] as const) {
    const ended = await keeper([[['keep', 'journal', 'x'], step]]).end();
    assert.equal([ended.code, ended.starts.length, ended.stderr], [code, 1, '']);
  }
});

test('a program that is not there: exit code 127', async () => {
  const child = spawn(built('leasefs-keeper'), ['5', '5', '60', '/nowhere/program'], { stdio: 'ignore' });
  assert.is(await new Promise(resolve => child.once('exit', resolve)), 127);
});

test('wrong arguments: exit code 2', async () => {
  for (const words of [
    [],
    ['2', '5', '60', '/x'],
    ['5', '64', '60', '/x'],
    ['5', '5', '0', '/x'],
    ['5', '5', 'x', '/x'],
  ]) {
    const child = spawn(built('leasefs-keeper'), words, { stdio: 'ignore' });
    assert.is(await new Promise(resolve => child.once('exit', resolve)), 2, words.join(' '));
  }
});

test('any other end is a death; more than DEATHS of them end it with one line', async () => {
  const scripts: Script[] = [
    [SERVE, KILL],
    [SERVE, ['exit', '1']],
    [['exit', '75']],
    [SERVE, ['exit', '2']],
    DONE,
  ];
  const { code, stderr, starts } = await keeper(scripts, { deaths: 3 }).end();
  assert.is(code, 1);
  assert.equal(
    starts.map(({ deaths }) => deaths),
    [0, 1, 2, 3],
  );
  assert.match(stderr, / ended with exit code 2: more than 3 ends in 60 s, so the mount ends\n$/);
});

test('deaths that are further apart than SECONDS do not add up', async () => {
  const scripts: Script[] = [[SERVE, KILL], [SERVE, ['sleep', '2100'], KILL], DONE];
  const { code, starts } = await keeper(scripts, { deaths: 1, seconds: 1 }).end();
  assert.equal([code, starts.length], [0, 3]);
});

test('U makes the next program, whose deaths begin anew with nothing lost; it is no death', async () => {
  const next = fakeDaemon(other, [[SERVE, KILL], DONE]);
  const kept = keeper([
    [['keep', 'journal', 'x'], SERVE, ['next', ...next], ['exit', '75']],
    [['exit', '9']],
  ]);
  const { code, starts } = await kept.end();
  assert.equal([code, starts.length], [0, 1]);
  const after = notesIn(other).filter(note => note.what === 'start');
  assert.equal(
    after.map(({ deaths, kept }) => [deaths, kept]),
    [
      [0, { journal: 'x' }],
      [1, { journal: 'x' }],
    ],
  );
});

test('a new program that ends before it serves is followed by the one before it', async () => {
  const next = fakeDaemon(other, [[['exit', '4']]]);
  const kept = keeper([
    [['keep', 'journal', 'x'], SERVE, ['next', ...next], ['exit', '75']],
    [SERVE, KILL],
    DONE,
  ]);
  const { code, stderr, starts } = await kept.end();
  assert.is(code, 0);
  assert.equal(
    starts.map(({ deaths, kept }) => [deaths, kept]),
    [
      [0, {}],
      [1, { journal: 'x' }],
      [2, { journal: 'x' }],
    ],
  );
  assert.match(stderr, /exit code 4: it never served, so the program before it begins again\n/);
});

test('a daemon that dies after U is followed by its own program', async () => {
  const first: Script = [SERVE, ['next', '/nowhere/program'], KILL];
  const { code, starts } = await keeper([first, DONE]).end();
  assert.equal([code, starts.length], [0, 2]);
});

test('what a daemon said before its end counts, an empty message before it or not', async () => {
  const first: Script = [
    ['stop-keeper'],
    ['raw', ''],
    ['keep', 'journal', 'x'],
    ['raw', ''],
    SERVE,
    ['raw', ''],
    KILL,
  ];
  const kept = keeper([first, DONE]);
  await eventually('the end of the daemon', () => {
    const [start] = kept.starts();
    return start !== undefined && /^State:\tZ/m.test(readFileSync(`/proc/${start.pid}/status`, 'latin1'));
  });
  kept.process.kill('SIGCONT');
  const { code, starts } = await kept.end();
  assert.equal([code, starts.map(start => start.kept)], [0, [{}, { journal: 'x' }]]);
});

test('a daemon that SIGTERM or SIGINT kills as it ends is followed by none', async () => {
  for (const signal of ['SIGTERM', 'SIGINT']) {
    const { code, stderr, starts } = await keeper([[SERVE, ['kill-by', signal]], [KILL]]).end();
    assert.equal([code, stderr, starts.length], [0, '', 1], signal);
  }
});

test('garbage is ignored, its descriptors are closed, and what is kept stays', async () => {
  const garbage: Step[] = [
    ['raw', ''],
    ['raw', '', 'fd'],
    ['raw', 'X'],
    ['raw', `X${NAME}`, 'fd'],
    ['raw', 'P'],
    ['raw', 'P', 'fd'],
    ['raw', `P${NAME}`],
    ['raw', 'PJOURNAL', 'fd'],
    ['raw', `P${NAME}\0x`, 'fd'],
    ['raw', `P${NAME}/x`, 'fd'],
    ['raw', `P${'j'.repeat(32)}`, 'fd'],
    ['raw', `P${'j'.repeat(70_000)}`, 'fd'],
    ['raw', `D${NAME}`, 'fd'],
    ['raw', 'D'],
    ['raw', 'M'],
    ['raw', 'M0 /'],
    ['raw', 'M12'],
    ['raw', 'M12 relative'],
    ['raw', `M12 /${'x'.repeat(5000)}`],
    ['raw', 'Rx', 'fd'],
    ['raw', 'U'],
    ['raw', 'U\0'],
    ['raw', `U${NAME}\0`],
    ['raw', `U/x\0${'a\0'.repeat(600)}`],
    ['raw', 'E5'],
    ['raw', `H${NAME}`, 'fd'],
  ];
  const many = Array.from({ length: 30 }, () => garbage).flat();
  const first: Script = [['keep', 'journal', 'x'], ...many, ['keep', 'tmpfs', 'y'], SERVE, ['stay']];
  const kept = keeper([first, [...many, SERVE, KILL], [['stay']]]);
  await kept.came('stay');
  process.kill(kept.starts()[0]!.pid, 'SIGKILL');
  await kept.came('stay', 2);
  const [, second, third] = kept.starts();
  for (const start of [second, third]) assert.equal(start?.kept, { journal: 'x', tmpfs: 'y' });
  assert.is(third?.keeperFds, second?.keeperFds);
  kept.process.kill('SIGTERM');
  process.kill(third!.pid, 'SIGTERM');
  const { code, stderr } = await kept.end();
  assert.is(code, 0);
  assert.is(stderr.match(/sent what is no message/g)?.length, 2, 'one line a daemon');
});

test('descriptors and processes do not add up over deaths', async () => {
  const each: Script = [
    ...Array.from({ length: 50 }, (_, n): Step => ['keep', 'journal', `${n}`]),
    ['keep', 'tmpfs', 'x'],
    ['drop', 'tmpfs'],
    SERVE,
    KILL,
  ];
  const scripts = [...Array.from({ length: 4 }, () => each), DONE];
  const { code, starts } = await keeper(scripts, { deaths: 20 }).end();
  assert.is(code, 0);
  assert.is(starts.length, 5);
  for (const { keeperFds, children, pid } of starts.slice(2)) {
    assert.is(keeperFds, starts[1]!.keeperFds);
    assert.is(children, `${pid}`, 'no zombie');
  }
  assert.is(starts.at(-1)!.kept.journal, '49');
});

test('more descriptors than the socket has room for come back', async () => {
  const all = Array.from({ length: 600 }, (_, n): Step => ['keep', `segment${n}`, `${n}`]);
  const { code, starts } = await keeper([[...all, SERVE, KILL], DONE]).end();
  assert.is(code, 0);
  assert.equal(starts[1]!.kept, Object.fromEntries(all.map(([, name, text]) => [name, text])));
});

test.run();
