// storm.c on a mount of its own: no violation, no fault in the daemon, and nothing is left when its processes are gone.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { eventually } from '../support/actors.js';
import { Mounted, type Store } from '../support/mounted.js';

const sources = fileURLToPath(new URL('../../../', import.meta.url));
const FILES = 4;
const MIB = 1 << 20;

export interface Storm {
  readonly seconds: number;
  /** Up to 40. */
  readonly workers: number;
  readonly seed: number;
}

interface Counts {
  readonly checks: number;
  readonly violations: number;
  readonly hangs: number;
}

/** Throws an Error that names the seed. */
export async function storm(store: Store, { seconds, workers, seed }: Storm): Promise<void> {
  const built = mkdtempSync(join(tmpdir(), 'leasefs-storm-'));
  try {
    const program = join(built, 'storm');
    const flags = ['-Wall', '-Wextra', '-Werror', '-O1', '-I', join(sources, 'native/include')];
    const parts = ['storm.c', 'storm-worker.c'].map(part => join(sources, 'test/fuzz', part));
    const made = spawnSync('gcc', [...flags, ...parts, '-o', program], { encoding: 'utf8' });
    assert.is(made.status, 0, made.stderr);
    await Mounted.during(['--store', store, '--lease-break-time', '1000'], async mount => {
      const words = [store, mount.path, seconds, workers, FILES, seed].map(String);
      const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      const said = await text(child.stdout);
      const lines = said.trim().split('\n');
      const { checks, violations, hangs } = JSON.parse(lines.at(-1)!) as Counts;
      assert.equal([violations, hangs], [0, 0], `LEASEFS_SEED=${seed}\n${said}`);
      assert.ok(checks > 0);
      if (seconds >= 60) console.log(`${store}, seed ${seed}: ${said.trim()}`);
      await nothingIsLeft(mount);
    });
  } finally {
    rmSync(built, { recursive: true });
  }
}

async function nothingIsLeft(mount: Mounted): Promise<void> {
  const held = (): number => mount.report('leases').leases.length + mount.report('pins').pins.length;
  await eventually('the end of leases and pins', () => held() === 0);
  for (const name of readdirSync(mount.path)) if (name.startsWith('storm-')) rmSync(mount.file(name));
  await eventually('the end of the files', () => mount.report('status').files === 0);
  await eventually('free memory', () => mount.report('status').used < MIB);
  assert.equal(mount.log().match(/^.*(failed|fault|\bEIO\b).*$/gm), null);
}
