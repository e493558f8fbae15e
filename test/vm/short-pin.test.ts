// A pin that is not for long: a direct read into the file's memory, for which fs-dax makes a truncate wait. Inside the virtual machine of `npm run test:vm` only.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { grounds } from '../proposal/grounds.js';
import { ShortPins, type Truncation } from './short-pins.js';

const test = suite('a truncate while a direct read into the file is under way');

if (process.env.LEASEFS_VM === undefined) test.skip('not in the virtual machine: npm run test:vm');
else {
  const pins = new ShortPins();
  test.after(() => pins.clear());

  const on = async (name: keyof typeof grounds): Promise<Truncation> => {
    const ground = await grounds[name]!();
    try {
      return pins.truncate(ground);
    } finally {
      await ground.stop();
    }
  };

  for (const name of ['ext4 dax', 'xfs dax'])
    test(`on ${name} it waits for the read`, async () => {
      assert.equal(await on(name), { answer: 'ok', returned: 'after the read' });
    });

  test('on leasefs it is not refused: a direct read is no pin that anybody told us of (N10)', async () => {
    assert.is((await on('leasefs')).answer, 'ok');
  });
}

test.run();
