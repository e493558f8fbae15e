// systemd's descriptor store in the place of the keeper, with a service manager that does what systemd does.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { inheritedBySystemd, isStoreOfSystemd, SystemdStore } from '../../src/keeper/systemd-store.js';
import { needing } from '../support/suites.js';

const test = suite('descriptor store of systemd');
const manager = fileURLToPath(new URL('../../../test/keeper/systemd.py', import.meta.url));
const service = fileURLToPath(new URL('./stored.js', import.meta.url));

function run(...scripts: readonly string[]): { said: string[]; ran: Record<string, unknown>[] } {
  const directory = mkdtempSync(join(tmpdir(), 'leasefs-store-'));
  const words = [manager, directory, process.execPath, service, '--', ...scripts];
  const { stdout, stderr, status } = spawnSync('python3', words, { encoding: 'utf8' });
  rmSync(directory, { recursive: true });
  assert.is(status, 0, stderr);
  const lines = (what: string) =>
    stdout
      .split('\n')
      .filter(line => line.startsWith(`${what} `))
      .map(line => line.slice(what.length + 1));
  return { said: lines('said'), ran: lines('ran').map(line => JSON.parse(line)) };
}

needing(test, 'python3')('what is stored comes back by its name, and deaths are counted', () => {
  const { said, ran } = run('first', 'next', 'upgrade', 'next');
  const rest = { by: 'systemd', isThere: true };
  const kept = ['device', 'new', null, null];
  const other = -errno.EOPNOTSUPP;
  assert.equal(ran, [
    { deaths: 0, takesOver: false, kept: [null, null, null, null], ...rest, answers: [other, 0] },
    { deaths: 1, takesOver: true, kept, ...rest, answers: [other, 0] },
    { deaths: 2, takesOver: true, kept, ...rest, answers: [other, 0] },
    { deaths: 2, takesOver: true, kept, ...rest, answers: [other, 0] },
  ]);
  assert.equal(said, [
    'FDSTORE=1 FDNAME=deaths FDPOLL=0 1',
    'FDSTORE=1 FDNAME=fuse FDPOLL=0 1',
    'FDSTORE=1 FDNAME=journal FDPOLL=0 1',
    'FDSTORE=1 FDNAME=while FDPOLL=0 1',
    'FDSTOREREMOVE=1 FDNAME=journal 0',
    'FDSTORE=1 FDNAME=journal FDPOLL=0 1',
    'FDSTOREREMOVE=1 FDNAME=while 0',
    'READY=1 0',
    'READY=1 0',
    'READY=1 0',
    'READY=1 0',
  ]);
});

test('a unit without a store has none; descriptors of another process are none of ours', () => {
  const socket = { NOTIFY_SOCKET: '/run/systemd/notify' };
  assert.is(isStoreOfSystemd({ ...socket, FDSTORE: '64' }), true);
  for (const FDSTORE of [undefined, '', '0', 'x']) assert.is(isStoreOfSystemd({ ...socket, FDSTORE }), false);
  assert.is(isStoreOfSystemd({ FDSTORE: '64' }), false);
  const pid = `${process.pid}`;
  assert.equal(inheritedBySystemd({ LISTEN_PID: pid, LISTEN_FDS: '3' }), [3, 4, 5]);
  assert.equal(inheritedBySystemd({ LISTEN_PID: '1', LISTEN_FDS: '3' }), []);
  assert.equal(inheritedBySystemd({ LISTEN_PID: pid, LISTEN_FDS: '-3' }), []);
  assert.equal(inheritedBySystemd({}), []);
});

test('without systemd at the other end of the socket: once, and nothing is thrown', () => {
  const store = new SystemdStore({ NOTIFY_SOCKET: '/nowhere/notify' }, []);
  let gone = 0;
  store.watch(() => gone++);
  store.keep('fuse', 0);
  store.serving();
  assert.equal([store.isThere, gone, store.next([])], [false, 1, -errno.EPIPE]);
});

test.run();
