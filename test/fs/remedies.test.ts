// Each refusal of the lease machine has a remedy for its caller.
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXCLUSIVE, NONE, SHARED, SHARED_BREAKABLE } from '../../src/abi/kinds.js';
import type { ErrnoName } from '../../src/base/errno.js';
import type { LeaseId, ProcessId } from '../../src/base/units.js';
import { remedyOf } from '../../src/fs/trace/remedies.js';
import type { LeaseHolder } from '../../src/lease/types.js';

const test = suite('remedies');
const rules = new URL('../../../src/lease/', import.meta.url);
const held: LeaseHolder = {
  by: 'lease',
  process: 1 as ProcessId,
  lease: 1 as LeaseId,
  leaseKind: SHARED,
  zombie: false,
};

test('each refusal that the rules can raise has one', () => {
  const raised = readdirSync(rules)
    .filter(name => name.endsWith('.ts'))
    .flatMap(name => [
      ...readFileSync(new URL(name, rules), 'utf8').matchAll(/refused\('(\w+)', '(\w+)'(, \w+)?/g),
    ]);
  assert.ok(raised.length > 30, `${raised.length}`);
  for (const [text, errno, rule, holder] of raised) {
    if (rule === 'N1') continue;
    const verdict = { kind: 'refused', errno: errno as ErrnoName, rule: rule! } as const;
    assert.ok(remedyOf(holder === undefined ? verdict : { ...verdict, holder: held }), text);
  }
});

test('N1: what the caller has, and which kinds a pin needs', () => {
  const verdict = { kind: 'refused', errno: 'EPERM', rule: 'N1' } as const;
  assert.is(
    remedyOf({ ...verdict, own: NONE }),
    "this process has no lease on the file: take an 'exclusive' or 'shared' one first",
  );
  assert.match(remedyOf({ ...verdict, own: SHARED_BREAKABLE })!, "the lease here is 'shared,breakable'");
});

test('X3: convert a shared lease; what --semantics=rfc-v2 refuses to the exclusive owner is released', () => {
  const verdict = { kind: 'refused', errno: 'EDEADLK', rule: 'X3' } as const;
  assert.match(remedyOf({ ...verdict, holder: held })!, "convert the own lease to 'exclusive'");
  assert.match(remedyOf({ ...verdict, holder: { ...held, leaseKind: EXCLUSIVE } })!, 'release');
});

test.run();
