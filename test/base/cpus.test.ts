// How many CPUs control groups leave, from the texts of the kernel.
import { availableParallelism } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cpuQuota, usableCpus } from '../../src/base/cpus.js';

const test = suite('usable CPUs');

const quotaOf = (files: Readonly<Record<string, string>>): number => cpuQuota(path => files[path] ?? '');

test('without a limit there is none', () => {
  assert.is(quotaOf({}), Number.POSITIVE_INFINITY);
  assert.is(
    quotaOf({ '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/cpu.max': 'max 100000\n' }),
    Number.POSITIVE_INFINITY,
  );
  const v1 = { '/proc/self/cgroup': '1:cpu,cpuacct:/\n' };
  assert.is(quotaOf({ ...v1, '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n' }), Number.POSITIVE_INFINITY);
});

test('v2: the least of the group and those above it', () => {
  const group = { '/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/b/cpu.max': '300000 100000\n' };
  assert.is(quotaOf(group), 3);
  assert.is(quotaOf({ ...group, '/sys/fs/cgroup/a/cpu.max': '75000 50000\n' }), 1.5);
  assert.is(quotaOf({ ...group, '/sys/fs/cgroup/cpu.max': '50000 100000\n' }), 0.5);
});

test('v1: the group of the controller cpu alone', () => {
  const files = {
    '/proc/self/cgroup': '3:cpuset:/x\n2:cpuacct,cpu:/a\n1:name=systemd:/y\n0::/\n',
    '/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '150000\n',
    '/sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000\n',
  };
  assert.is(quotaOf(files), 1.5);
});

test('the affinity counts too', () => {
  assert.is(usableCpus(Number.POSITIVE_INFINITY), availableParallelism());
  assert.is(usableCpus(0.5), 0.5);
  assert.ok(cpuQuota() > 0);
});

test.run();
