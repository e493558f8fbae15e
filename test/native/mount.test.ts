// The Channel against the kernel: a real mount whose server is test/native/tiny-fuse.ts. Needs root and /dev/fuse.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { type Channel, native } from '../../src/native/binding.js';
import { needing, suiteNeeding } from '../support/suites.js';
import { abruptEnd, addonPath, codeOf, memoryFile, sleep, within } from './fixture.js';

const MNT_DETACH = 2;
/** _IOWR('T', 1, 8 bytes): see tiny-fuse.ts. */
const IOCTL_WAIT = 0xc0085401;

interface End {
  readonly end: number;
  readonly lost: number;
  readonly interrupted: number;
  readonly seen: Readonly<Record<string, number>>;
}

let target = '';
let server: ChildProcess;

async function start(): Promise<void> {
  target = mkdtempSync(join(tmpdir(), 'leasefs-native-'));
  server = fork(fileURLToPath(new URL('./tiny-fuse.js', import.meta.url)), [target, 'tiny'], {
    stdio: 'inherit',
  });
  await saidByServer('mounted');
}

/** Waits until the server has said `what`, `times` times from now. */
function saidByServer(what: string, times = 1): Promise<void> {
  const from = server;
  const all = new Promise<void>(resolve => {
    const listen = (message: unknown) => {
      if (message !== what || --times > 0) return;
      from.off('message', listen);
      resolve();
    };
    from.on('message', listen);
  });
  return within(all, `'${what}'`);
}

/** Unmounts; what the server saw. */
async function stop(): Promise<End> {
  const ended = new Promise<End>(resolve =>
    server.on('message', message => {
      if (typeof message === 'object') resolve(message as unknown as End);
    }),
  );
  assert.is(native.umount(target, 0), 0);
  const end = await within(ended, 'the end of the channel');
  if (server.exitCode === null) await within(once(server, 'exit'), 'the server’s exit');
  assert.is(server.exitCode, 0, 'nothing keeps the server’s event loop alive');
  return end;
}

suiteNeeding('a mount through the channel', ['mount'], test => {
  test.after.each(() => {
    if (target === '') return;
    native.umount(target, MNT_DETACH);
    server.kill('SIGKILL');
    rmdirSync(target);
    target = '';
  });

  /** An ioctl that waits until the server is sent 'answer'; it answers `value` + 1. */
  async function wait(fd: number, value: number): Promise<number> {
    const data = new ArrayBuffer(8);
    new Uint32Array(data).set([1, value]);
    const result = await native.ioctlAsync(fd, IOCTL_WAIT, data);
    return result < 0 ? result : new Uint32Array(data)[1]!;
  }

  test('F1: a file is passed through: its bytes are the memory file’s, and READ never comes', async () => {
    await start();
    assert.is((await readFile(join(target, 'f'))).toString('latin1', 0, 4), 'tiny');
    const fd = openSync(join(target, 'f'), 'r+');
    assert.is(statSync(join(target, 'f')).size, 4096);
    const memory = native.map(fd, 0, 4096, 3);
    new Uint8Array(memory)[0] = 0x54;
    assert.is(readFileSync(join(target, 'f')).toString('latin1', 0, 4), 'Tiny');
    native.unmap(memory);
    closeSync(fd);
    const { end, lost, seen } = await stop();
    assert.is(end, errno.ENODEV);
    assert.is(lost, 0);
    assert.ok(seen[14]! >= 3, 'OPEN');
    if (seen[15] !== undefined) console.log('this kernel has no passthrough: READ came');
  });

  test('answers given later arrive, in any order; the loop serves others before that', async () => {
    await start();
    const file = await open(join(target, 'f'), 'r+');
    const answered: number[] = [];
    const waits: Promise<void>[] = [];
    for (const n of [1, 2, 3, 4]) {
      const waiting = saidByServer('waiting');
      waits.push(wait(file.fd, n).then(value => void answered.push(value)));
      await waiting;
    }
    assert.is((await readFile(join(target, 'f'))).length, 4096, 'served while four calls wait');
    for (const wait of waits.reverse()) {
      server.send('answer');
      await within(wait, 'the answer');
    }
    assert.equal(answered, [5, 4, 3, 2]);
    await file.close();
    assert.is((await stop()).lost, 0);
  });

  test('calls that wait do not take libuv’s threads: file I/O goes on', async () => {
    await start();
    const file = await open(join(target, 'f'), 'r+');
    const waiting = saidByServer('waiting', 20);
    const waits = Array.from({ length: 20 }, (_, n) => wait(file.fd, n));
    await waiting;
    await within(readFile('/proc/self/status'), 'a file read while twenty calls wait');
    for (const _ of waits) server.send('answer');
    const answers = await within(Promise.all(waits), 'twenty answers');
    assert.equal(
      answers.sort((a, b) => a - b),
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
    await file.close();
    await stop();
  });

  test('B5: process.exit() interrupts a call that waits, it does not wait for it', async () => {
    await start();
    const text = `
      const addon = require(${JSON.stringify(addonPath)});
      const file = addon.open(${JSON.stringify(join(target, 'f'))}, 2);
      const data = new ArrayBuffer(8);
      new Uint32Array(data)[0] = 1;
      addon.ioctlAsync(file.fd, ${IOCTL_WAIT}, data);
      process.stdin.on('data', () => process.exit(7));`;
    const waiting = saidByServer('waiting');
    const child = spawn(process.execPath, ['-e', text], {
      stdio: ['pipe', 'inherit', 'inherit'],
      env: abruptEnd,
    });
    const exited = once(child, 'exit');
    await waiting;
    child.stdin!.write('exit');
    const [code] = await within(exited, 'exit');
    assert.is(code, 7);
    const { interrupted, lost } = await stop();
    assert.is(interrupted, 1);
    assert.is(lost, 0);
  });

  test('B5: a Worker that is terminated leaves its call behind, which ends on its own', async () => {
    await start();
    const text = `
      const addon = require(${JSON.stringify(addonPath)});
      const file = addon.open(${JSON.stringify(join(target, 'f'))}, 2);
      const data = new ArrayBuffer(8);
      new Uint32Array(data)[0] = 1;
      addon.ioctlAsync(file.fd, ${IOCTL_WAIT}, data);`;
    const waiting = saidByServer('waiting');
    const worker = new Worker(text, { eval: true });
    await waiting;
    await within(worker.terminate(), 'the end of the Worker');
    assert.is(native.umount(target, 0), -errno.EBUSY, 'the call was left behind, and it holds the file');
    server.send('answer');
    while (native.umount(target, 0) === -errno.EBUSY) await sleep(10);
    assert.is(native.mount('none', target, 'tmpfs', 0, ''), 0, 'for the next umount');
  });

  needing(test, 'fuse3')('fusermount3 mounts for us: adoptFuse takes over what it sends', async () => {
    const made = mkdtempSync(join(tmpdir(), 'leasefs-native-'));
    const [mine, theirs] = native.socketpair();
    const child = spawn('fusermount3', ['-o', 'fsname=adopted', '--', made], {
      stdio: ['ignore', 'inherit', 'inherit', theirs.fd],
      env: { ...abruptEnd, _FUSE_COMMFD: '3' },
    });
    theirs.close();
    let error: Error | undefined;
    child.on('error', failure => {
      error = failure;
    });
    await within(once(child, 'close'), 'fusermount3').catch(() => {});
    let channel: Channel | undefined;
    try {
      if (error !== undefined) throw error;
      assert.is(child.exitCode, 0);
      channel = native.adoptFuse(native.receiveFd(mine.fd).release(), 65536, 1);
      const { request } = channel;
      const first = new Promise<number>((resolve, reject) => {
        channel?.start(() => {
          resolve(new DataView(request).getUint32(4, true));
          return 0;
        }, reject);
      });
      assert.is(await within(first, 'the first request'), 26, 'INIT');
      assert.match(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(`adopted ${made} fuse`));
    } finally {
      channel?.close();
      native.umount(made, MNT_DETACH);
      mine.close();
      rmdirSync(made);
    }
  });

  test('an ioctl into the mount gets its errno and its data', async () => {
    await start();
    const file = await open(join(target, 'f'), 'r+');
    const data = new ArrayBuffer(8);
    new Uint32Array(data).set([0, 41]);
    assert.is(native.ioctl(file.fd, IOCTL_WAIT, data), 0);
    assert.is(new Uint32Array(data)[1], 42);
    structuredClone(data, { transfer: [data] });
    assert.is(await native.ioctlAsync(file.fd, IOCTL_WAIT, data), -errno.EINVAL);
    const lost = new ArrayBuffer(8);
    const pending = native.ioctlAsync(file.fd, IOCTL_WAIT, lost);
    structuredClone(lost, { transfer: [lost] });
    assert.is(await within(pending, 'the answer'), 0, 'a buffer that is gone gets no data');
    await file.close();
    await stop();
  });

  test('a forced unmount ends the channel; a busy one is refused', async () => {
    await start();
    const file = await open(join(target, 'f'), 'r+');
    assert.is(native.umount(target, 0), -errno.EBUSY);
    await file.close();
    assert.is((await stop()).end, errno.ENODEV);
    assert.is(native.umount(target, 0), -errno.EINVAL);
  });

  test('a channel that was never mounted ends with what read(2) says, EPERM', async () => {
    const channel = native.openFuse('/dev/fuse', 65536, 1);
    const ended = new Promise<number>(resolve => channel.start(() => 0, resolve));
    assert.is(await within(ended, 'onEnd'), errno.EPERM);
    assert.is(channel.backingOpen(0), -errno.EPERM);
    channel.close();
  });

  test('mount and open say why not', () => {
    assert.is(native.mount('x', '/nowhere', 'fuse', 0, ''), -errno.ENOENT);
    assert.is(native.mount('x', '/tmp', 'nofs', 0, ''), -errno.ENODEV);
    assert.is(
      codeOf(() => native.openFuse('/dev/nofuse', 65536, 1)),
      'ENOENT',
    );
    const file = memoryFile(0);
    assert.is(
      codeOf(() => native.adoptFuse(9999, 65536, 1)),
      'EBADF',
    );
    file.close();
  });
});
