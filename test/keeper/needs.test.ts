// Which kernels can send requests again.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { noKeeperOn } from '../../src/keeper/needs.js';

const test = suite('needs of the keeper');

test('Linux 6.9 and newer', () => {
  for (const release of ['6.9.0', '6.9', '6.12.41+deb13-amd64', '6.18.44', '7.0.0-rc1', '10.1'])
    assert.is(noKeeperOn(release), undefined, release);
  for (const release of ['6.8.0-31-generic', '6.1.0', '5.15.153.1-microsoft-standard-WSL2', '', 'x'])
    assert.is(
      noKeeperOn(release),
      `--keeper needs Linux 6.9, which sends requests again that a dead daemon left; this is ${release}`,
    );
});

test.run();
