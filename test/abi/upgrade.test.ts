// What is written to `.leasefs/upgrade`.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseUpgrade } from '../../src/abi/upgrade.js';

const test = suite('upgrade');

test('a version and a program', () => {
  const asked = { journal: 3, program: ['/usr/bin/node', '--x', '/l/main.js'] };
  assert.equal(parseUpgrade(JSON.stringify(asked)), asked);
});

test('anything else is refused with words', () => {
  for (const [text, why] of [
    ['', /JSON/],
    ['{}', /"journal" is a version, not undefined/],
    ['{"journal":"1"}', /"journal" is a version, not "1"/],
    ['{"journal":1}', /"program" is an absolute path/],
    ['{"journal":1,"program":[]}', /"program"/],
    ['{"journal":1,"program":["node"]}', /"program"/],
    ['{"journal":1,"program":["/node",2]}', /"program"/],
    ['{"journal":1,"program":["/node","a\\u0000b"]}', /"program"/],
  ] as const)
    assert.throws(() => parseUpgrade(text), why, text);
});

test.run();
