// What --json prints: each verb's object is as src/cli/json.schema.json says.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { faultsOf, type Root } from '../support/json-schema.js';
import { bothStores, cli, HASTY } from '../support/mounted.js';
import { BLOCK, EXCLUSIVE, O_RDWR, SHARED_BREAKABLE } from '../support/numbers.js';
import { mountedSuite } from '../support/suites.js';
import { timeFactor } from '../support/time-factor.js';

const file = new URL('../../../src/cli/json.schema.json', import.meta.url);
const schema = JSON.parse(readFileSync(file, 'utf8')) as Root;

function leasefs(...args: string[]): string {
  const { stdout, stderr, error } = spawnSync(process.execPath, [cli, ...args], {
    encoding: 'utf8',
    timeout: 60_000 * timeFactor,
  });
  assert.is(error, undefined, stderr);
  return stdout;
}

function check(name: string, text: string): void {
  assert.equal(faultsOf(schema, `leasefs ${name}`, JSON.parse(text)), [], text);
}

for (const store of bothStores) {
  mountedSuite(`--json, ${store} store`, { store, args: HASTY }, ({ test, mount, stage }) => {
    test('each verb prints what the schema describes, and nothing else', async () => {
      const path = mount.file('f');
      writeFileSync(path, Buffer.alloc(16 * BLOCK, 1));
      const [holder, other] = [await stage.actor('holder'), await stage.actor('other')];
      await holder.open(path, O_RDWR);
      await holder.setLease(EXCLUSIVE);
      await holder.pin(0, 2 * BLOCK);
      assert.is(await other.try.truncate(path, 0), 'ETXTBSY');
      // A break that is forced, a zombie, and a pin whose description is another's.
      const second = mount.file('g');
      writeFileSync(second, Buffer.alloc(BLOCK, 1));
      await holder.open(second, O_RDWR, { slot: 1 });
      await holder.setLease(SHARED_BREAKABLE, { slot: 1 });
      assert.is(await other.try.truncate(second, 0), 'ok');
      await holder.close();
      for (const verb of ['leases', 'pins', 'extents', 'stat', 'layout'])
        check(verb, leasefs(verb, '--json', path));
      for (const verb of ['leases', 'pins', 'status', 'top'])
        check(verb, leasefs(verb, '--json', mount.path));
      const lines = leasefs('events', '--json', mount.path).trimEnd().split('\n');
      assert.ok(lines.length >= 6, lines.join('\n'));
      for (const line of lines) check('events', line);
      for (const name of ['break', 'forced', 'refused', 'zombie'])
        assert.ok(
          lines.some(line => JSON.parse(line).event === name),
          name,
        );
    });
  });
}

mountedSuite('--json', {}, ({ test }) => {
  test('doctor, explain and run print what the schema describes', () => {
    check('doctor', leasefs('doctor', '--json'));
    check('rules', leasefs('explain', '--json'));
    check('rule', leasefs('explain', '--json', 'X1'));
    const scratch = mkdtempSync(join(tmpdir(), 'leasefs-json-'));
    const report = join(scratch, 'report');
    const chain = 'lease exclusive; pin 0 8k; fork { truncate 0 }; wait; close';
    const io = [process.execPath, cli, 'io', '-k', '-c', chain, '{}/f'];
    leasefs(
      'run',
      '--json',
      '--output',
      report,
      '--',
      'sh',
      '-c',
      `head -c 65536 /dev/zero > $LEASEFS_MNT/f; exec "$@"`,
      'sh',
      ...io,
    );
    const text = readFileSync(report, 'utf8');
    check('run', text);
    const { leases, pins, refusals } = JSON.parse(text);
    assert.equal([leases.length, pins.length, refusals.length], [1, 1, 1], text);
    rmSync(scratch, { recursive: true });
  });
});
