// `import { mount } from 'leasefs'`: a program that mounts, steers and watches.
import { writeFileSync } from 'node:fs';
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
});
