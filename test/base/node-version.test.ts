// The message for an old Node.js, and the same floor in package.json for npm.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refusalOfNode } from '../../src/base/node-version.js';

const test = suite('the version of Node.js');

test('the floor is that of package.json, and what is below it is refused in one line', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  };
  const [, major, minor] = /^\^(\d+)\.(\d+)\.0 \|\| >=22\.0\.0$/.exec(engines.node)!;
  for (const version of [`${major}.${minor}.0`, '22.0.0', '24.1.0', process.versions.node]) {
    assert.is(refusalOfNode(version), undefined, version);
  }
  for (const version of [`${major}.${Number(minor) - 1}.9`, '18.20.1', '8.0.0']) {
    assert.is(
      refusalOfNode(version),
      `leasefs needs Node.js ${major}.${minor} or newer, and this is ${version}`,
    );
  }
});

test.run();
