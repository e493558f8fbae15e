// A daemon of 64 MiB of heap, and a user who makes it keep as much as possible: each bound answers an errno, and the mount lives.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { harmless } from '../support/hostile.js';
import { Mounted, PATIENT } from '../support/mounted.js';
import { mountedSuite } from '../support/suites.js';

const MIB = 2 ** 20;
const small = ['env', 'NODE_OPTIONS=--max-old-space-size=64'];
const start = (): Promise<Mounted> =>
  Mounted.through(
    small,
    mkdtempSync(join(tmpdir(), 'leasefs-test-')),
    '--store',
    'pooled',
    '--size',
    '256m',
    '-o',
    'allow_other,mode=1777',
    ...PATIENT,
  );

mountedSuite('a small heap and a hostile user', { start, needs: ['root'] }, ({ test, mount }) => {
  /** Of the daemon, MiB. */
  const memory = (): number => {
    const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${mount.pid}/status`, 'utf8'))!;
    return Number(kib) / 1024;
  };

  test('writes that wait for lease breaks: EAGAIN beyond a share', async () => {
    const before = memory();
    // The files' holder must not be the writer, which would wait for itself (B7).
    const writer = `
      const { openSync, writeFile, write } = await import('node:fs');
      const page = new Uint8Array(${MIB});
      let left = 24; const said = {};
      for (let n = 0; n < 24; n++) write(openSync(process.argv[1] + '/w' + n, 'r+'), page, 0, page.length, 0, error => {
        said[error?.code ?? 'ok'] = (said[error?.code ?? 'ok'] ?? 0) + 1;
        if (--left === 0) console.log(JSON.stringify(said));
        else if (error !== null && said.EAGAIN === 21) process.send('full');
      });`;
    const said = await harmless(
      mount.path,
      `
      const { fork, spawn } = await import('node:child_process');
      const files = [];
      for (let n = 0; n < 24; n++) { const file = open(mnt + '/w' + n); file.setLeaseSync('exclusive,breakable'); files.push(file); }
      const child = spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(writer)}, mnt],
        { stdio: ['ignore', 'pipe', 'inherit', 'ipc'], env: { ...process.env, UV_THREADPOOL_SIZE: '24' } });
      let text = '';
      child.stdout.on('data', data => { text += data; });
      child.on('message', () => { console.log(readReport(fs.openSync(mnt), 'status').waiters); files.forEach(file => file.close()); });
      child.on('close', () => console.log(text));`,
    );
    const [waiters, counts] = said.trim().split('\n');
    // A quarter of 16 MiB, and each takes a little more than its MiB.
    assert.is(waiters, '3');
    assert.equal(JSON.parse(counts!), { EAGAIN: 21, ok: 3 });
    assert.ok(memory() - before < 48, `${memory() - before} MiB more`);
    assert.match(mount.log(), 'EAGAIN to user 65534');
  });

  test('listings that are read in part: EAGAIN beyond a share, and whole ones are read on', async () => {
    const before = memory();
    const said = await harmless(
      mount.path,
      `
      const files = [];
      for (let n = 0; n < 200; n++) { const file = open(mnt + '/' + 'a'.repeat(250)); file.setLeaseSync('shared,breakable'); files.push(file); }
      const byte = new Uint8Array(1); const said = {}; const keep = [];
      for (let n = 0; n < 200; n++) {
        const fd = fs.openSync(mnt + '/.leasefs/leases.json'); keep.push(fd);
        const how = tried(() => fs.readSync(fd, byte));
        said[how] = (said[how] ?? 0) + 1;
      }
      console.log(JSON.stringify(said), readReport(fs.openSync(mnt), 'leases').leases.length >= 200);
      for (const fd of keep) fs.closeSync(fd);
      // The kernel releases them after close(2) has returned.
      let after;
      do after = tried(() => fs.readSync(fs.openSync(mnt + '/.leasefs/leases.json'), byte)); while (after === 'EAGAIN');
      console.log(after);`,
    );
    const [counts, , after] = said.trim().split(/[ \n]/);
    const { ok, EAGAIN } = JSON.parse(counts!);
    assert.ok(ok > 10 && EAGAIN > 10, counts);
    assert.is(after, 'ok', 'a closed file frees its share');
    assert.ok(memory() - before < 48, `${memory() - before} MiB more`);
  });

  test('links, symbolic links and files as many as there may be: ENOSPC', async () => {
    const said = await harmless(
      mount.path,
      `
      fs.writeFileSync(mnt + '/target', '');
      const makers = {
        link: path => fs.linkSync(mnt + '/target', path),
        symlink: path => fs.symlinkSync('t'.repeat(4000), path),
        file: path => fs.writeFileSync(path, ''),
      };
      for (const [name, make] of Object.entries(makers)) {
        const top = mnt + '/' + name;
        fs.mkdirSync(top);
        let how = 'ok', n = 0;
        for (; how === 'ok'; n++) how = tried(() => make(top + '/' + String(n).padStart(250, '0')));
        console.log(name, how, n > 1000);
        fs.rmSync(top, { recursive: true });
      }`,
    );
    assert.is(said, 'link ENOSPC true\nsymlink ENOSPC true\nfile ENOSPC true\n');
    assert.not.match(mount.log(), /failed|fault/);
  });
});
