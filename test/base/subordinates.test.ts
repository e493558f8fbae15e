import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Quota } from '../../src/base/quota.js';
import { countSubordinates, ownersOf } from '../../src/base/subordinates.js';

const test = suite('subordinate users');
const passwd = 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n';

test('a subordinate user is its owner; all others are themselves, those of root too', () => {
  const owner = ownersOf(
    'bob:165536:65536\nann:100000:65536\nroot:1000000:1000000000\n1002:300000:1\nno one\neve:400000:10\nann:x:1\n',
    passwd,
  );
  const of = (...uids: number[]) => uids.map(owner);
  assert.equal(of(0, 1000, 99_999, 100_000, 165_535), [0, 1000, 99_999, 1000, 1000]);
  assert.equal(of(165_536, 231_071, 231_072), [1001, 1001, 231_072]);
  assert.equal(of(300_000, 300_001), [1002, 300_001]);
  assert.equal(of(400_000, 1_000_000), [400_000, 1_000_000]);
  assert.is(ownersOf('', '')(100_000), 100_000);
});

test('all of a user have one share', () => {
  countSubordinates(ownersOf('ann:100000:65536\n', passwd));
  try {
    const quota = new Quota(16);
    const taken = [1000, 100_000, 100_001, 100_002, 100_003, 100_004].filter(uid => quota.take(uid));
    assert.equal(taken, [1000, 100_000, 100_001, 100_002]);
    assert.ok(quota.take(1001), 'another user has its own');
    quota.give(100_001);
    assert.ok(quota.take(100_009));
  } finally {
    countSubordinates(uid => uid);
  }
});

test.run();
