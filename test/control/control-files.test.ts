// `.leasefs/` on a real mount: what is in it, what each user sees, that no user can change it, and the stream of events.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { events, type LostEvents, type ReportedEvent } from '../../src/client/index.js';
import { type Actor, eventually } from '../support/actors.js';
import { HASTY, Mounted, PATIENT } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, O_RDWR, SHARED_BREAKABLE, UNLCK } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';

const reader = fileURLToPath(new URL('../../../test/control/signalled-reads.py', import.meta.url));

mountedSuite('control files', { args: ['-o', 'allow_other', ...PATIENT] }, ({ test, mount, stage }) => {
  let file: string;
  let number = 0;

  test.before.each(() => {
    file = mount.file(`f${number++}`);
    writeFileSync(file, Buffer.alloc(16 * BLOCK, 1), { mode: 0o666 });
    chmodSync(file, 0o666);
  });

  const control = (name: string): string => mount.file(`.leasefs/${name}`);
  const text = (name: string): string => readFileSync(control(name), 'utf8');
  async function holder(kind = EXCLUSIVE): Promise<Actor> {
    const actor = await stage.actor(`holder${number++}`);
    await actor.open(file, O_RDWR);
    await actor.setLease(kind);
    return actor;
  }
  /** The events of this test's file so far. */
  async function eventsOf(ino = statSync(file).ino): Promise<ReportedEvent[]> {
    const found: ReportedEvent[] = [];
    for await (const event of events(mount.path))
      if (event.event !== 'lost' && event.ino === ino) found.push(event);
    return found;
  }
  const namesOf = async (): Promise<string[]> => (await eventsOf()).map(({ event }) => event);

  test('readdir of the root does not show .leasefs, a look-up finds it', () => {
    assert.not(readdirSync(mount.path).includes('.leasefs'));
    assert.is(statSync(control('')).mode & 0o7777, 0o555);
    assert.equal(readdirSync(control('')).sort(), [
      'events',
      'leases',
      'leases.json',
      'metrics',
      'pid',
      'pins',
      'pins.json',
      'size',
      'stats',
      'stats.json',
    ]);
  });

  test('with --show-control readdir shows it, with the inode number that stat tells', async () => {
    const shown = await Mounted.start('--show-control');
    try {
      writeFileSync(shown.file('a'), '');
      assert.equal(readdirSync(shown.path).sort(), ['.leasefs', 'a']);
      const listed = spawnSync('ls', ['-ia', shown.path], { encoding: 'utf8' }).stdout;
      assert.match(listed, new RegExp(`\\b${lstatSync(shown.file('.leasefs')).ino} \\.leasefs`));
    } finally {
      await shown.stop();
    }
  });

  test('inode numbers are unlike those of files', () => {
    const inos = readdirSync(control('')).map(name => statSync(control(name)).ino);
    assert.is(new Set(inos).size, inos.length);
    for (const ino of inos) assert.ok(ino >= 2 ** 52);
  });

  test('no user makes, removes or changes a name in it, nor its own', () => {
    assert.is(
      code(() => mkdirSync(control(''))),
      'EEXIST',
    );
    assert.is(
      code(() => symlinkSync('x', mount.file('.leasefs'))),
      'EEXIST',
    );
    assert.is(
      code(() => linkSync(file, mount.file('.leasefs'))),
      'EEXIST',
    );
    assert.is(
      code(() => writeFileSync(mount.file('.leasefs'), 'x')),
      'EISDIR',
    );
    assert.is(
      code(() => rmdirSync(mount.file('.leasefs'))),
      'EPERM',
    );
    assert.is(
      code(() => renameSync(mount.file('.leasefs'), mount.file('away'))),
      'EPERM',
    );
    mkdirSync(mount.file('dir'));
    assert.is(
      code(() => renameSync(mount.file('dir'), mount.file('.leasefs'))),
      'EPERM',
    );
    assert.is(
      code(() => renameSync(file, control('f'))),
      'EPERM',
    );
    assert.is(
      code(() => mkdirSync(control('d'))),
      'EPERM',
    );
    assert.is(
      code(() => unlinkSync(control('pins'))),
      'EPERM',
    );
    assert.is(
      code(() => chmodSync(control('pins'), 0o777)),
      'EPERM',
    );
    assert.is(
      code(() => truncateSync(control('pins'), 0)),
      'EPERM',
    );
    assert.is(
      code(() => writeFileSync(control('pins'), 'x')),
      'EACCES',
    );
    rmdirSync(mount.file('dir'));
  });

  test('A1: leases and pins tell what is held, as lines and as JSON', async () => {
    const actor = await holder();
    const pin = await actor.pin(BLOCK, 2 * BLOCK);
    const path = file.slice(mount.path.length);
    const lease = text('leases')
      .split('\n')
      .find(line => line.endsWith(` ${path}`));
    assert.match(lease ?? '', new RegExp(`^\\d+ exclusive held - - 1 \\d+ ${actor.pid} \\d+ \\S+ `));
    assert.match(
      text('pins'),
      new RegExp(`\n${pin} ${BLOCK} ${3 * BLOCK} process \\d+ held \\d+ 0 ${actor.pid} \\d+ \\S+ ${path}\n`),
    );
    const { version, pins } = JSON.parse(text('pins.json'));
    assert.equal(version, { file: '.leasefs/pins.json', major: 1, minor: 0 });
    const [row] = pins.filter((row: { id: number }) => row.id === pin);
    assert.equal([row.path, row.off, row.len, row.hidden], [path, BLOCK, 2 * BLOCK, false]);
    assert.is(JSON.parse(text('leases.json')).leases.length, mount.report('leases').leases.length);
  });

  test('the content is fixed by the first read, until the last byte was read', async () => {
    const fd = openSync(control('leases'), 'r');
    const buffer = Buffer.alloc(1 << 16);
    const read = (at: number, length = buffer.length): string =>
      buffer.toString('latin1', 0, readSync(fd, buffer, 0, length, at));
    const first = read(0, 1);
    const actor = await holder();
    assert.not(`${first}${read(1)}`.includes(` ${actor.pid} `));
    assert.ok(read(0).includes(` ${actor.pid} `));
    closeSync(fd);
  });

  test('A1: of the leases and pins of another user one sees the process, neither file nor range', async () => {
    const actor = await holder();
    await actor.pin(0, BLOCK);
    const seen = (name: string): string =>
      spawnSync('setpriv', ['--reuid=1234', '--regid=1234', '--clear-groups', 'cat', control(name)], {
        encoding: 'utf8',
      }).stdout;
    assert.match(seen('leases'), new RegExp(` ${actor.pid} \\d+ \\S+ -\n`));
    assert.match(seen('pins'), new RegExp(`\n\\d+ - - process \\d+ held \\d+ 0 ${actor.pid} \\d+ \\S+ -\n`));
    assert.is(seen(`pid/${actor.pid}/file_pins`), '');
    assert.not(seen('leases').includes(file.slice(mount.path.length)));
  });

  test('pid/PID/file_pins has the form of the RFC', async () => {
    const actor = await holder();
    await actor.pin(0, BLOCK);
    assert.ok(readdirSync(control('pid')).includes(`${actor.pid}`));
    assert.is(text(`pid/${actor.pid}/file_pins`), `${file}\n`);
    const described = await actor.pin(0, BLOCK, { byDescription: true });
    assert.match(text(`pid/${actor.pid}/file_pins`), new RegExp(`^\\d+: ${file}\n   ${file}\n${file}\n$`));
    await actor.unpin(described);
    assert.is(text(`pid/${process.pid}/file_pins`), '', 'a process without pins has an empty one');
    assert.is(existsSync(control('pid/999999999')), false);
    await actor.kill();
    // The kernel does not cache the names of processes.
    await eventually('its name is gone', () => !existsSync(control(`pid/${actor.pid}`)));
  });

  test('a signal does not end a read of file_pins', async () => {
    const actor = await holder();
    await actor.pin(0, BLOCK);
    const { stdout, stderr } = spawnSync('python3', [reader, control(`pid/${actor.pid}/file_pins`)], {
      encoding: 'utf8',
    });
    assert.is(stdout, `${file}\n`, stderr);
  });

  test('stats and metrics count what happened', async () => {
    const before = JSON.parse(text('stats.json')).stats.events.grant ?? 0;
    await holder();
    assert.is(JSON.parse(text('stats.json')).stats.events.grant, before + 1);
    assert.match(text('stats'), new RegExp(`\nevents.grant ${before + 1}\n`));
    const metrics = text('metrics');
    assert.match(metrics, new RegExp(`\nleasefs_events_total{event="grant"} ${before + 1}\n`));
    for (const line of metrics.trimEnd().split('\n')) {
      assert.match(line, /^(# (HELP|TYPE) leasefs_\w+ .+|leasefs_\w+(\{(\w+="[^"]*",?)+\})? [-+.e\d]+)$/);
    }
  });

  test('events tell of a grant, a conversion, pins and the release', async () => {
    const actor = await holder(SHARED_BREAKABLE);
    await actor.setLease(EXCLUSIVE);
    const pin = await actor.pin(0, BLOCK);
    await actor.unpin(pin);
    await actor.setLease(UNLCK);
    const reported = await eventsOf();
    assert.equal(
      reported.map(({ event }) => event),
      ['grant', 'convert', 'pin', 'unpin', 'release'],
    );
    assert.equal([reported[1]!.from, reported[1]!.kind], ['shared,breakable', 'exclusive']);
    assert.equal(
      [reported[2]!.pin, reported[2]!.off, reported[2]!.len, reported[2]!.owner],
      [pin, 0, BLOCK, 'process'],
    );
    for (const event of reported) assert.is(event.pid, actor.pid);
  });

  test('X1, X2: a refusal names the call, the rule, the holder and what ends the refusal', async () => {
    const actor = await holder();
    const pin = await actor.pin(0, 2 * BLOCK);
    assert.is(
      code(() => truncateSync(file, 0)),
      'ETXTBSY',
    );
    const [refused] = (await eventsOf()).filter(({ event }) => event === 'refused');
    assert.equal(
      [refused!.rule, refused!.errno, refused!.call, refused!.pid],
      ['X1', 'ETXTBSY', 'truncate to 0', process.pid],
    );
    const { holder: who } = refused!;
    assert.equal([who!.pid, who!.pin, who!.off, who!.len], [actor.pid, pin, 0, 2 * BLOCK]);
    assert.is(refused!.ends, 'it is unpinned or its owner dies');
  });

  test('B1: a break is an event, and its answer with the time that it took', async () => {
    const actor = await holder(SHARED_BREAKABLE);
    await actor.watch();
    const breaker = await stage.actor('breaker');
    const cut = breaker.begin.truncate(file, 0);
    await eventually('the break', async () => (await namesOf()).includes('break'));
    await actor.setLease(UNLCK);
    assert.is((await cut.result).verdict, 'ok');
    const reported = await eventsOf();
    assert.equal(
      reported.map(({ event }) => event),
      ['grant', 'break', 'answered'],
    );
    assert.equal([reported[1]!.breaker!.pid, reported[1]!.breaker!.uid], [breaker.pid, 0]);
    assert.equal([reported[1]!.must, reported[1]!.ms, reported[1]!.notified], ['none', 600_000, 'notice']);
    assert.equal([reported[2]!.from, reported[2]!.kind], ['shared,breakable', 'none']);
    assert.type(reported[2]!.ms, 'number');
  });

  test('B2: a break without an answer is forced, and says so', () =>
    Mounted.during(HASTY, async hasty => {
      const path = hasty.file('f');
      writeFileSync(path, Buffer.alloc(BLOCK));
      const [owner, breaker] = await stage.pair(path);
      await owner.setLease(SHARED_BREAKABLE);
      assert.is(await breaker.try.truncate(path, 0), 'ok');
      const reported: ReportedEvent[] = [];
      for await (const event of events(hasty.path)) if (event.event !== 'lost') reported.push(event);
      assert.equal(
        reported.map(({ event }) => event),
        ['grant', 'break', 'forced'],
      );
      assert.is(reported[2]!.rule, 'B2');
      await stage.clear();
    }));

  test('N5: a zombie begins with the last close and ends with its last pin', async () => {
    const actor = await holder();
    await actor.pin(0, BLOCK);
    await actor.close();
    await eventually('a zombie', async () => (await namesOf()).includes('zombie'));
    await actor.kill();
    await eventually('its end', async () => (await namesOf()).includes('zombie-end'));
    assert.equal(await namesOf(), ['grant', 'pin', 'zombie', 'unpin', 'zombie-end']);
    let died = false;
    for await (const event of events(mount.path)) {
      if (event.event === 'died' && event.pid === actor.pid) died = true;
    }
    assert.ok(died, 'and the death itself is an event');
  });

  test('a reader of events waits for the next one, and a signal ends its wait', async () => {
    const cat = spawn('cat', [control('events')], { stdio: ['ignore', 'pipe', 'inherit'] });
    let seen = '';
    cat.stdout.on('data', data => {
      seen += data;
    });
    const actor = await holder();
    await eventually('the grant', () => seen.includes(`"pid":${actor.pid},`));
    assert.is(mount.report('status').waiters, 0, 'a reader waits for no lease');
    cat.kill('SIGINT');
    await eventually('its end', () => cat.signalCode === 'SIGINT');
  });

  test('O_NONBLOCK reads of events answer EAGAIN where there are none', () => {
    const fd = openSync(control('events'), constants.O_RDONLY | constants.O_NONBLOCK);
    const buffer = Buffer.alloc(1 << 16);
    let answer = 'ok';
    while (answer === 'ok') answer = code(() => readSync(fd, buffer));
    closeSync(fd);
    assert.is(answer, 'EAGAIN');
  });

  test('events() follows by poll and ends by its signal', async () => {
    const stop = new AbortController();
    const seen: (ReportedEvent | LostEvents)[] = [];
    const following = (async () => {
      for await (const event of events(mount.path, { follow: true, signal: stop.signal })) seen.push(event);
    })();
    const actor = await holder();
    await eventually('the grant', () =>
      seen.some(event => event.event === 'grant' && event.pid === actor.pid),
    );
    stop.abort();
    await following;
    assert.equal(
      seen.map(({ seq }) => seq),
      seen.map((_, n) => seen[0]!.seq + n),
      'numbered without gaps',
    );
  });

  test('a reader that does not read stalls no process and learns how many events it has missed', async () => {
    const fd = openSync(control('events'), constants.O_RDONLY | constants.O_NONBLOCK);
    const actor = await holder();
    await actor.pinMany(4200, 16);
    const buffer = Buffer.alloc(1 << 16);
    const [first] = buffer.toString('utf8', 0, readSync(fd, buffer)).split('\n');
    closeSync(fd);
    const lost = JSON.parse(first!);
    assert.is(lost.event, 'lost');
    assert.is(lost.seq, lost.count, 'every number up to there');
  });

  test('a user file may have the name .leasefs below the root', () => {
    mkdirSync(mount.file('sub'));
    writeFileSync(mount.file('sub/.leasefs'), 'mine');
    assert.is(readFileSync(mount.file('sub/.leasefs'), 'utf8'), 'mine');
    rmSync(mount.file('sub'), { recursive: true });
  });
});
