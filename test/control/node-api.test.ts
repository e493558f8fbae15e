// `import { mount } from 'leasefs'`: a program that mounts, steers and watches.
import { mkdtempSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { LeaseFile, mount, type ReportedEvent } from '../../src/index.js';
import { suiteNeeding } from '../support/suites.js';

suiteNeeding('events and injections for Node programs', ['mount'], test => {
  test('events() iterates until the mount is unmounted, inject() is answered by them', async () => {
    const fs = await mount({ leaseBreakTime: 60_000, allowInject: true });
    const seen: ReportedEvent[] = [];
    let broken: () => void = () => {};
    const notified = new Promise<void>(resolve => {
      broken = resolve;
    });
    const watching = (async () => {
      for await (const event of fs.events()) {
        if (event.event === 'lost') continue;
        seen.push(event);
        if (event.event === 'break') broken();
      }
    })();
    const path = join(fs.path, 'f');
    writeFileSync(path, 'x');
    const file = LeaseFile.open(path);
    await file.setLease('shared,breakable');
    fs.inject({ do: 'break', file: 'f' });
    await notified;
    file[Symbol.dispose]();
    await fs.unmount();
    await watching;
    assert.equal(
      seen.slice(0, 3).map(({ event, injected }) => [event, injected ?? false]),
      [
        ['grant', false],
        ['injected', true],
        ['break', true],
      ],
    );
  });

  test('mount() names an option that there is not, or whose value is wrong, and leaves no directory', async () => {
    const said = async (options: object): Promise<string> => {
      try {
        await using fs = await mount(options);
        return `mounted ${fs.path}`;
      } catch (error) {
        assert.instance(error, TypeError);
        return (error as Error).message;
      }
    };
    const { TMPDIR } = process.env;
    const scratch = mkdtempSync(join(tmpdir(), 'leasefs-options-'));
    process.env.TMPDIR = scratch;
    try {
      assert.match(await said({ sise: 4096 }), /^mount has no option 'sise': it takes path, size, /);
      assert.is(await said({ size: '4g' }), "size of mount is a number, not '4g'");
      assert.match(await said({ size: -1 }), /^size '-1' is no size of 4k or more/);
      assert.match(await said({ size: Number.NaN }), /^size 'NaN' is no size/);
      assert.match(await said({ leaseBreakTime: 1.5 }), /^leaseBreakTime is a whole number/);
      assert.is(await said({ store: 'pooed' }), "store is 'auto', 'direct' or 'pooled', not 'pooed'");
      assert.match(await said({ allowInject: 'yes' }), /^allowInject of mount is a boolean/);
      assert.match(await said({ mountOptions: 'ro' }), /^mountOptions of mount is a list/);
      assert.match(await said({ path: '/' }), /root directory/);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      // Fails if anything was left in it.
      rmdirSync(scratch);
    }
  });
});
