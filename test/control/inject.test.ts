// `leasefs inject` on a real mount: each fault comes about, its events say `injected`, and other users may not ask for it.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  events,
  type Injection,
  inject,
  injectAll,
  parseInjection,
  type ReportedEvent,
} from '../../src/client/index.js';
import { type Actor, eventually } from '../support/actors.js';
import { cli, Mounted } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, O_RDWR, SHARED_BREAKABLE } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';

const test = suite('inject');

test('a malformed injection is refused in one line', () => {
  const wrong = (value: unknown): string => {
    try {
      parseInjection(value);
      return 'ok';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.is(wrong({ do: 'break', file: 'f', after: 5 }), 'ok');
  assert.match(wrong({ do: 'brake', file: 'f' }), '"do" is one of break, change');
  assert.match(
    wrong({ do: 'pins', count: -1, errno: 'EAGAIN' }),
    '"count" of pins is a whole number, not -1',
  );
  assert.match(wrong({ do: 'pins', count: 1, errno: 'EIO' }), 'ENOMEM or EAGAIN');
  assert.match(wrong({ do: 'break', file: 'f', why: 1 }), 'not "why"');
  assert.match(wrong('break'), 'an object');
});

test.run();

const args = ['-o', 'allow_other', '--lease-break-time', '60000', '--allow-inject'];

mountedSuite('inject on a mount', { args }, ({ test, mount, stage }) => {
  let name: string;
  let number = 0;
  let seen = 0;

  test.before.each(async () => {
    name = `f${number++}`;
    writeFileSync(mount.file(name), Buffer.alloc(16 * BLOCK, 1));
    for await (const { seq } of events(mount.path)) seen = seq;
  });

  /** Since the test began: of its file, and what is of none; processes of the test before may still be ending. */
  async function reported(): Promise<ReportedEvent[]> {
    const { ino } = statSync(mount.file(name));
    const found: ReportedEvent[] = [];
    for await (const event of events(mount.path)) {
      if (event.event === 'lost' || event.event === 'died' || event.seq <= seen) continue;
      if (event.ino === ino || event.ino === undefined) found.push(event);
    }
    return found;
  }
  const short = async (): Promise<string[]> =>
    (await reported()).map(({ event, errno, injected }) =>
      [event, errno, injected && 'injected'].filter(word => word !== undefined).join(' '),
    );
  async function holder(kind: number): Promise<Actor> {
    const actor = await stage.actor(`holder${number++}`);
    await actor.open(mount.file(name), O_RDWR);
    await actor.setLease(kind);
    return actor;
  }
  const code = (injection: Injection): string => {
    try {
      inject(mount.path, injection);
      return 'ok';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code!;
    }
  };

  test('break, then expire: the holder is notified, and its time runs out at once', async () => {
    await holder(SHARED_BREAKABLE);
    assert.is(code({ do: 'expire', file: name }), 'ESRCH', 'no break is pending');
    inject(mount.path, { do: 'break', file: name });
    assert.is(mount.report('leases').leases[0]!.state, 'breaking');
    inject(mount.path, { do: 'expire', file: name });
    assert.is(mount.report('leases').leases.length, 0);
    assert.equal(await short(), [
      'grant',
      'injected injected',
      'break injected',
      'refused EAGAIN injected',
      'injected injected',
      'forced injected',
    ]);
  });

  test('change: the verdict on a range is an event, and the file is as it was', async () => {
    const actor = await holder(EXCLUSIVE);
    await actor.pin(0, BLOCK);
    inject(mount.path, { do: 'change', file: name, off: 0, len: BLOCK });
    const refused = (await reported()).find(({ event }) => event === 'refused');
    assert.equal([refused!.rule, refused!.errno, refused!.holder!.pid], ['X1', 'ETXTBSY', actor.pid]);
    assert.is(statSync(mount.file(name)).size, 16 * BLOCK);
    inject(mount.path, { do: 'change', file: name, off: 8 * BLOCK, len: BLOCK });
    assert.is((await reported()).at(-1)!.rule, 'X2');
  });

  test('pins: the next ones are refused, the one after them is not', async () => {
    const actor = await holder(EXCLUSIVE);
    inject(mount.path, { do: 'pins', count: 2, errno: 'EAGAIN' });
    for (const verdict of ['EAGAIN', 'EAGAIN', 'ok']) {
      assert.is(await actor.try.pin(0, BLOCK), verdict);
    }
    inject(mount.path, { do: 'pins', count: 1, errno: 'ENOMEM' });
    assert.is(await actor.try.pin(0, BLOCK), 'ENOMEM');
    assert.equal(await short(), [
      'grant',
      'injected injected',
      'refused EAGAIN injected',
      'refused EAGAIN injected',
      'pin',
      'injected injected',
      'refused ENOMEM injected',
    ]);
  });

  test('delay: a lease call is held back and then goes its way; others are served while it waits', async () => {
    inject(mount.path, { do: 'delay', count: 1, ms: 300 });
    const order: string[] = [];
    const slow = await stage.actor('slow');
    const quick = await stage.actor('quick');
    for (const actor of [slow, quick]) await actor.open(mount.file(name), O_RDWR);
    const late = slow.setLease(SHARED_BREAKABLE).then(() => order.push('slow'));
    await eventually('it waits', () => mount.report('status').waiters === 1);
    await quick.setLease(SHARED_BREAKABLE).then(() => order.push('quick'));
    await late;
    assert.equal(order, ['quick', 'slow']);
    assert.is(mount.report('leases').leases.length, 2);
  });

  test('B5: a lease call that is held back is ended by a signal', async () => {
    inject(mount.path, { do: 'delay', count: 1, ms: 60_000 });
    const slow = await stage.actor('slow');
    await slow.open(mount.file(name), O_RDWR);
    slow.begin.setLease(SHARED_BREAKABLE).result.catch(() => {});
    await eventually('it waits', () => mount.report('status').waiters === 1);
    await slow.kill();
    await eventually('it is gone', () => mount.report('status').waiters === 0);
    assert.is(mount.report('leases').leases.length, 0);
  });

  test('enospc: a pin over a hole and an fallocate are refused, no pin is left', async () => {
    const actor = await holder(EXCLUSIVE);
    await actor.ftruncate(32 * BLOCK);
    inject(mount.path, { do: 'enospc', count: 2 });
    assert.is(await actor.try.pin(20 * BLOCK, BLOCK), 'ENOSPC');
    assert.is(mount.report('pins').pins.length, 0);
    assert.is(await actor.try.fallocate(0, 24 * BLOCK, BLOCK), 'ENOSPC');
    assert.is(await actor.try.pin(20 * BLOCK, BLOCK), 'ok');
  });

  test('end: the owner of the lease is killed, and what it held goes', async () => {
    const actor = await holder(EXCLUSIVE);
    await actor.pin(0, BLOCK);
    inject(mount.path, { do: 'end', file: name });
    await actor.gone;
    await eventually('its pin and lease are gone', () => mount.report('leases').leases.length === 0);
    assert.is(code({ do: 'end', file: name }), 'ESRCH');
  });

  test('others than root and the user of the mount may not, with or without the command', () => {
    const { status, stderr } = spawnSync(
      'setpriv',
      [
        '--reuid=1234',
        '--regid=1234',
        '--clear-groups',
        'sh',
        '-c',
        `echo '{"do":"pins","count":1,"errno":"EAGAIN"}' > ${mount.file('.leasefs/inject')}`,
      ],
      { encoding: 'utf8' },
    );
    assert.is.not(status, 0);
    assert.match(stderr, /not permitted/);
  });

  test('what is no injection is EINVAL, and the log says why', () => {
    assert.throws(() => writeFileSync(mount.file('.leasefs/inject'), '{"do":"brake"}'), /EINVAL/);
    assert.throws(() => writeFileSync(mount.file('.leasefs/inject'), 'nonsense'), /EINVAL/);
    assert.match(mount.log(), 'injection refused: "do" is one of');
  });

  test('a refused injection says why: in the error, and to a read through the same description', async () => {
    const why = (injection: Injection): string => {
      try {
        inject(mount.path, injection);
        return 'ok';
      } catch (error) {
        return (error as Error).message;
      }
    };
    const nothing = 'ESRCH: No such process, injecting';
    assert.is(why({ do: 'break', file: name }), `${nothing} break: the file has no lease`);
    assert.is(why({ do: 'expire', file: name }), `${nothing} expire: no break is pending on the file`);
    assert.is(why({ do: 'end', file: name }), `${nothing} end: no owner of a lease on the file lives`);
    const malformed = { do: 'pins', count: -1, errno: 'EAGAIN' } as Injection;
    assert.match(why(malformed), /^EINVAL: .*"count" of pins is a whole number, not -1$/);
    assert.match(why({ do: 'break', file: '.' }), /^EINVAL: .*is no regular file of the mount$/);
    const fd = openSync(mount.file('.leasefs/inject'), 'r+');
    try {
      const said = Buffer.alloc(4096);
      const read = (): string => said.toString('utf8', 0, readSync(fd, said, 0, said.length, 0));
      assert.is(read(), '');
      assert.throws(() => writeSync(fd, 'nonsense'), /EINVAL/);
      assert.match(read(), /^[^\n]*JSON[^\n]*\n$/);
      assert.throws(() => writeSync(fd, `{"do": "${'x'.repeat(5000)}"}`), /EINVAL/);
      assert.ok(read().length < 1100, 'of a long one the beginning');
      writeSync(fd, '{"do": "pins", "count": 0, "errno": "EAGAIN"}');
      assert.is(read(), '', 'this one was done');
    } finally {
      closeSync(fd);
    }
  });

  test('a list of injections waits as long as each says', async () => {
    await holder(SHARED_BREAKABLE);
    const failures: string[] = [];
    injectAll(
      mount.path,
      [
        { do: 'break', file: name, after: 20 },
        { do: 'break', file: 'nothing' },
      ],
      (_, error) => failures.push(error.message),
    );
    await eventually('the break', () => mount.report('leases').leases[0]!.state === 'breaking');
    assert.match(failures.join(), 'ENOENT');
  });

  test('run --inject: a list from a file, counted from the start of the command', () => {
    const list = `${mount.path}.json`;
    writeFileSync(
      list,
      '[{"do": "pins", "count": 1, "errno": "EAGAIN"}, {"do": "break", "file": "none", "after": 5}]',
    );
    const command = 'sleep 0.3; timeout 0.5 cat $LEASEFS_MNT/.leasefs/events; exit 3';
    const ran = spawnSync(process.execPath, [cli, 'run', '--inject', list, '--', 'sh', '-c', command], {
      encoding: 'utf8',
      timeout: 120_000,
    });
    writeFileSync(list, '[{"do": "pins"}]');
    const wrong = spawnSync(process.execPath, [cli, 'run', '--inject', list, '--', 'true'], {
      encoding: 'utf8',
    });
    rmSync(list);
    assert.is(ran.status, 3);
    assert.match(ran.stdout, '"call":"pins 1 EAGAIN","injected":true');
    assert.match(ran.stderr, 'cannot inject break: ENOENT');
    assert.match(wrong.stderr, `${list}: "count" of pins is a whole number`);
  });

  test('the command injects, and says in one line why it cannot', async () => {
    const leasefs = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
    await holder(SHARED_BREAKABLE);
    assert.is(leasefs('inject', mount.path, 'break', name).status, 0);
    assert.is(mount.report('leases').leases[0]!.state, 'breaking');
    assert.match(
      leasefs('inject', mount.path, 'pins', 'many', 'EIO').stderr,
      '"count" of pins is a whole number',
    );
    assert.match(leasefs('inject', mount.path, 'end', mount.file('none')).stderr, 'ENOENT');
    assert.match(leasefs('inject', mount.path, 'end', '/etc/passwd').stderr, 'EXDEV');
    const plain = await Mounted.start();
    try {
      const { status, stderr } = leasefs('inject', plain.path, 'pins', '1', 'EAGAIN');
      assert.is(status, 1);
      assert.is(stderr, `leasefs inject: ${plain.path} allows no injections; mount it with --allow-inject\n`);
    } finally {
      await plain.stop();
    }
    const listed = leasefs('events', mount.file(name));
    assert.match(
      listed.stdout,
      /break .* must become none within 1m00s; nothing: no watch, no signal \[B1\] injected/,
    );
    chmodSync(mount.file(name), 0o600);
    assert.ok(readFileSync(mount.file('.leasefs/stats'), 'utf8').includes('events.injected'));
  });
});
