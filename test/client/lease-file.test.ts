// leasefs/client on a real mount. Its answers are what matters here; the rules have their own tests in test/e2e.
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import * as assert from 'uvu/assert';
import { FsError, type LeaseBreak, LeaseError, LeaseFile } from '../../src/client/index.js';
import { eventually } from '../support/actors.js';
import { cli, HASTY, Mounted, PATIENT } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';
import { code } from '../support/thrown-code.js';
import { timeFactor } from '../support/time-factor.js';

const LIMIT_MS = 5000 * timeFactor;

mountedSuite('lease file', { args: PATIENT }, ({ test, mount, files }) => {
  /** truncate(2) in a process of its own, which may wait: truncate(1) opens with O_NONBLOCK. */
  const truncate = (path: string, size: number): Promise<string> =>
    new Promise(resolve => {
      const program = `require('fs').truncateSync(${JSON.stringify(path)}, ${size})`;
      const child = spawn(process.execPath, ['-e', program], {
        stdio: ['ignore', 'ignore', 'pipe'],
        timeout: LIMIT_MS,
      });
      let said = '';
      child.stderr.on('data', data => {
        said += data;
      });
      child.on('close', status => resolve(status === 0 ? 'ok' : said));
    });
  const notices = (file: LeaseFile): { next(): Promise<LeaseBreak>; readonly all: LeaseBreak[] } => {
    const all: LeaseBreak[] = [];
    let taken = 0;
    file.onBreak(notice => all.push(notice));
    return {
      all,
      async next() {
        const until = performance.now() + LIMIT_MS;
        while (all.length <= taken) {
          if (performance.now() > until) throw new Error('no notice came');
          await new Promise(resolve => setTimeout(resolve, 5));
        }
        return all[taken++]!;
      },
    };
  };

  test('a lease is taken, converted, read and released', async () => {
    const file = files.open(files.fresh());
    assert.equal([file.getLease().kind, file.getLease().breakMs], ['none', 0]);
    file.setLeaseSync('shared,breakable');
    assert.is(file.getLease().kind, 'shared,breakable');
    await file.setLease('exclusive');
    assert.is(file.getLease().kind, 'exclusive');
    file.setLeaseSync('none');
    assert.is(file.getLease().kind, 'none');
    assert.is(
      code(() => file.setLeaseSync('none')),
      'EAGAIN',
    );
  });

  test('N1: the error of a pin says which kind the caller holds and what to take', () => {
    const file = files.open(files.fresh());
    file.setLeaseSync('shared,breakable');
    assert.throws(
      () => file.pin(0, 1),
      /EPERM.* \[N1\]: the lease here is 'shared,breakable': take an 'exclusive' or 'shared'/,
    );
  });

  const thrown = (call: () => unknown): LeaseError => {
    try {
      call();
    } catch (error) {
      assert.instance(error, LeaseError);
      return error as LeaseError;
    }
    throw new Error('it was not refused');
  };

  test('a refusal carries the rule, who holds what refuses, and the remedy, as the daemon says them', async () => {
    const path = files.fresh();
    const holder = files.open(path);
    holder.setLeaseSync('exclusive');
    const id = holder.pin(0, 4096);
    const other = files.open(path);
    const refused = thrown(() => other.setLeaseSync('shared'));
    assert.equal([refused.code, refused.rule, refused.holder?.pid], ['EAGAIN', 'L3', process.pid]);
    assert.equal([refused.holder?.kind, refused.holder?.pin], ['exclusive', undefined]);
    assert.match(refused.remedy!, 'wait until its end');
    assert.match(refused.message, ` [L3]: 'exclusive' lease ${refused.holder!.lease} of ${process.pid} (`);
    const later = await other.setLease('shared').catch(error => error);
    assert.equal([later.code, later.rule, later.remedy], ['EAGAIN', 'L3', refused.remedy]);
    const pinned = thrown(() => holder.setLeaseSync('none'));
    assert.equal([pinned.code, pinned.rule, pinned.holder?.pin], ['EBUSY', 'L5', Number(id)]);
    assert.equal([pinned.holder?.off, pinned.holder?.len], [0, 4096]);
    const gone = thrown(() => holder.unpin(12345n));
    assert.equal([gone.code, gone.rule, gone.holder], ['ENOENT', 'N8', undefined]);
    assert.match(gone.remedy!, 'ended already');
    const beyond = thrown(() => holder.pin(0, 1 << 20));
    assert.equal([beyond.code, beyond.rule], ['EFAULT', 'N7']);
    holder.unpinAll();
    const reader = files.open(path, constants.O_RDONLY);
    assert.is(thrown(() => reader.setLeaseSync('shared')).remedy, 'open the file for writing');
    for (const file of [holder, other, reader]) file.close();
  });

  test('refusal() says why a call that is no ioctl was refused: of this process, on this file, and no older one', async () => {
    const path = files.fresh();
    const file = files.open(path);
    file.setLeaseSync('exclusive');
    file.pin(0, 4096);
    const since = Date.now();
    const { EACCES, EDEADLK, ETXTBSY } = osConstants.errno;
    assert.is(file.refusal(EDEADLK, since), undefined, 'nothing was refused yet');
    assert.throws(
      () => ftruncateSync(file.fd, 0),
      (error: NodeJS.ErrnoException) => error.errno === -EDEADLK,
    );
    const { rule, holder, remedy, call } = file.refusal(EDEADLK, since)!;
    assert.equal([rule, holder?.pid, call], ['X1', process.pid, 'truncate to 0']);
    assert.match(remedy!, 'unpin');
    assert.is(file.refusal(EACCES, since), undefined, 'another errno');
    assert.is(file.refusal(EDEADLK, Date.now() + 60_000), undefined, 'an older one');
    assert.is(files.open(files.fresh()).refusal(EDEADLK, since), undefined, 'of another file');
    assert.match(await truncate(path, 0), 'ETXTBSY');
    assert.is(file.refusal(ETXTBSY, since), undefined, "another process's");
    file.unpinAll();
    file.close();
  });

  test('refusals carry the errno name, synchronously and not', async () => {
    const path = files.fresh();
    files.open(path).setLeaseSync('exclusive');
    const other = files.open(path);
    assert.is(
      code(() => other.setLeaseSync('shared,breakable')),
      'EAGAIN',
    );
    await other.setLease('shared,breakable').then(
      () => assert.unreachable(),
      error => {
        assert.is(error.code, 'EAGAIN');
        assert.is(error.name, 'LeaseError');
        assert.instance(error, FsError);
      },
    );
    assert.is(
      code(() => files.open(path, constants.O_RDONLY).setLeaseSync('shared')),
      'EBADF',
    );
    assert.is(
      code(() => files.open(mount.path, constants.O_RDONLY).setLeaseSync('shared,breakable')),
      'EINVAL',
    );
    const elsewhere = files.open('/dev/null');
    assert.is(
      code(() => elsewhere.getLease()),
      'ENOTTY',
    );
  });

  test('pins are made, listed and removed; a range is rounded outward', () => {
    const file = files.open(files.fresh());
    assert.is(
      code(() => file.pin(0, 1)),
      'EPERM',
    );
    file.setLeaseSync('exclusive');
    const first = file.pin(5000, 1);
    const second = file.pin(0, 8192, { owner: 'description' });
    assert.ok(second > first);
    assert.equal(file.pins(), [
      { id: first, off: 4096, len: 4096, pid: process.pid, mine: true, owner: 'process', zombie: false },
      { id: second, off: 0, len: 8192, pid: process.pid, mine: true, owner: 'description', zombie: false },
    ]);
    assert.is(
      code(() => file.setLeaseSync('none')),
      'EBUSY',
    );
    file.unpin(first);
    assert.is(
      code(() => file.unpin(first)),
      'ENOENT',
    );
    assert.is(file.unpinAll(), 1);
    assert.equal(file.pins(), []);
    file.setLeaseSync('none');
  });

  test('a pin may be given to a description by the name that getLease tells', () => {
    const file = files.open(files.fresh());
    const keeper = files.open(files.fresh());
    file.setLeaseSync('exclusive');
    file.pin(0, 4096, { owner: keeper.getLease().description });
    assert.is(file.report('pins').pins[0]?.ownerIno, fstatSync(keeper.fd).ino, 'A2: whose holders must end');
    assert.is(
      code(() => file.pin(0, 4096, { owner: 0xdead_beefn })),
      'EBADF',
    );
    file.unpinAll();
  });

  test('more pins than one answer holds are listed, each once', () => {
    const file = files.open(files.fresh(4096));
    file.setLeaseSync('shared');
    const ids = Array.from({ length: 300 }, () => file.pin(0, 4096));
    assert.equal(
      file.pins().map(({ id }) => id),
      ids,
    );
    assert.is(file.unpinAll(), 300);
  });

  test('a range that is no whole number of bytes is a RangeError, one beyond the file EFAULT', () => {
    const file = files.open(files.fresh());
    file.setLeaseSync('exclusive');
    for (const range of [
      [-1, 1],
      [0, 0.5],
      [0, Number.NaN],
      [2 ** 53, 1],
    ] as const) {
      assert.throws(
        () => file.pin(range[0], range[1]),
        (error: Error) => error instanceof RangeError,
      );
    }
    assert.is(
      code(() => file.pin(0, 16385)),
      'EFAULT',
    );
    assert.is(
      code(() => file.pin(0, 0)),
      'EINVAL',
    );
  });

  test('reports tell of this file alone, or through a directory of the mount', () => {
    const path = files.fresh();
    const file = files.open(path);
    const other = files.open(files.fresh());
    file.setLeaseSync('exclusive');
    other.setLeaseSync('shared,breakable');
    file.pin(0, 4096);
    const { leases } = file.report('leases');
    assert.is(leases.length, 1);
    assert.is(leases[0]!.kind, 'exclusive');
    assert.is(leases[0]!.owner.pid, process.pid);
    assert.is(leases[0]!.pins, 1);
    assert.is(file.report('pins').pins[0]?.len, 4096);
    const root = files.open(mount.path, constants.O_RDONLY);
    assert.is(root.report('leases').leases.length, 2);
    assert.is(root.report('status').pid, mount.pid);
  });

  test('a report longer than one answer is whole, and names that are not ASCII arrive', () => {
    const path = mount.file('grüße-文');
    writeFileSync(path, Buffer.alloc(4096));
    const file = files.open(path);
    file.setLeaseSync('exclusive');
    for (let n = 0; n < 200; n++) file.pin(0, 4096);
    const { pins } = file.report('pins');
    assert.is(pins.length, 200);
    assert.ok(pins.every(pin => pin.path?.endsWith('grüße-文')));
  });

  test('B1: onBreak tells what the lease must become; answering lets the breaker go on', async () => {
    const path = files.fresh();
    const file = files.open(path);
    file.setLeaseSync('exclusive,breakable');
    const heard = notices(file);
    const truncated = truncate(path, 0);
    const notice = await heard.next();
    assert.is(notice.must, 'none');
    assert.ok(notice.breakMs > 0 && notice.breakMs <= 600_000, `${notice.breakMs}`);
    assert.is(file.getLease().kind, 'none');
    file.setLeaseSync('none');
    assert.is(await truncated, 'ok');
    file.setLeaseSync('exclusive,breakable');
    const again = truncate(path, 8);
    await heard.next();
    file.setLeaseSync('none');
    assert.is(await again, 'ok');
    assert.is(heard.all.length, 2, 'one notice a break, none for the answer');
  });

  test('B2: a break that is not answered is notified again when it is forced, and the next one too', () =>
    Mounted.during(HASTY, async hasty => {
      const path = hasty.file('f');
      writeFileSync(path, Buffer.alloc(16384));
      using file = LeaseFile.open(path);
      const heard = notices(file);
      for (const [kind, size] of [
        ['exclusive,breakable', 8192],
        ['shared,breakable', 0],
      ] as const) {
        file.setLeaseSync(kind);
        assert.is(await truncate(path, size), 'ok');
        assert.is((await heard.next()).must, 'none');
        assert.equal(await heard.next(), { must: 'none', breakMs: 0 });
      }
    }));

  test('B1: the signal that the lease named comes with the break', async () => {
    const path = files.fresh();
    const file = files.open(path);
    file.setLeaseSync('exclusive,breakable', { signal: osConstants.signals.SIGIO, cookie: 7n });
    const signalled = new Promise(resolve => process.once('SIGIO', resolve));
    const late = setTimeout(() => {}, LIMIT_MS);
    const truncated = truncate(path, 0);
    assert.is(await signalled, 'SIGIO');
    clearTimeout(late);
    file.close();
    assert.is(await truncated, 'ok');
  });

  test('setLease waits without blocking this process, which can answer a break while it waits', async () => {
    const path = files.fresh();
    const holder = spawn(process.execPath, [cli, 'io', '-c', 'lease shared,breakable; sleep 600000', path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise(resolve => holder.on('exit', resolve));
    try {
      let said = '';
      holder.stdout.on('data', data => {
        said += data;
      });
      await eventually('its lease', () => said.includes('lease shared,breakable'), LIMIT_MS);
      const file = files.open(path);
      assert.is(
        code(() => file.setLeaseSync('exclusive,breakable')),
        'EAGAIN',
      );
      const taking = file.setLease('exclusive,breakable');
      // The holder has its notice and does not answer: only its death ends the wait now.
      await eventually('the break', () => said.includes('break: '), LIMIT_MS);
      holder.kill('SIGKILL');
      await taking;
      assert.is(file.getLease().kind, 'exclusive,breakable');
    } finally {
      holder.kill('SIGKILL');
      await ended;
    }
  });

  test('a closed file answers EBADF, and a descriptor of another owner stays open', () => {
    const path = files.fresh();
    const fd = openSync(path, 'r+');
    const file = new LeaseFile(fd);
    file.setLeaseSync('shared,breakable');
    file.close();
    file.close();
    assert.is(file.fd, -1);
    assert.is(
      code(() => file.getLease()),
      'EBADF',
    );
    const again = new LeaseFile(fd);
    assert.is(again.getLease().kind, 'shared,breakable', 'the lease is the description’s');
    closeSync(fd);
  });

  test('`using` releases the lease with the file', () => {
    const path = files.fresh();
    {
      using file = LeaseFile.open(path);
      file.setLeaseSync('exclusive');
    }
    truncateSync(path, 0);
  });
});
