// RDMA programs of Debian's, unmodified, under `leasefs run`: perftest's bandwidth test with its buffer in a file of the
// mount, rdma-core's ping-pong with plain memory, fio's RDMA engine. In the virtual machine of `npm run test:vm` only.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RunReport } from '../../src/run/report.js';
import { cli } from '../support/mounted.js';
import { timeFactor } from '../support/time-factor.js';
import { bringUpRdma, RDMA_ADDRESS } from './rdma-device.js';

const LIMIT_MS = 60_000 * timeFactor;
const test = suite('RDMA programs of others');

/** Takes the proposal's exclusive lease on a file and becomes the program, which knows of none: exec keeps both. */
const leased = `leased() { perl -e '$^F = 9; open(F, "+<", shift) && fcntl(F, 1024, 16 | 32) || die "$!\\n";
  exec(@ARGV)' "$@"; }`;

/** Until a process listens on a port of TCP or RDMA/CM; a server that ended is not waited for. */
const listening = `listening() { until { ss -Hltn "sport = :$1"; rdma resource show cm_id | grep "LISTEN.*:$1"; } | grep -q .
  do kill -0 "$2" || exit; sleep .1; done; }`;

if (process.env.LEASEFS_VM === undefined) test.skip('not in the virtual machine: npm run test:vm');
else {
  bringUpRdma();
  const scratch = mkdtempSync(join(tmpdir(), 'leasefs-rdma-programs-'));
  const output = join(scratch, 'report');
  test.after(() => rmSync(scratch, { recursive: true }));

  /** A script in the mount's directory, under the supervisor: its output, and the report. */
  const run = (script: string) => {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [
        cli,
        'run',
        '--json',
        '--output',
        output,
        '--',
        'bash',
        '-c',
        `cd "$LEASEFS_MNT"\n${leased}\n${listening}\n${script}`,
      ],
      { encoding: 'utf8', timeout: LIMIT_MS },
    );
    const report = JSON.parse(readFileSync(output, 'utf8')) as RunReport;
    return { said: stdout + stderr, status, report };
  };

  /** Server and client on one machine, over the one device, each with its buffer in a file of its own. */
  const bandwidth = (prefix: (file: string) => string): string => {
    const program = 'ib_write_bw --ib-dev=rxe0 --gid-index=0 --size=65536 --iters=20 --mmap=$PWD/';
    return `truncate -s 4m server client
      ${prefix('server')} ${program}server & server=$!
      listening 18515 $server
      ${prefix('client')} ${program}client localhost && wait $server`;
  };

  test('perftest’s ib_write_bw under leases: its buffers are files of the mount, pinned while it runs', () => {
    const { said, status, report } = run(bandwidth(file => `leased ${file}`));
    assert.is(status, 0, said);
    assert.match(said, /65536 +20 /);
    const paths = (lines: readonly { readonly path: string | null }[]) =>
      lines.map(({ path }) => path).sort();
    assert.equal(paths(report.leases), ['/client', '/server']);
    assert.ok(report.leases.every(({ kind }) => kind === 'exclusive'));
    assert.equal([...new Set(paths(report.pins))], ['/client', '/server']);
    assert.ok(report.pins.every(({ ended }) => ended));
    assert.equal(report.unleased, []);
  });

  test('N1: without a lease it may not register them', () => {
    const { said, status, report } = run(bandwidth(() => ''));
    assert.is.not(status, 0, said);
    assert.equal(report.pins, []);
    assert.ok(
      report.unleased.length > 0 &&
        report.unleased.every(({ by, letThrough }) => by === 'RDMA' && !letThrough),
    );
  });

  test('rdma-core’s ibv_rc_pingpong with memory of its own is let alone', () => {
    const program = 'ibv_rc_pingpong -d rxe0 -g 0 -n 20';
    const { said, status, report } = run(`${program} & server=$!
      listening 18515 $server
      ${program} localhost && wait $server`);
    assert.is(status, 0, said);
    assert.match(said, /20 iters in/);
    assert.equal([report.leases, report.pins, report.unleased], [[], [], []]);
  });

  test('fio’s RDMA engine under leases, its buffers in files of the mount', () => {
    const program = `fio --name=x --ioengine=rdma --port=8888 --bs=64k --size=1m --iodepth=1 --thread --output-format=terse`;
    const { said, status, report } = run(`truncate -s 1m server client
      leased server ${program} --rw=read --mem=mmapshared:$PWD/server & server=$!
      listening 8888 $server
      leased client ${program} --rw=write --mem=mmapshared:$PWD/client --hostname=${RDMA_ADDRESS} --verb=write && wait $server`);
    assert.is(status, 0, said);
    assert.ok(report.pins.length >= 2, said);
  });
}

test.run();
